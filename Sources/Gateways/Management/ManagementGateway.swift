// ManagementGateway: the interface for people and programs: admits requests, runs their handlers.

public import HTTPServer
public import Orchestrator
import UpdateModel

/// Answers `/healthz` and everything below `/api/v1/`.
public final class ManagementGateway: Sendable {
  /// The version that the status tells.
  public static let version = "0.1.0"
  /// Documents are small; larger bodies get the engine's 413.
  private static let documentBytesMax = 1 << 20

  private let plane: ControlPlane
  private let jobs: Jobs
  private let facts: ServiceFacts
  private let pump: EventPump
  private let uploads = Places(32)
  private let tables = Places(4)
  private let table = RouteTable(
    StatusResource.routes + TenantResource.routes + TokenResource.routes
      + ArtifactResource.routes + ReleaseResource.routes + QueryResource.routes
      + DeviceResource.routes + TwinResource.routes + CommandResource.routes
      + LogResource.routes + JobResource.routes
      + GroupResource.routes + PolicyResource.routes + RolloutResource.routes
      + SafeguardResource.routes + BatchResource.routes + DeviceLifeResource.routes
      + EnrolmentResource.routes)

  /// Joins the service with threads for slow work and the counters of the server.
  public init(
    plane: ControlPlane, jobs: Jobs,
    statistics: @escaping @Sendable () -> (connections: Int, requests: Int)
  ) {
    self.plane = plane
    self.jobs = jobs
    facts = ServiceFacts(
      version: ManagementGateway.version, startedAt: plane.now, statistics: statistics)
    pump = EventPump(plane: plane)
  }

  /// An admitted request: what is to be done for it.
  private enum Work {
    case quick(@Sendable () throws(Problem) -> Answer)
    case slow(@Sendable () throws(Problem) -> Answer)
    case upload(Call, Room)
    case table(Call, Room)
    case events(Room, Operator)
  }

  /// Decides about a body; requests that will be refused are refused before it is received.
  public func plan(_ head: Request) -> BodyPlan {
    do throws(Refusal) {
      switch try admit(head) {
      case .quick, .slow, .events: return .buffer(limit: ManagementGateway.documentBytesMax)
      case .upload(let call, let room): return try planUpload(head, call, room)
      case .table(let call, let room): return try planTable(head, call, room)
      }
    } catch { return .refuse(error.response) }
  }

  /// Answers a request, now or from a thread of the jobs.
  public func handle(_ request: Request, _ reply: inout Reply) {
    let work: Work
    do throws(Refusal) { work = try admit(request) } catch {
      reply.send(error.response)
      return
    }
    switch work {
    case .quick(let handler):
      let answer = ManagementGateway.answer(handler)
      reply.send(answer.response, after: answer.ticket)
    case .slow(let handler):
      runSlow(reply.later()) { exchange in
        let answer = ManagementGateway.answer(handler)
        exchange.complete(answer.response, after: answer.ticket)
      }
    case .events(let room, let caller):
      runSlow(reply.later()) { self.pump.open(room, for: caller, $0) }
    case .upload: reply.send(Response(Problem(.invalidRequest, "send the image as the body")))
    case .table: reply.send(Response(Problem(.invalidRequest, "send the table as the body")))
    }
  }

  private static func answer(_ handler: () throws(Problem) -> Answer) -> Answer {
    do { return try handler() } catch { return Answer(Response(error)) }
  }

  private func runSlow(
    _ exchange: PendingReply, _ body: @escaping @Sendable (PendingReply) -> Void
  ) {
    if !jobs.run({ body(exchange) }) { exchange.complete(Busy.response) }
  }

  // MARK: Admission

  private func admit(_ request: Request) throws(Refusal) -> Work {
    let path = try ManagementGateway.segments(request.path)
    let (route, captures) = try table.find(request.method, path)
    if case .open(let handler) = route.target {
      _ = try query(route, request)
      let plane = plane
      return .quick { () throws(Problem) in try handler(plane) }
    }
    return try admit(request, to: route, captures, by: try caller(request))
  }

  private func admit(
    _ request: Request, to route: Route, _ captures: [String: String], by caller: Operator
  ) throws(Refusal) -> Work {
    switch route.target {
    case .open:
      preconditionFailure("routes without credentials were admitted before")
    case .anyone(let handler):
      return try work(route, request, captures, caller, handler)
    case .service(let handler):
      guard caller.tenant == nil else {
        throw Refusal(Problem(.forbidden, "this needs a token for all tenants"))
      }
      return try work(route, request, captures, caller, handler)
    case .tenant(let handler):
      let room = try room(captures, caller)
      return try work(route, request, captures, caller) { (call) throws(Problem) in
        try handler(call, room)
      }
    case .upload:
      let room = try room(captures, caller)
      return .upload(try call(route, request, captures, caller), room)
    case .table:
      let room = try room(captures, caller)
      return .table(try call(route, request, captures, caller), room)
    case .events:
      let room = try room(captures, caller)
      _ = try call(route, request, captures, caller)
      return .events(room, caller)
    }
  }

  private func work(
    _ route: Route, _ request: Request, _ captures: [String: String], _ caller: Operator,
    _ handler: @escaping Route.ServiceAction
  ) throws(Refusal) -> Work {
    let call = try call(route, request, captures, caller)
    let run: @Sendable () throws(Problem) -> Answer = { () throws(Problem) in try handler(call) }
    switch route.pace {
    case .quick: return .quick(run)
    case .slow: return .slow(run)
    }
  }

