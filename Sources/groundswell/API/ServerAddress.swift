// ServerAddress: the URL of the server, taken apart.

/// Where the management API is.
struct ServerAddress: Sendable, CustomStringConvertible {
  /// Name or address, without brackets.
  let host: String
  let port: UInt16
  /// Whether the connection is encrypted.
  let isSecure: Bool
  /// A path before `/api`, for servers behind a proxy; empty or `/path`.
  let prefix: String

  /// Reads `http://host`, `https://host:8443/path` or `host:8080`; nil for anything else.
  init?(_ text: String) {
    let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    let scheme = parts.count == 2 ? parts[0].lowercased() : "http"
    guard let rest = parts.last, ["http", "https"].contains(scheme) else { return nil }
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = rest.dropFirst(authority.count)
    guard !authority.contains("@"), !path.contains("?"), !path.contains("#") else { return nil }
    isSecure = scheme == "https"
    prefix = String(path.reversed().drop { $0 == "/" }.reversed())
    var name = authority
    var number = isSecure ? "443" : "80"
    // The colons of an IPv6 address are inside brackets (RFC 3986 section 3.2.2).
    if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
      name = authority[..<colon]
      number = String(authority[authority.index(after: colon)...])
    }
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    guard !name.isEmpty, let port = UInt16(number), port > 0 else { return nil }
    host = String(name)
    self.port = port
  }

  /// As a URL.
  var description: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return "\(isSecure ? "https" : "http")://\(name):\(port)\(prefix)"
  }
}
