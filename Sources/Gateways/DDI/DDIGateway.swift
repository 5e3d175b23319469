// DDIGateway: hawkBit's Direct Device Integration API: finds the resource and who is asking.
//
// Contract: eclipse-hawkbit DdiRootControllerRestApi (v1). Where clients in the field are stricter
// than the contract, the clients win: only status 200 for success, always Content-Length, absolute
// links on the host that was asked, links that vanish the moment they are void, no 304 that nobody
// asked for.

public import HTTPServer
public import Orchestrator
import UpdateModel

/// Serves `/{tenant}/controller/v1/{controllerId}/...`.
public final class DDIGateway: Sendable {
  let plane: ControlPlane
  /// Scheme and host of links, such as `https://updates.example`; nil to use what was asked.
  let publicURL: String?

  /// Speaks DDI for a control plane.
  public init(plane: ControlPlane, publicURL: String? = nil) {
    self.plane = plane
    self.publicURL = publicURL
  }

  /// Bodies are documents of devices: small, so they are collected.
  static let bodyBytesMax = 256 * 1024

  /// Whether a path belongs to this gateway.
  public static func serves(_ path: UnsafeRawBufferPointer) -> Bool { DDIPath(path) != nil }

  /// Collects every body up to its limit.
  public func plan(_ head: Request) -> BodyPlan { .buffer(limit: DDIGateway.bodyBytesMax) }

  /// Answers one request.
  public func handle(_ request: Request, _ reply: inout Reply) {
    guard let path = DDIPath(request.path), let room = plane.room(path.tenant) else {
      return DDIError.notFound.send(&reply)
    }
    guard let rest = path.rest else {
      return poll(request, path, room, &reply)
    }
    guard
      let device = path.withController({ id in
        plane.authenticate(
          room, device: id, token: DDIGateway.token(of: request),
          key: NativeGateway.peerKey(of: request))
      })
    else { return DDIError.unauthorized.send(&reply) }
    let visit = DDIVisit(device: device, room: room, path: path)
    dispatch(request, rest, visit, &reply)
  }

  private func dispatch(
    _ request: Request, _ rest: [Substring], _ visit: DDIVisit, _ reply: inout Reply
  ) {
    let method = request.method
    switch (rest.count, rest[0]) {
    case (1, "configData"):
      guard method == .put || method == .post else {
        return DDIError.methodNotAllowed("Allow: PUT, POST\r\n").send(&reply)
      }
      configData(request, visit, &reply)
    case (2, "deploymentBase"):
      guard method == .get else {
        return DDIError.methodNotAllowed("Allow: GET\r\n").send(&reply)
      }
      deploymentBase(request, rest[1], visit, &reply)
    case (2, "cancelAction"):
      guard method == .get else {
        return DDIError.methodNotAllowed("Allow: GET\r\n").send(&reply)
      }
      cancelAction(request, rest[1], visit, &reply)
    case (3, "deploymentBase") where rest[2] == "feedback",
      (3, "cancelAction") where rest[2] == "feedback":
      guard method == .post else {
        return DDIError.methodNotAllowed("Allow: POST\r\n").send(&reply)
      }
      feedback(request, rest[1], cancels: rest[0] == "cancelAction", visit, &reply)
    case (4, "softwaremodules") where rest[2] == "artifacts":
      guard method == .get || method == .head else {
        return DDIError.methodNotAllowed("Allow: GET, HEAD\r\n").send(&reply)
      }
      artifact(request, module: rest[1], file: rest[3], visit, &reply)
    default: DDIError.notFound.send(&reply)
    }
  }

  /// The token of `Authorization: TargetToken ...`; empty without one.
  static func token(of request: Request) -> UnsafeRawBufferPointer {
    request.credentials(after: "targettoken ")
  }

  /// Scheme, host and path of the device's resources.
  func base(_ request: Request, _ path: DDIPath) -> String {
    let origin =
      publicURL
      ?? "\(request.isSecure ? "https" : "http")://\(String(decoding: request.host, as: UTF8.self))"
    return "\(origin)/\(path.tenantText)/controller/v1/\(path.controllerText)"
  }
}

/// One authenticated call of a device.
struct DDIVisit {
  let device: DeviceID
  let room: Room
  /// What was asked for; valid during the call.
  let path: DDIPath
}
