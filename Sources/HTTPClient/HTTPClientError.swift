// Why a request could not be made or its response not be understood.

/// A failure of the client; a response of the server, whatever its status, is none.
public enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The URL is not `http://host:port/path` or `https://...`.
  case malformedURL(String)
  /// The host has no address.
  case unknownHost(String, reason: String)
  /// Nobody listens at this address.
  case refused(String)
  /// The address cannot be reached; the text is the system's reason.
  case unreachable(String, reason: String)
  /// The server took longer than allowed.
  case timedOut(String, seconds: Int)
  /// The connection broke before the response was complete.
  case disconnected(String)
  /// TLS failed; the text is the reason.
  case tls(String, reason: String)
  /// The response is not HTTP/1.1.
  case malformedResponse(String)
  /// The response is longer than the caller allows.
  case tooLarge(limit: Int)
  /// A file to send cannot be read; the text is the system's reason.
  case file(path: String, reason: String)
  /// A header or target would break the request apart.
  case malformedRequest(String)
  /// The caller's closure asked to stop.
  case cancelled

  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .malformedURL(let url):
      return "\(url) is not a URL; write http://host:port or https://host:port"
    case .unknownHost(let host, let reason):
      return "host \(host) is unknown (\(reason)); check the name"
    case .refused(let address):
      return "connection refused by \(address); is the server running?"
    case .unreachable(let address, let reason):
      return "cannot reach \(address): \(reason)"
    case .timedOut(let address, let seconds):
      return "\(address) did not answer within \(seconds) s"
    case .disconnected(let address):
      return "\(address) closed the connection before its answer was complete"
    case .tls(let address, let reason):
      return "no secure connection to \(address): \(reason)"
    case .malformedResponse(let reason):
      return "the answer is not HTTP/1.1: \(reason); is this the right port?"
    case .tooLarge(let limit):
      return "the answer is longer than \(limit) bytes"
    case .file(let path, let reason):
      return "cannot read \(path): \(reason)"
    case .malformedRequest(let part):
      return "\(part) holds a character that HTTP does not allow there"
    case .cancelled:
      return "stopped on request"
    }
  }
}
