// StatusResource: is the service well, and how much does it do.

import HTTPServer
import Orchestrator
import UpdateModel

/// `/healthz`, the status of the service, and the summary and events of a tenant.
enum StatusResource {
  static let routes = [
    Route(.get, "/healthz", .open(health)),
    Route(.get, "/api/v1/status", .anyone(status)),
    Route(.get, "T/key", .tenant(key)),
    Route(.get, "T/summary", pace: .slow, .tenant(summary)),
    Route(.get, "T/events", pace: .slow, .events),
  ]

  private static func health(_ plane: ControlPlane) throws(Problem) -> Answer {
    guard plane.isStoreHealthy else {
      throw Problem(.storeUnavailable, "the store cannot take writes now")
    }
    return Answer(["status": "ok"])
  }

  private static func status(_ call: Call) throws(Problem) -> Answer {
    let rooms = call.plane.allRooms.filter { call.caller.mayUse($0.tenant) }
    let statistics = call.service.statistics()
    return Answer(
      .members([
        "version": .string(call.service.version),
        "uptimeSeconds": .integer(max(0, (call.plane.now - call.service.startedAt).wholeSeconds)),
        "storeHealthy": .bool(call.plane.isStoreHealthy),
        "devices": JSON(rooms.reduce(0) { $0 + call.plane.deviceCount(in: $1) }),
        "connections": JSON(statistics.connections),
        "requests": JSON(statistics.requests),
        "commits": JSON(Int(call.plane.commitCount)),
        "longestTurnMicroseconds": .integer(rooms.map(\.longestTurnMicroseconds).max() ?? 0),
        "longestTurnProcessorMicroseconds": .integer(
          rooms.map(\.longestTurnProcessorMicroseconds).max() ?? 0),
      ]))
  }

  private static func key(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let key = try call.plane.signingKey()
    return Answer(
      .members([
        "keyId": .string(key.keyID), "algorithm": "ed25519", "publicKey": .string(key.hex),
        "pem": .string(key.pem),
      ]))
  }

  private static func summary(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(Documents.summary(call.plane.summary(of: room)))
  }
}
