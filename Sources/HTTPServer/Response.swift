// A response as a value, for everything that is not on the hot path.

/// A response as a value: built anywhere, sent by a loop.
public struct Response: Sendable {
  /// What follows the head.
  public enum Body: Sendable {
    /// Nothing.
    case empty
    /// These bytes.
    case bytes([UInt8])
    /// A file; the engine applies ranges and conditions itself.
    case file(FileBody)
    /// Server-sent events until one side closes.
    case events(EventStream)
  }

  /// The status code, 200-599 (RFC 9110 section 15).
  public var status: Int
  /// Header fields in order.
  ///
  /// Content-Length, Date and Connection are the engine's. Control characters in values become
  /// spaces; names that are no tokens are left out.
  public var headers: [(name: String, value: String)]
  /// What follows the head.
  public var body: Body

  /// Makes a response.
  public init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .empty) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// Makes a response of bytes with their media type.
  public init(status: Int, contentType: String, bytes: [UInt8]) {
    self.init(status: status, headers: [("Content-Type", contentType)], body: .bytes(bytes))
  }

  /// Makes a response of text with its media type.
  public init(status: Int, contentType: String = "text/plain; charset=utf-8", text: String) {
    self.init(status: status, contentType: contentType, bytes: Array(text.utf8))
  }
}

/// The reason phrases of RFC 9110 section 15 and RFC 6585.
enum StatusLine {
  /// Status code and phrase.
  static func text(_ status: Int) -> StaticString {
    switch status {
    case 200: return "200 OK"
    case 201: return "201 Created"
    case 202: return "202 Accepted"
    case 204: return "204 No Content"
    case 206: return "206 Partial Content"
    case 301: return "301 Moved Permanently"
    case 302: return "302 Found"
    case 303: return "303 See Other"
    case 304: return "304 Not Modified"
    case 307: return "307 Temporary Redirect"
    case 308: return "308 Permanent Redirect"
    case 400: return "400 Bad Request"
    case 401: return "401 Unauthorized"
    case 403: return "403 Forbidden"
    case 404: return "404 Not Found"
    case 405: return "405 Method Not Allowed"
    case 406: return "406 Not Acceptable"
    case 408: return "408 Request Timeout"
    case 409: return "409 Conflict"
    case 410: return "410 Gone"
    case 411: return "411 Length Required"
    case 412: return "412 Precondition Failed"
    case 413: return "413 Content Too Large"
    case 414: return "414 URI Too Long"
    case 415: return "415 Unsupported Media Type"
    case 416: return "416 Range Not Satisfiable"
    case 417: return "417 Expectation Failed"
    case 422: return "422 Unprocessable Content"
    case 428: return "428 Precondition Required"
    case 429: return "429 Too Many Requests"
    case 431: return "431 Request Header Fields Too Large"
    case 500: return "500 Internal Server Error"
    case 501: return "501 Not Implemented"
    case 502: return "502 Bad Gateway"
    case 503: return "503 Service Unavailable"
    case 504: return "504 Gateway Timeout"
    case 505: return "505 HTTP Version Not Supported"
    case 507: return "507 Insufficient Storage"
    default: return ""
    }
  }
}
