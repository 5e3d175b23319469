// Where a server is: the parts of an http or https URL (RFC 9110 section 4.2).

/// An `http` or `https` URL, taken apart.
public struct HTTPAddress: Sendable, Equatable, CustomStringConvertible {
  /// Whether the scheme is `https`.
  public var isSecure: Bool
  /// Name or address; an IPv6 address without its brackets.
  public var host: String
  /// The port, 1-65535; 80 or 443 if the URL has none.
  public var port: Int
  /// Path and query as they go into a request line; `/` if the URL has none.
  public var target: String

  /// Takes a URL apart.
  ///
  /// - Parameter url: such as `http://127.0.0.1:8080/path?query`; a fragment is dropped.
  /// - Throws: `HTTPClientError.malformedURL` for other schemes, user names, or a bad port.
  public init(_ url: String) throws(HTTPClientError) {
    var rest = Substring(url)
    if let mark = rest.firstIndex(of: "#") { rest = rest[..<mark] }
    if rest.lowercased().hasPrefix("http://") {
      isSecure = false
      rest = rest.dropFirst(7)
    } else if rest.lowercased().hasPrefix("https://") {
      isSecure = true
      rest = rest.dropFirst(8)
    } else {
      throw .malformedURL(url)
    }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<end]
    let tail = rest[end...]
    target = tail.hasPrefix("/") ? String(tail) : "/" + tail
    guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !authority.contains("@") else {
      throw .malformedURL(url)
    }
    var host = authority
    var port = isSecure ? 443 : 80
    let afterBracket = authority.lastIndex(of: "]") ?? authority.startIndex
    if let colon = authority[afterBracket...].lastIndex(of: ":") {
      guard let number = Int(authority[authority.index(after: colon)...]),
        (1...65_535).contains(number)
      else { throw .malformedURL(url) }
      host = authority[..<colon]
      port = number
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .malformedURL(url)
    }
    self.host = String(host)
    self.port = port
  }

  /// The URL again, always with its port.
  public var description: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(isSecure ? "https" : "http")://\(name):\(port)\(target)"
  }
}
