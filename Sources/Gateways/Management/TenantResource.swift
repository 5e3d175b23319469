// TenantResource: tenants and their settings.

import HTTPServer
import Orchestrator
import UpdateModel

/// `/api/v1/tenants` and each tenant.
enum TenantResource {
  static let routes = [
    Route(.get, "/api/v1/tenants", query: Page.parameters, .service(list)),
    Route(.post, "/api/v1/tenants", .service(create)),
    Route(.get, "T", .tenant(show)),
    Route(.patch, "T", .tenant(change)),
  ]
  private static let settings = ["registerOnFirstContact", "pollSeconds"]

  private static func list(_ call: Call) throws(Problem) -> Answer {
    let page = try Page(call.query)
    return Answer(
      page.cut(
        call.plane.allRooms, key: \.tenant.text,
        isAfter: { $0.tenant.text > (page.cursor ?? "") }, document: { document($0, call.plane) }))
  }

  private static func create(_ call: Call) throws(Problem) -> Answer {
    let (name, settings) = try call.read(["name"] + settings) { reader in
      let settings = checked(reader)
      return reader.name("name").map { ($0, settings) }
    }
    let (room, ticket) = try call.plane.createTenant(name, settings: settings)
    return Answer(document(room, call.plane), status: 201, after: ticket)
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(document(room, call.plane))
  }

  private static func change(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let settings = try call.read(settings) { checked($0) }
    let ticket = try call.plane.changeTenant(room, settings: settings)
    return Answer(document(room, call.plane), after: ticket)
  }

  // Checked here as well, so that every fault of the document is listed with its line.
  private static func checked(_ reader: DocumentReader) -> JSON {
    _ = reader.flag("registerOnFirstContact", default: false)
    _ = reader.integer("pollSeconds", default: 300, in: 1...86_399)
    return .object(
      settings.compactMap { key in reader.value(key).map { JSON.Member(key, $0) } })
  }

  private static func document(_ room: Room, _ plane: ControlPlane) -> JSON {
    let settings = room.settings
    return .members([
      "name": .string(room.tenant.text),
      "registerOnFirstContact": .bool(settings.registerOnFirstContact),
      "pollSeconds": .integer(settings.pollInterval.wholeSeconds),
      "devices": JSON(plane.deviceCount(in: room)),
    ])
  }
}
