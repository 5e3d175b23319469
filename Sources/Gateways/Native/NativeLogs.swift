// NativeLogs: `PUT .../logs/{name}?command=ID`: a log of a device on its way to the disk.

import HTTPServer
import Orchestrator
import UpdateModel

extension NativeGateway {
  /// Whether a request uploads a log; its body is not collected.
  static func isLog(_ head: Request) -> Bool {
    guard head.method == .put, let rest = NativePath(head.path)?.rest else { return false }
    return rest.count == 2 && rest[0] == "logs"
  }

  /// Decides about the body of a log; what will be refused is refused before it is received.
  func planLog(_ head: Request) -> BodyPlan {
    guard let path = NativePath(head.path), let rest = path.rest, rest.count == 2,
      let room = plane.room(path.tenant)
    else { return .refuse(Response(Problem(.notFound, "there is nothing at this path"))) }
    let token = NativeGateway.token(of: head)
    let key = NativeGateway.peerKey(of: head)
    guard
      let device = path.withDevice({ plane.authenticate(room, device: $0, token: token, key: key) })
    else {
      return .refuse(Response(status: 401, headers: [("WWW-Authenticate", "Bearer")]))
    }
    do throws(Problem) {
      let name: Name
      do throws(InvalidValue) { name = try Name(rest[1], field: "log") } catch {
        throw Problem(error)
      }
      var command: CommandID?
      if let text = try Query(head.query, allowed: ["command"])["command"] {
        guard let id = NativeGateway.commandID(text) else {
          throw Problem(
            InvalidValue(
              field: "command", reason: "'\(text.prefix(40))' is no number of a command"))
        }
        command = id
      }
      if let length = head.contentLength, length > Int(LogShelf.logBytesMax) {
        throw Problem(
          .tooLarge,
          "the log has \(length) bytes; at most \(LogShelf.logBytesMax) are taken, send it in parts"
        )
      }
      guard let place = logPlaces.take() else { return .refuse(Busy.response) }
      return .stream(
        UploadSink(
          log(name, command, NativeVisit(device: device, room: room), place), jobs: jobs,
          place: place))
    } catch { return .refuse(Response(error)) }
  }

  private func log(
    _ name: Name, _ command: CommandID?, _ visit: NativeVisit, _ place: Places.Place
  ) -> UploadPurpose {
    let plane = plane
    return UploadPurpose(
      word: "log", begin: { () throws(Problem) in try plane.beginLog() },
      finish: { upload, exchange in
        plane.keepLog(
          upload, as: name, command: command, of: visit.device, in: visit.room
        ) { result in
          // Held until the answer is given.
          _ = place
          switch result {
          case .success(let ticket):
            exchange.complete(
              Response(json: ["name": .string(name.text)], status: 201), after: ticket)
          case .failure(let problem): exchange.complete(Response(problem))
          }
        }
      }, refusal: ControlPlane.aboutLog)
  }
}
