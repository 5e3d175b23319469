// NativeGateway: the protocol of our own: one poll carries everything, refusals are RFC 9457.
//
// Routes below `/device/v1/{tenant}/{device}`; openapi.json beside this file describes them.
//
//   GET   (nothing)           poll: desired properties, commands, offer; 304 when nothing is new
//   GET   twin                what should be and what was reported
//   PATCH twin                reported properties, as a merge patch
//   POST  reports             how the update goes
//   POST  commands/{id}       what became of a command
//   PUT   logs/{name}         a log, streamed to the disk
//   GET   images/{id}/{file}  the bytes of an offered image
//   POST  credentials         the next key; this and what needs no credentials: NativeEnrolment

public import HTTPServer
public import Orchestrator
import UpdateModel

/// Serves everything below `/device/v1/`.
public final class NativeGateway: Sendable {
  let plane: ControlPlane
  let waiting: WaitingRoom
  let jobs: Jobs
  /// Logs that are received at the same time.
  let logPlaces = Places(32)

  /// Speaks the native protocol for a control plane; what touches the disk runs on `jobs`.
  public init(plane: ControlPlane, jobs: Jobs = Jobs()) {
    self.plane = plane
    self.jobs = jobs
    waiting = WaitingRoom()
  }

  /// Bodies are documents of devices: small, so they are collected.
  static let bodyBytesMax = 256 * 1024

  /// Whether a path belongs to this gateway.
  public static func serves(_ path: UnsafeRawBufferPointer) -> Bool { NativePath.isBelow(path) }

  /// Collects every body up to its limit, but for logs, which go to the disk as they arrive.
  public func plan(_ head: Request) -> BodyPlan {
    NativeGateway.isLog(head) ? planLog(head) : .buffer(limit: NativeGateway.bodyBytesMax)
  }

  /// Answers one request.
  public func handle(_ request: Request, _ reply: inout Reply) {
    if request.path.elementsEqual("/device/v1/openapi.json".utf8) {
      return NativeGateway.describe(request, &reply)
    }
    guard let path = NativePath(request.path), let room = plane.room(path.tenant) else {
      return NativeGateway.refuse(Problem(.notFound, "there is nothing at this path"), &reply)
    }
    guard let rest = path.rest else {
      return NativeGateway.refuse(
        Problem(.invalidRequest, "the path is not percent-encoded UTF-8"), &reply)
    }
    if rest.isEmpty, request.method == .get || request.method == .head {
      return poll(request, path, room, &reply)
    }
    if handleStranger(request, path, rest, room, &reply) { return }
    let token = NativeGateway.token(of: request)
    let key = NativeGateway.peerKey(of: request)
    guard
      let device = path.withDevice({ id in
        plane.authenticate(room, device: id, token: token, key: key)
      })
    else { return NativeGateway.unauthorized(&reply) }
    dispatch(request, rest, NativeVisit(device: device, room: room), &reply)
  }

  private func dispatch(
    _ request: Request, _ rest: [String], _ visit: NativeVisit, _ reply: inout Reply
  ) {
    let isRead = request.method == .get || request.method == .head
    switch (rest.first, rest.count) {
    case (nil, _): NativeGateway.refuseMethod("GET, HEAD", &reply)
    case ("twin", 1):
      if isRead {
        twin(visit, &reply)
      } else if request.method == .patch {
        report(request, visit, &reply)
      } else {
        NativeGateway.refuseMethod("GET, HEAD, PATCH", &reply)
      }
    case ("reports", 1):
      guard request.method == .post else { return NativeGateway.refuseMethod("POST", &reply) }
      updateReport(request, visit, &reply)
    case ("credentials", 1):
      guard request.method == .post else { return NativeGateway.refuseMethod("POST", &reply) }
      rotate(request, visit, &reply)
    case ("commands", 2):
      guard request.method == .post else { return NativeGateway.refuseMethod("POST", &reply) }
      commandReport(request, command: rest[1], visit, &reply)
    case ("logs", 2):
      guard request.method == .put else { return NativeGateway.refuseMethod("PUT", &reply) }
      // One with a body was planned for.
      NativeGateway.refuse(Problem(.unprocessable, "the log is empty"), &reply)
    case ("images", 3):
      guard isRead else { return NativeGateway.refuseMethod("GET, HEAD", &reply) }
      image(request, artifact: rest[1], file: rest[2], visit, &reply)
    default:
      NativeGateway.refuse(Problem(.notFound, "there is nothing at this path"), &reply)
    }
  }

  private static func describe(_ request: Request, _ reply: inout Reply) {
    guard request.method == .get || request.method == .head else {
      return refuseMethod("GET, HEAD", &reply)
    }
    reply.send(
      Response(
        status: 200, contentType: "application/json", bytes: PackageResources.openapi_json))
  }

  // MARK: Refusals

  static func refuse(_ problem: Problem, _ reply: inout Reply) { reply.send(Response(problem)) }

  static func refuseMethod(_ allowed: String, _ reply: inout Reply) {
    reply.send(
      Response(
        Problem(.methodNotAllowed, "this method is not possible here; use \(allowed)"),
        headers: [("Allow", allowed)]))
  }

  /// 401 without a body: nothing is said about which part was wrong.
  static func unauthorized(_ reply: inout Reply) {
    reply.send(Response(status: 401, headers: [("WWW-Authenticate", "Bearer")]))
  }

  /// The token of `Authorization: Bearer ...` (RFC 6750 section 2.1); empty without one.
  static func token(of request: Request) -> UnsafeRawBufferPointer {
    request.credentials(after: "bearer ")
  }
}

/// One authenticated call of a device.
struct NativeVisit {
  let device: DeviceID
  let room: Room
}

extension Request {
  /// The body as a JSON object.
  func object() throws(Problem) -> JSON {
    let document: JSON
    do { document = try JSON.parse(Array(body)) } catch { throw Problem(error) }
    guard document.members != nil else {
      throw Problem(
        InvalidValue(field: "$", reason: "the body is \(document.kind); send an object"))
    }
    return document
  }
}
