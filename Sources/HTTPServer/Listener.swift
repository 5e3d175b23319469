// Listening sockets: one per loop on the same port (SO_REUSEPORT), so the kernel spreads clients.
import Glibc

/// Makes listening sockets for an address.
struct Listener {
  /// Connections the kernel may queue; capped by net.core.somaxconn.
  private static let backlog: Int32 = 4_096

  private let address: String
  private let host: String
  private var port: Int

  /// Splits `host:port`.
  init(address: String) throws(ServerError) {
    self.address = address
    guard let colon = address.lastIndex(of: ":"),
      let port = Int(address[address.index(after: colon)...]), (0...65_535).contains(port)
    else { throw .malformedAddress(address) }
    var host = String(address[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.host = host
    self.port = port
  }

  /// Opens a socket for each loop and tells the port they share.
  mutating func open(count: Int) throws(ServerError) -> (descriptors: [Int32], port: Int) {
    var descriptors: [Int32] = []
    do {
      for _ in 0..<count {
        let descriptor = try open()
        descriptors.append(descriptor)
        port = Self.port(of: descriptor)
      }
    } catch {
      descriptors.forEach { close($0) }
      throw error
    }
    return (descriptors, port)
  }

  private func open() throws(ServerError) -> Int32 {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    // An empty host means all addresses: the IPv6 wildcard takes IPv4 too.
    let status = getaddrinfo(host.isEmpty ? "::" : host, String(port), &hints, &found)
    guard status == 0, let entry = found else { throw .malformedAddress(address) }
    defer { freeaddrinfo(found) }
    let kind = entry.pointee.ai_socktype | Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(entry.pointee.ai_family, kind, 0)
    guard descriptor >= 0 else { throw .resources(reason: Self.reason()) }
    var one: Int32 = 1
    var zero: Int32 = 0
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, size)
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, size)
    if host.isEmpty { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &zero, size) }
    guard bind(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0,
      listen(descriptor, Self.backlog) == 0
    else {
      let reason = Self.reason()
      close(descriptor)
      throw .cannotListen(address: address, reason: reason)
    }
    return descriptor
  }

  private static func port(of descriptor: Int32) -> Int {
    var storage = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    withUnsafeMutablePointer(to: &storage) { pointer in
      _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getsockname(descriptor, $0, &length)
      }
    }
    return Int(UInt16(bigEndian: storage.sin6_port))
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
