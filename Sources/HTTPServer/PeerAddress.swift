// The address of the other end of a connection, as numbers; text only when asked for.
import Glibc

/// An IPv4 or IPv6 address and port.
public struct PeerAddress: Sendable, Equatable, CustomStringConvertible {
  private var storage = sockaddr_in6()
  private var isVersion4 = false
  private var isKnown = false

  /// Asks the kernel for the peer of a socket.
  init(descriptor: Int32) {
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getpeername(descriptor, $0, &length)
      }
    }
    isKnown = result == 0
    isVersion4 = Int32(storage.sin6_family) == AF_INET
  }

  /// The port of the peer, 1-65535; 0 if the peer is gone.
  public var port: Int { isKnown ? Int(UInt16(bigEndian: storage.sin6_port)) : 0 }

  /// The address without port as text, IPv4 also where it came mapped into IPv6; empty if the peer
  /// is gone.
  public var host: String {
    guard isKnown else { return "" }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    var copy = storage
    withUnsafeBytes(of: &copy) { bytes in
      let offset = isVersion4 ? 4 : 8
      let address = bytes.baseAddress.map { $0 + offset }
      inet_ntop(isVersion4 ? AF_INET : AF_INET6, address, &text, socklen_t(text.count))
    }
    let end = text.firstIndex(of: 0) ?? text.count
    let host = String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return host.hasPrefix("::ffff:") && host.contains(".") ? String(host.dropFirst(7)) : host
  }

  /// What one customer of a network usually has: the IPv4 address, or the first 64 bits of an IPv6
  /// address, such as `2001:db8:0:1::`; empty if the peer is gone.
  ///
  /// It is that of the connection. What a proxy says about its clients is not believed.
  public var network: String {
    let host = self.host
    guard isKnown, host.contains(":") else { return host }
    var copy = self
    withUnsafeMutableBytes(of: &copy.storage.sin6_addr) { bytes in
      for index in 8..<16 { bytes[index] = 0 }
    }
    return copy.host
  }

  /// Address and port as in a URL, such as `127.0.0.1:4711` or `[::1]:4711`.
  public var description: String {
    let host = self.host
    return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// Whether both name the same address and port.
  public static func == (left: PeerAddress, right: PeerAddress) -> Bool {
    left.port == right.port && left.host == right.host
  }
}
