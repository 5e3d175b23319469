// BatchResource: devices that are provisioned together; their codes are told once.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/batches`.
enum BatchResource {
  static let routes = [
    Route(.get, "T/batches", query: Page.parameters, .tenant(list)),
    Route(.post, "T/batches", pace: .slow, .tenant(create)),
    Route(.get, "T/batches/{batch}", .tenant(show)),
  ]

  private static let fields = [
    "name", "note", "colour", "count", "hardware", "tags", "groups", "expires", "ways", "pattern",
    "start", "ids",
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(Int.self)
    return Answer(
      page.cut(
        call.plane.batches(in: room), key: { String($0.batch.id) },
        isAfter: { $0.batch.id < (last ?? .max) }, document: Documents.batch))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    guard let id = Int(call["batch"]), let batch = call.plane.batch(id, in: room) else {
      throw Problem(.notFound, "there is no batch \(call["batch"].prefix(80))")
    }
    return Answer(Documents.batch(batch))
  }

  private static func create(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let request = try call.read(fields, request)
    let made = try call.plane.provision(request, by: call.caller.label, in: room)
    // Written piece by piece, as for a table of devices: a tree of all would be large.
    let view = call.plane.batch(made.batch.id, in: room)
    var text = Array("{\"batch\":".utf8)
    text += (view.map(Documents.batch) ?? made.batch.document).text
    text += Array(",\"devices\":[".utf8)
    for (position, place) in made.devices.enumerated() {
      if position > 0 { text.append(UInt8(ascii: ",")) }
      text +=
        JSON.members(["id": .string(place.device.text), "code": .string(place.code.text)]).text
    }
    text += Array("]}".utf8)
    return Answer(Response(json: text, status: 201), after: made.ticket)
  }

  private static func request(_ reader: DocumentReader) -> BatchRequest? {
    let name = reader.text("name", bytes: 1...100)
    let ids = reader.devices("ids")
    let count = reader.integer(
      "count", default: ids?.count ?? 0, in: 0...Batch.countMax)
    guard let name, let ids, let count else { return nil }
    var request = BatchRequest(name: name, count: count)
    request.note = reader.text("note", default: "", bytes: 0...1000) ?? ""
    request.colour = reader.has("colour") ? reader.text("colour", bytes: 1...20) : nil
    request.hardware = reader.has("hardware") ? reader.name("hardware") : nil
    request.tags = Dictionary(reader.texts("tags") ?? []) { $1 }
    let groups = reader.read("groups", default: [], allowed: "an array of names") {
      value -> [Name]? in
      guard let elements = value.array else { return nil }
      // A refused name becomes nil here and a fault with the path in `read`.
      let names = elements.compactMap { $0.string.flatMap { try? Name($0) } }
      return names.count == elements.count ? names : nil
    }
    request.groups = groups ?? []
    request.lifetime =
      reader.interval("expires", default: Batch.usualLifetime, in: Batch.lifetimes)
      ?? Batch.usualLifetime
    let ways = reader.read("ways", default: [.claim], allowed: "an array of ways of enrolment") {
      value -> [EnrolmentWay]? in
      guard let elements = value.array else { return nil }
      let ways = elements.compactMap { $0.string.flatMap(EnrolmentWay.init) }
      return ways.count == elements.count && !ways.isEmpty ? ways : nil
    }
    request.ways = Set(ways ?? [])
    guard let identifiers = identifiers(reader, ids) else { return nil }
    request.identifiers = identifiers
    return request
  }

  private static func identifiers(
    _ reader: DocumentReader, _ ids: [DeviceID]
  ) -> BatchRequest.Identifiers? {
    if reader.has("pattern"), !ids.isEmpty {
      reader.refuse("pattern", "give a pattern or ids, not both")
      return nil
    }
    if !ids.isEmpty { return .listed(ids) }
    guard reader.has("pattern") else { return .drawn }
    let start = reader.integer("start", default: 1, in: DeviceIDPattern.starts)
    guard let text = reader.text("pattern", bytes: 1...200), let start else { return nil }
    do throws(InvalidValue) { return .pattern(try DeviceIDPattern(text), from: start) } catch {
      reader.refuse("pattern", error.reason)
      return nil
    }
  }
}
