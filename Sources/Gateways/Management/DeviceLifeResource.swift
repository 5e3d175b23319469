// DeviceLifeResource: quarantine, release, retire and replace devices; their credentials.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices/{device}/...` about a device's life.
enum DeviceLifeResource {
  static let routes = [
    Route(.post, "T/devices/{device}/quarantine", .tenant(quarantine)),
    Route(.post, "T/devices/{device}/release", .tenant(release)),
    Route(.post, "T/devices/{device}/retire", .tenant(retire)),
    Route(.post, "T/devices/{device}/replace", .tenant(replace)),
    Route(.get, "T/devices/{device}/credentials", .tenant(credentials)),
    Route(.post, "T/devices/{device}/credentials/rotate", .tenant(rotate)),
    Route(.delete, "T/devices/{device}/credentials/{fingerprint}", .tenant(revoke)),
  ]

  private static func quarantine(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let device = try call.device()
    let ticket = try call.plane.quarantine(
      device, because: try reason(call), by: call.caller.label, in: room)
    return try answer(device, call, room, after: ticket)
  }

  private static func release(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let device = try call.device()
    let ticket = try call.plane.release(
      device, because: try reason(call), by: call.caller.label, in: room)
    return try answer(device, call, room, after: ticket)
  }

  private static func retire(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let device = try call.device()
    let ticket = try call.plane.retire(
      device, because: try reason(call), by: call.caller.label, in: room)
    return try answer(device, call, room, after: ticket)
  }

  private static func reason(_ call: Call) throws(Problem) -> String {
    try call.read(["reason"], isOptional: true) { reader in
      reader.text("reason", default: "", bytes: 0...500)
    }
  }

  private static func replace(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let old = try call.device()
    let (new, lifetime) = try call.read(["by", "expires"]) { reader -> (DeviceID, Interval)? in
      let new = reader.device("by")
      let lifetime = reader.interval(
        "expires", default: Batch.usualLifetime, in: Batch.lifetimes)
      guard let new, let lifetime else { return nil }
      return (new, lifetime)
    }
    let (code, ticket) = try call.plane.replace(
      old, with: new, expires: call.plane.now + lifetime, by: call.caller.label, in: room)
    guard let overview = call.plane.overview(of: new, in: room) else {
      throw Problem(.notFound, "there is no device \(new)")
    }
    return Answer(
      .members([
        "device": Documents.device(overview), "code": code.map { .string($0.text) },
      ]), after: ticket)
  }

  private static func credentials(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let found = try call.plane.credentials(of: try call.device(), in: room)
    return Answer(.members(["items": .array(found.map(Documents.credential))]))
  }

  private static func revoke(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    return .nothing(
      after: try call.plane.revoke(
        call["fingerprint"], of: try call.device(), by: call.caller.label, in: room))
  }

  private static func rotate(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let within = try call.read(["within"], isOptional: true) { reader in
      reader.interval("within", default: .days(7), in: .minutes(1)...Interval.days(365))
    }
    let device = try call.device()
    let ticket = try call.plane.requestRotation(
      of: device, by: call.plane.now + within, from: call.caller.label, in: room)
    return try answer(device, call, room, after: ticket)
  }

  private static func answer(
    _ id: DeviceID, _ call: Call, _ room: Room, after ticket: UInt64
  ) throws(Problem) -> Answer {
    guard let overview = call.plane.overview(of: id, in: room) else {
      throw Problem(.notFound, "there is no device \(id)")
    }
    return Answer(Documents.device(overview), after: ticket)
  }
}
