// LogResource: the logs that a device uploaded: list, fetch, remove.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices/{device}/logs`.
enum LogResource {
  static let routes = [
    Route(.get, "T/devices/{device}/logs", query: Page.parameters, .tenant(list)),
    Route(.get, "T/devices/{device}/logs/{name}", pace: .slow, .tenant(fetch)),
    Route(.delete, "T/devices/{device}/logs/{name}", pace: .slow, .tenant(remove)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let logs = try call.plane.logs(of: try call.device(), in: room)
    let place = page.cursor.flatMap { cursor in logs.firstIndex { $0.name.text == cursor } }
    let rest = place.map { Array(logs.dropFirst($0 + 1)) } ?? logs
    return Answer(
      page.listed(
        Array(rest.prefix(page.limit + 1)), key: { $0.name.text },
        document: { log in
          [
            "name": .string(log.name.text), "size": .integer(log.size),
            "at": Documents.time(log.at),
          ]
        }))
  }

  private static func fetch(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (log, path) = try call.plane.log(try name(call), of: try call.device(), in: room)
    guard let file = OpenFile(path: path) else {
      throw Problem(.notFound, "log \(log.name) is gone by now")
    }
    // Whatever a device sends is never shown as a page of this server.
    return Answer(
      Response(
        status: 200,
        headers: [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")],
        body: .file(
          FileBody(
            file: file, contentType: "application/octet-stream",
            etag: "\"\(log.size)-\(log.at.milliseconds)\"",
            disposition: "attachment; filename=\"\(log.name)\""))))
  }

  private static func remove(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    try call.plane.removeLog(try name(call), of: try call.device(), in: room)
    return .nothing(after: 0)
  }

  private static func name(_ call: Call) throws(Problem) -> Name {
    do { return try Name(call["name"]) } catch {
      throw Problem(.notFound, "there is no log \(call["name"].prefix(80))")
    }
  }
}
