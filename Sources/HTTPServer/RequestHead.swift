// The parsed head of a request: positions into the bytes it was parsed from, nothing copied.

/// The request methods a handler may meet (RFC 9110 section 9.3, RFC 5789).
public enum Method: Sendable, Equatable {
  /// Read a resource.
  case get
  /// Like `get`, without the body of the response.
  case head
  /// Process the body.
  case post
  /// Replace a resource.
  case put
  /// Change a resource in part.
  case patch
  /// Remove a resource.
  case delete
  /// Ask what is possible.
  case options
  /// A method not in this list; answer 405 or 501.
  case other
}

/// A run of bytes inside a request.
struct ByteRun: Equatable {
  var start: UInt32 = 0
  var count: UInt32 = 0

  init() {}

  init(_ range: Range<Int>) {
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    count = UInt32(truncatingIfNeeded: range.count)
  }

  var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// One header field: where its name and its trimmed value are.
struct HeaderField {
  var name = ByteRun()
  var value = ByteRun()
}

/// How the body of a request is framed (RFC 9112 section 6.3).
enum BodyFraming: Equatable {
  case none
  case length(Int)
  case chunked
}

/// The parsed head of a request.
///
/// Reused from request to request by its loop.
struct RequestHead {
  /// Room for fields; `Limits.headerCount` is capped to it.
  static let fieldCapacity = 128

  var method = Method.other
  var path = ByteRun()
  var query = ByteRun()
  var host = ByteRun()
  /// HTTP/1.0 when true, else HTTP/1.1.
  var isVersion10 = false
  var keepsAlive = true
  var expectsContinue = false
  var framing = BodyFraming.none
  var fieldCount = 0
  /// Bytes of the head with its empty line.
  var byteCount = 0
  var fields = InlineArray<128, HeaderField>(repeating: HeaderField())

  /// Forgets the last request without touching the field table.
  mutating func reset() {
    method = .other
    path = ByteRun()
    query = ByteRun()
    host = ByteRun()
    isVersion10 = false
    keepsAlive = true
    expectsContinue = false
    framing = .none
    fieldCount = 0
    byteCount = 0
  }
}
