// Problem: everything that can be wrong with a request, as an RFC 9457 problem document.

/// A refusal or failure that a person or device caused or has to know about.
public struct Problem: Error, Equatable, Sendable {
  /// The closed list of kinds; each is a stable identifier for programs and a status for HTTP.
  public enum Kind: String, Sendable, CaseIterable {
    /// A value is missing, malformed or out of range.
    case invalidRequest = "invalid-request"
    /// The body is not the JSON it should be.
    case malformedJSON = "malformed-json"
    /// No or wrong credentials.
    case unauthorized = "unauthorized"
    /// Right credentials, but not for this.
    case forbidden = "forbidden"
    /// No such thing, or none that these credentials may see.
    case notFound = "not-found"
    /// The path exists, the method does not.
    case methodNotAllowed = "method-not-allowed"
    /// A thing of that name exists, or its state does not allow this.
    case conflict = "conflict"
    /// The thing is not in the state that the request expects.
    case preconditionFailed = "precondition-failed"
    /// The thing existed but is closed for good.
    case gone = "gone"
    /// The body is larger than allowed.
    case tooLarge = "too-large"
    /// The body has a type that is not understood here.
    case unsupportedMediaType = "unsupported-media-type"
    /// The request is well formed but cannot be done as asked.
    case unprocessable = "unprocessable"
    /// More of something than is allowed.
    case limitReached = "limit-reached"
    /// The store cannot take writes now; nothing was changed.
    case storeUnavailable = "store-unavailable"
    /// The disk is full; nothing was kept.
    case insufficientStorage = "insufficient-storage"
    /// A fault of the server.
    case internalError = "internal-error"

    /// The HTTP status (RFC 9110 section 15).
    public var status: Int {
      switch self {
      case .invalidRequest, .malformedJSON: 400
      case .unauthorized: 401
      case .forbidden: 403
      case .notFound: 404
      case .methodNotAllowed: 405
      case .conflict: 409
      case .preconditionFailed: 412
      case .gone: 410
      case .tooLarge: 413
      case .unsupportedMediaType: 415
      case .unprocessable: 422
      case .limitReached: 429
      case .internalError: 500
      case .storeUnavailable: 503
      case .insufficientStorage: 507
      }
    }

    /// One or two words for people.
    public var title: String {
      rawValue.split(separator: "-").joined(separator: " ")
    }
  }

  /// What kind of problem it is.
  public let kind: Kind
  /// What happened, with which value, and what to do next.
  public let detail: String
  /// Every fault found, when there are several; the first is in `detail` too.
  public let faults: [Fault]

  /// One fault in a document that was sent.
  public struct Fault: Equatable, Sendable {
    /// Line in the document, when known.
    public let line: Int?
    /// Column in a text, in characters from 1, when known.
    public let column: Int?
    /// JSON path or name of the field.
    public let field: String
    /// What was found and what is allowed.
    public let reason: String

    /// Describes a fault.
    public init(line: Int? = nil, column: Int? = nil, field: String, reason: String) {
      self.line = line
      self.column = column
      self.field = field
      self.reason = reason
    }
  }

  /// Describes a problem.
  public init(_ kind: Kind, _ detail: String, faults: [Fault] = []) {
    self.kind = kind
    self.detail = detail
    self.faults = faults
  }

  /// A value from outside was refused.
  public init(_ invalid: InvalidValue) {
    self.init(
      .invalidRequest, "\(invalid.field): \(invalid.reason)",
      faults: [Fault(field: invalid.field, reason: invalid.reason)])
  }

  /// Text is no query.
  public init(_ fault: QueryFault, field: String = "query") {
    self.init(
      .invalidRequest, "\(field): \(fault)",
      faults: [Fault(column: fault.column, field: field, reason: "\(fault)")])
  }

  /// Text is not JSON.
  public init(_ error: JSONError) {
    self.init(
      .malformedJSON, "the body is not valid JSON: \(error)",
      faults: [Fault(line: error.line, field: "$", reason: error.reason)])
  }

  /// The document of RFC 9457 section 3.
  public var document: JSON {
    .members([
      "type": .string("urn:groundswell:problem:\(kind.rawValue)"),
      "title": .string(kind.title),
      "status": JSON(kind.status),
      "detail": .string(detail),
      "errors": faults.isEmpty
        ? nil
        : .array(
          faults.map { fault in
            .members([
              "line": fault.line.map { JSON($0) },
              "column": fault.column.map { JSON($0) }, "field": .string(fault.field),
              "reason": .string(fault.reason),
            ])
          }),
    ])
  }
}
