// Why the engine itself refuses a request: one row per reason, each with status and sentence.

/// A reason to refuse a request before any handler sees it.
///
/// The connection is closed after it.
enum Rejection: Error, Equatable {
  case malformedRequestLine
  case malformedTarget
  case malformedVersion
  case malformedHeader
  case bareLineEnd
  case foldedHeader
  case missingHost
  case repeatedHost
  case malformedHost
  case malformedLength
  case repeatedLength
  case lengthAndCoding
  case malformedCoding
  case malformedChunk
  case chunkOverhead
  case unsupportedCoding
  case unsupportedMethod
  case unsupportedVersion
  case unknownExpectation
  case lineTooLong
  case headersTooLarge
  case bodyTooLarge
  case headTimeout
  case noAnswer
  case notStored
  case tooManyConnections
  case noMemory

  var status: Int {
    switch self {
    case .malformedRequestLine, .malformedTarget, .malformedVersion, .malformedHeader,
      .bareLineEnd, .foldedHeader, .missingHost, .repeatedHost, .malformedHost,
      .malformedLength, .repeatedLength, .lengthAndCoding, .malformedCoding, .malformedChunk,
      .chunkOverhead:
      return 400
    case .headTimeout: return 408
    case .bodyTooLarge: return 413
    case .lineTooLong: return 414
    case .unknownExpectation: return 417
    case .headersTooLarge: return 431
    case .noAnswer: return 500
    case .unsupportedCoding, .unsupportedMethod: return 501
    case .notStored, .tooManyConnections, .noMemory: return 503
    case .unsupportedVersion: return 505
    }
  }

  /// What was wrong and what to do, for the problem document (RFC 9457).
  var detail: StaticString {
    switch self {
    case .malformedRequestLine: return "the request line is not method, target and version"
    case .malformedTarget: return "the request target is not a path; percent-encode it"
    case .malformedVersion: return "the request line does not end in HTTP/1.1"
    case .malformedHeader: return "a header line is not a name, a colon and printable text"
    case .bareLineEnd: return "a line does not end in carriage return and line feed"
    case .foldedHeader: return "a header is folded over lines; send it on one line"
    case .missingHost: return "there is no Host header; send one"
    case .repeatedHost: return "there is more than one Host header; send one"
    case .malformedHost: return "the Host header is not a host and a port"
    case .malformedLength: return "Content-Length is not a decimal number"
    case .repeatedLength: return "there is more than one Content-Length header; send one"
    case .lengthAndCoding: return "Content-Length and Transfer-Encoding exclude each other"
    case .malformedCoding: return "Transfer-Encoding must be chunked, once"
    case .malformedChunk: return "a chunk of the body is malformed"
    case .chunkOverhead: return "chunk extensions or trailers are too long; leave them out"
    case .unsupportedCoding: return "only the chunked transfer coding is understood"
    case .unsupportedMethod: return "this method is not supported"
    case .unsupportedVersion: return "only HTTP/1.1 and HTTP/1.0 are spoken here"
    case .unknownExpectation: return "only the expectation 100-continue is understood"
    case .lineTooLong: return "the request line is too long"
    case .headersTooLarge: return "the headers are too large or too many"
    case .bodyTooLarge: return "the body is larger than allowed here"
    case .headTimeout: return "the request did not arrive in time"
    case .noAnswer: return "the server found no answer; this is a fault of the server"
    case .notStored: return "the change could not be stored; send the request again later"
    case .tooManyConnections: return "too many connections; try again later"
    case .noMemory: return "too many request bodies at once; try again later"
    }
  }

  /// Seconds for Retry-After where trying again helps.
  var retryAfterSeconds: Int? {
    switch self {
    case .notStored, .tooManyConnections, .noMemory: return 5
    default: return nil
    }
  }
}
