// PeerAddressTests: how the other end of a connection is named.

import Glibc
import Testing

@testable import HTTPServer

@Suite struct PeerAddressTests {
  @Test func `the network of an IPv4 peer is its address`() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(9).bigEndian
    try #require(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr) == 1)
    try #require(connected(descriptor, &address))
    #expect(PeerAddress(descriptor: descriptor).network == "127.0.0.1")
  }

  @Test(arguments: [("::1", "::1", "::"), ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1")])
  func `the network of an IPv6 peer is its first half, unless it came over IPv4`(
    peer: String, host: String, network: String
  ) throws {
    let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = in_port_t(9).bigEndian
    try #require(inet_pton(AF_INET6, peer, &address.sin6_addr) == 1)
    try #require(connected(descriptor, &address))
    let found = PeerAddress(descriptor: descriptor)
    #expect(found.host == host && found.network == network && found.port == 9)
  }

  // A datagram socket only notes the address.
  private func connected<Address>(_ descriptor: Int32, _ address: inout Address) -> Bool {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
      }
    }
  }
}
