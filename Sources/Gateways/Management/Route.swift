// Route: a method and a path pattern, who may use it, and what answers it.

import HTTPServer
import Orchestrator
import UpdateModel

/// What a handler gives back: a response, and the ticket that must be durable before it leaves.
struct Answer: Sendable {
  let response: Response
  let ticket: UInt64

  init(_ response: Response, after ticket: UInt64 = 0) {
    self.response = response
    self.ticket = ticket
  }

  init(_ document: JSON, status: Int = 200, after ticket: UInt64 = 0) {
    self.init(Response(json: document, status: status), after: ticket)
  }

  /// Done, and nothing to say about it.
  static func nothing(after ticket: UInt64) -> Answer {
    Answer(Response(status: 204, headers: [("Cache-Control", "no-store")]), after: ticket)
  }
}

/// One line of the route table.
struct Route: Sendable {
  typealias ServiceAction = @Sendable (Call) throws(Problem) -> Answer
  typealias TenantAction = @Sendable (Call, Room) throws(Problem) -> Answer

  /// Where a handler runs: on the event loop, or beside it when it may take long.
  enum Pace: Sendable { case quick, slow }

  /// Who may use a route, and what answers.
  enum Target: Sendable {
    /// Everybody, without credentials.
    case open(@Sendable (ControlPlane) throws(Problem) -> Answer)
    /// Every token.
    case anyone(ServiceAction)
    /// Tokens for all tenants only.
    case service(ServiceAction)
    /// Tokens for the tenant in the path.
    case tenant(TenantAction)
    /// As `tenant`; the body is an image.
    case upload
    /// As `tenant`; the body is a table of devices.
    case table
    /// As `tenant`; the answer is a stream of events.
    case events
  }

  let method: Method
  let pattern: [Segment]
  let parameters: [String]
  let pace: Pace
  let target: Target

  /// One part of a path pattern.
  enum Segment: Sendable, Equatable {
    case literal(String)
    case capture(String)
  }

  /// `path` is written as `/api/v1/tenants/{tenant}/groups`; `T` at its start is the tenant's.
  init(
    _ method: Method, _ path: String, query parameters: [String] = [], pace: Pace = .quick,
    _ target: Target
  ) {
    let whole = path.hasPrefix("T") ? "/api/v1/tenants/{tenant}" + path.dropFirst() : path
    self.method = method
    self.parameters = parameters
    self.pace = pace
    self.target = target
    pattern = whole.split(separator: "/").map { part in
      part.hasPrefix("{") ? .capture(String(part.dropFirst().dropLast())) : .literal(String(part))
    }
  }

  /// The captured parts when a path matches; nil when it does not.
  func match(_ path: [String]) -> [String: String]? {
    guard path.count == pattern.count else { return nil }
    var captures: [String: String] = [:]
    for (part, segment) in zip(path, pattern) {
      switch segment {
      case .literal(let text): guard part == text else { return nil }
      case .capture(let name): captures[name] = part
      }
    }
    return captures
  }
}

/// All routes; no two match the same method and path.
struct RouteTable: Sendable {
  private let routes: [Route]

  init(_ routes: [Route]) { self.routes = routes }

  /// The route for a request with what its path captured.
  func find(_ method: Method, _ path: [String]) throws(Refusal) -> (Route, [String: String]) {
    let matches = routes.compactMap { route in route.match(path).map { (route, $0) } }
    guard !matches.isEmpty else {
      throw Refusal(Problem(.notFound, "there is nothing at this path"))
    }
    let wanted: Method = method == .head ? .get : method
    if let match = matches.first(where: { $0.0.method == wanted }) { return match }
    let allowed = Set(matches.flatMap { $0.0.method.words }).sorted().joined(separator: ", ")
    throw Refusal(
      Problem(.methodNotAllowed, "this method is not possible here; use \(allowed)"),
      headers: [("Allow", allowed)])
  }
}

/// Why a request is not handled at all, with the header fields that HTTP wants beside it.
struct Refusal: Error {
  let problem: Problem
  let headers: [(name: String, value: String)]

  init(_ problem: Problem, headers: [(name: String, value: String)] = []) {
    self.problem = problem
    self.headers = headers
  }

  var response: Response { Response(problem, headers: headers) }
}

extension Method {
  /// How a method of the table is written in Allow; what can be read can be asked for its head.
  fileprivate var words: [String] {
    switch self {
    case .get: ["GET", "HEAD"]
    case .head: ["HEAD"]
    case .post: ["POST"]
    case .put: ["PUT"]
    case .patch: ["PATCH"]
    case .delete: ["DELETE"]
    case .options: ["OPTIONS"]
    case .other: []
    }
  }
}
