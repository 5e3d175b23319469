// NativeTwin: a device reads what it should be and says what it is.

import HTTPServer
import Orchestrator
import UpdateModel

extension NativeGateway {
  /// `GET .../twin`.
  func twin(_ visit: NativeVisit, _ reply: inout Reply) {
    guard let twin = plane.overview(of: visit.device, in: visit.room)?.device.twin else {
      return NativeGateway.unauthorized(&reply)
    }
    func section(_ section: TwinSection) -> JSON {
      [
        "version": .integer(Int64(clamping: section.version)), "properties": section.properties,
      ]
    }
    // A version that the device has seen must never come back with other properties.
    reply.send(
      Response(json: ["desired": section(twin.desired), "reported": section(twin.reported)]),
      after: plane.lastTicket(in: visit.room))
  }

  /// `PATCH .../twin` with `{"reported": <merge patch>}`.
  func report(_ request: Request, _ visit: NativeVisit, _ reply: inout Reply) {
    do throws(Problem) {
      let document = try request.object()
      guard let patch = document["reported"], patch.members != nil else {
        throw Problem(
          InvalidValue(field: "reported", reason: "give an object with the properties to change"))
      }
      let expected = try request.header("If-Match").map { (tag) throws(Problem) in
        try EntityTag.version(String(decoding: tag, as: UTF8.self))
      }
      let (section, ticket) = try plane.report(
        by: visit.device, patch, expected: expected, in: visit.room)
      let answer: JSON = ["reported": ["version": .integer(Int64(clamping: section.version))]]
      reply.send(Response(json: answer), after: ticket)
    } catch { NativeGateway.refuse(error, &reply) }
  }
}