  private func call(
    _ route: Route, _ request: Request, _ captures: [String: String], _ caller: Operator
  ) throws(Refusal) -> Call {
    Call(
      plane: plane, service: facts, caller: caller, captures: captures,
      query: try query(route, request), body: Array(request.body),
      expectedVersion: request.header("if-match").map { String(decoding: $0, as: UTF8.self) })
  }

  private func query(_ route: Route, _ request: Request) throws(Refusal) -> Query {
    do { return try Query(request.query, allowed: route.parameters) } catch {
      throw Refusal(error)
    }
  }

  /// The decoded parts of a path. Empty parts are kept, so that `//` matches nothing.
  private static func segments(_ path: UnsafeRawBufferPointer) throws(Refusal) -> [String] {
    var segments: [String] = []
    for part in path.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    {
      guard let text = PercentEncoding.decode(part) else {
        throw Refusal(Problem(.invalidRequest, "the path is not percent-encoded UTF-8"))
      }
      segments.append(text)
    }
    return segments
  }

  /// Who sent a request (RFC 6750 section 2.1).
  private func caller(_ request: Request) throws(Refusal) -> Operator {
    guard let field = request.header("authorization") else {
      throw Refusal(
        Problem(.unauthorized, "send a token: Authorization: Bearer TOKEN"),
        headers: [("WWW-Authenticate", "Bearer realm=\"groundswell\"")])
    }
    let scheme = "bearer "
    let isBearer =
      field.count > scheme.utf8.count
      && zip(field, scheme.utf8).allSatisfy { $0 == $1 || $0 | 0x20 == $1 }
    // A scheme may be followed by several spaces (RFC 9110 section 11.4).
    let token = field.dropFirst(scheme.utf8.count).drop { $0 == UInt8(ascii: " ") }
    guard isBearer, let known = plane.operatorFor(token: UnsafeRawBufferPointer(rebasing: token))
    else {
      throw Refusal(
        Problem(.unauthorized, "this token is not known; it may have been withdrawn"),
        headers: [
          ("WWW-Authenticate", "Bearer realm=\"groundswell\", error=\"invalid_token\"")
        ])
    }
    return known
  }

  // A tenant that may not be seen is answered as one that does not exist.
  private func room(_ captures: [String: String], _ caller: Operator) throws(Refusal) -> Room {
    let text = captures["tenant"] ?? ""
    // A text that is no name names no tenant.
    guard let name = try? Name(text), caller.mayUse(name), let room = plane.room(name) else {
      throw Refusal(Problem(.notFound, "there is no tenant \(text.prefix(64))"))
    }
    return room
  }

  // MARK: Bodies that are received piece by piece

  private func planUpload(
    _ head: Request, _ call: Call, _ room: Room
  ) throws(Refusal) -> BodyPlan {
    do throws(Problem) {
      try ManagementGateway.expect(["application/octet-stream"], head)
      if let length = head.contentLength, length > plane.imageBytesMax {
        throw Problem(
          .tooLarge,
          "the image has \(length) bytes; at most \(plane.imageBytesMax) are accepted")
      }
      let description = try ArtifactResource.description(call.query)
      guard let place = uploads.take() else { return .refuse(Busy.response) }
      return .stream(
        UploadSink(image(description, room, place), jobs: jobs, place: place))
    } catch { throw Refusal(error) }
  }

  private func image(
    _ description: ArtifactDescription, _ room: Room, _ place: Places.Place
  ) -> UploadPurpose {
    let plane = plane
    return UploadPurpose(word: "image", begin: { () throws(Problem) in try plane.beginUpload() }) {
      upload, exchange in
      plane.finish(upload, as: description, in: room) { result in
        // Held until the answer is given, because packing and signing take as much as receiving.
        _ = place
        switch result {
        case .success(let stored):
          exchange.complete(
            Response(json: Documents.artifact(stored.artifact), status: stored.isNew ? 201 : 200))
        case .failure(let problem): exchange.complete(Response(problem))
        }
      }
    }
  }

  private func planTable(_ head: Request, _ call: Call, _ room: Room) throws(Refusal) -> BodyPlan {
    do throws(Problem) {
      try ManagementGateway.expect(["text/csv"], head)
      if let length = head.contentLength, length > TableSink.bytesMax { throw TableSink.tooLarge }
      guard let place = tables.take() else { return .refuse(Busy.response) }
      return .stream(TableSink(plane: plane, room: room, jobs: jobs, place: place))
    } catch { throw Refusal(error) }
  }

  // A form would be stored with its envelope; that must not happen to an image.
  private static func expect(_ types: [String], _ head: Request) throws(Problem) {
    guard let field = head.header("content-type") else { return }
    let type = field.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
    let text = String(decoding: type, as: UTF8.self).lowercased()
    guard types.contains(text) else {
      throw Problem(
        .unsupportedMediaType,
        "found a body of type \(text.prefix(80)); send \(types.joined(separator: " or "))")
    }
  }
}

/// The answer when more is asked for at once than is done at once.
enum Busy {
  /// 503: the same request may succeed in a moment.
  static var response: Response {
    Response(
      Problem(.limitReached, "too much of this is under way at once; try again in a few seconds"),
      status: 503, headers: [("Retry-After", "5")])
  }
}
