// NativeCommands: what a device is told to do, and what it says became of it.

import HTTPServer
import Orchestrator
import UpdateModel

extension NativeGateway {
  /// A command as a poll shows it.
  static func command(_ command: Command) -> JSON {
    [
      "id": .string("\(command.id)"), "name": .string(command.name.text),
      "arguments": command.arguments, "expires": .string(command.expiresAt.description),
    ]
  }

  /// `POST .../commands/{id}`.
  func commandReport(
    _ request: Request, command text: String, _ visit: NativeVisit, _ reply: inout Reply
  ) {
    do throws(Problem) {
      guard let id = NativeGateway.commandID(text) else { throw NativeGateway.noSuchCommand }
      let document = try request.object()
      let report: CommandReport
      do throws(InvalidValue) { report = try CommandReport(document) } catch {
        throw Problem(error)
      }
      switch plane.recordCommand(report, id: id, of: visit.device, in: visit.room) {
      case .accepted(let ticket): reply.send(Response(json: .object([])), after: ticket)
      case .unknown: throw NativeGateway.noSuchCommand
      case .storeUnavailable:
        throw Problem(.storeUnavailable, "the report could not be saved; repeat it later")
      }
    } catch { NativeGateway.refuse(error, &reply) }
  }

  /// The number in a path; nil for anything else, also for leading zeros.
  static func commandID(_ text: String) -> CommandID? {
    guard let number = UInt32(text), number > 0, String(number) == text else { return nil }
    return CommandID(number)
  }

  static var noSuchCommand: Problem {
    Problem(.notFound, "this device has no such command; forget it")
  }
}
