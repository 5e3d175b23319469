// A response as the client hands it out, and the request bodies it takes.
public import Crypto

/// How a client secures its connection.
public struct TLSClientOptions: Sendable, Equatable {
  /// Whom to believe.
  public var trust: TLSTrust
  /// The client's own certificate, if the server asks for one.
  public var identity: TLSIdentity?

  /// Names whom to believe and how to present oneself.
  public init(trust: TLSTrust = .system, identity: TLSIdentity? = nil) {
    self.trust = trust
    self.identity = identity
  }
}

/// The body of a request.
public enum HTTPRequestBody {
  /// No body.
  case none
  /// These bytes.
  case bytes([UInt8])
  /// A file, read while it is sent; `progress` is told bytes sent and bytes in all.
  case file(path: String, progress: ((_ sent: Int, _ total: Int) -> Void)?)
}

/// A response of a server.
public struct HTTPResponse: Sendable {
  /// The status code.
  public let status: Int
  /// Header fields in order, values trimmed.
  public let headers: [(name: String, value: String)]
  /// The body; empty if it went to a closure.
  public internal(set) var body: [UInt8] = []

  /// The value of the first header field with this name, in any case; `nil` if there is none.
  public func header(_ name: String) -> String? {
    let wanted = name.lowercased()
    return headers.first { $0.name.lowercased() == wanted }?.value
  }

  /// The body as text; bytes that are not UTF-8 become replacement characters.
  public var text: String { String(decoding: body, as: UTF8.self) }
}
