// DeviceResource: devices: register, list, show, change, forget; the table is in TableSink.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices`.
enum DeviceResource {
  static let routes = [
    Route(
      .get, "T/devices", query: ["filter", "group"] + Page.parameters, pace: .slow, .tenant(list)),
    Route(.post, "T/devices", .tenant(register)),
    Route(.post, "T/devices/bulk", pace: .slow, .table),
    Route(.get, "T/devices/{device}", .tenant(show)),
    Route(.patch, "T/devices/{device}", .tenant(edit)),
    Route(.delete, "T/devices/{device}", pace: .slow, .tenant(remove)),
    Route(.post, "T/devices/{device}/token", .tenant(renewToken)),
    Route(
      .get, "T/devices/{device}/history", query: Page.parameters, pace: .slow, .tenant(history)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let filter: DeviceFilter?
    let group: Name?
    do throws(InvalidValue) {
      filter = try call.query["filter"].map { (text) throws(InvalidValue) in
        try DeviceFilter(text)
      }
      group = try call.query["group"].map { (text) throws(InvalidValue) in
        try Name(text, field: "group")
      }
    } catch { throw Problem(error) }
    let found = try call.plane.devices(
      in: room, matching: filter, group: group, after: page.cursor, limit: page.limit + 1)
    return Answer(
      page.listed(found, key: { $0.device.key.device.text }, document: Documents.device))
  }

  private static func register(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (registration, isPlace) = try call.read(["id", "hardware", "tags", "token", "placeholder"])
    {
      reader -> (Registration, Bool)? in
      let isPlace = reader.flag("placeholder", default: false) ?? false
      if isPlace, reader.has("token") {
        reader.refuse("token", "a place for a device that is not there yet has no token")
      }
      let id = reader.device("id")
      let hardware = reader.has("hardware") ? reader.name("hardware") : nil
      let tags = reader.texts("tags")
      let token = reader.has("token") ? reader.text("token", bytes: 16...128) : nil
      guard let id, let tags else { return nil }
      do throws(InvalidValue) {
        let registration = try Registration(
          device: id, hardware: hardware, tags: Dictionary(tags) { $1 }, token: token)
        return (registration, isPlace)
      } catch {
        reader.refuse(error.field, error.reason)
        return nil
      }
    }
    if isPlace {
      let ticket = try call.plane.makePlace(for: registration, by: call.caller.label, in: room)
      return Answer(
        .members(["device": try document(registration.device, call, room)]), status: 201,
        after: ticket)
    }
    let (tokens, ticket) = try call.plane.register([registration], in: room)
    return Answer(
      .members([
        "device": try document(registration.device, call, room),
        "token": tokens.first.map { .string($0) },
      ]),
      status: 201, after: ticket)
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(try document(try call.device(), call, room))
  }

  private static func edit(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let device = try call.device()
    let (hardware, tags) = try call.read(["hardware", "tags"]) {
      reader -> (Name?, [(key: String, value: String?)])? in
      let hardware = reader.has("hardware") ? reader.name("hardware") : nil
      let tags = reader.read(
        "tags", default: [], allowed: "an object with texts or null as values", changes)
      return tags.map { (hardware, $0) }
    }
    let ticket = try call.plane.edit(device, in: room, hardware: hardware, tags: tags)
    return Answer(try document(device, call, room), after: ticket)
  }

  private static func changes(_ value: JSON) -> [(key: String, value: String?)]? {
    guard let members = value.members else { return nil }
    let changes = members.compactMap { member -> (key: String, value: String?)? in
      switch member.value {
      case .null: (member.key, nil)
      case .string(let text): (member.key, text)
      case .bool, .integer, .decimal, .array, .object: nil
      }
    }
    return changes.count == members.count ? changes : nil
  }

  private static func remove(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    let device = try call.device()
    let ticket = try call.plane.remove(device, in: room)
    try call.plane.removeLogs(of: device, in: room)
    return .nothing(after: ticket)
  }

  private static func renewToken(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    let (token, ticket) = try call.plane.renewToken(of: try call.device(), in: room)
    return Answer(.members(["token": .string(token)]), after: ticket)
  }

  private static func history(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let before = try page.number(Int64.self)
    let device = try call.device()
    // Refuses devices that are not there; what was said before stays readable until then.
    _ = try document(device, call, room)
    let (moments, next) = try call.plane.moments(
      of: device, in: room, before: before, limit: page.limit)
    return Answer(
      .members([
        "items": .array(moments.map(Documents.moment)),
        "next": next.map { .string("\($0)") },
      ]))
  }

  /// One device; a problem when there is none.
  static func document(
    _ id: DeviceID, _ call: Call, _ room: Room
  ) throws(Problem) -> JSON {
    guard let overview = call.plane.overview(of: id, in: room) else {
      throw Problem(.notFound, "there is no device \(id)")
    }
    return Documents.device(overview)
  }
}
