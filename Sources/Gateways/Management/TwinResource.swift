// TwinResource: the twin of a device, part by part, and what the device ran.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices/{device}/twin` and `T/devices/{device}/runs`.
enum TwinResource {
  static let routes = [
    Route(.get, "T/devices/{device}/twin", .tenant(showAll)),
    Route(.get, "T/devices/{device}/twin/{part}", .tenant(show)),
    Route(.patch, "T/devices/{device}/twin/{part}", .tenant(change)),
    Route(.get, "T/devices/{device}/runs", pace: .slow, .tenant(runs)),
  ]

  private static func showAll(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let overview = try overview(call, room)
    return Answer(
      .object(
        Twin.Part.allCases.map { part in
          JSON.Member(part.rawValue, document(overview.device.twin[part], part, overview))
        }))
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let part = try part(call)
    let overview = try overview(call, room)
    return answer(overview.device.twin[part], part, overview)
  }

  private static func change(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let part = try part(call)
    guard part != .reported else {
      throw Problem(
        .forbidden, "what is reported is the device's own; change tags or desired instead")
    }
    let patch: JSON
    do { patch = try JSON.parse(call.body) } catch { throw Problem(error) }
    let expected = try call.expectedVersion.map { (tag) throws(Problem) in
      try EntityTag.version(tag)
    }
    let (section, ticket) = try call.plane.changeTwin(
      of: try call.device(), part, by: patch, expected: expected, in: room)
    return answer(section, part, try overview(call, room), after: ticket)
  }

  private static func runs(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    _ = try overview(call, room)
    let runs = try call.plane.runs(of: try call.device(), in: room)
    return Answer(
      .members([
        "items": .array(
          runs.map { run in
            .members([
              "since": Documents.time(run.since),
              "version": run.version.map { .string($0) },
              "image": run.image.map { .string("\($0)") },
            ])
          })
      ]))
  }

  private static func part(_ call: Call) throws(Problem) -> Twin.Part {
    guard let part = Twin.Part(rawValue: call["part"]) else {
      throw Problem(.notFound, "a twin has the parts tags, desired and reported")
    }
    return part
  }

  private static func overview(_ call: Call, _ room: Room) throws(Problem) -> DeviceOverview {
    let device = try call.device()
    guard let overview = call.plane.overview(of: device, in: room) else {
      throw Problem(.notFound, "there is no device \(device)")
    }
    return overview
  }

  private static func answer(
    _ section: TwinSection, _ part: Twin.Part, _ overview: DeviceOverview,
    after ticket: UInt64 = 0
  ) -> Answer {
    var response = Response(json: document(section, part, overview))
    response.headers.append(("ETag", section.entityTag))
    return Answer(response, after: ticket)
  }

  private static func document(
    _ section: TwinSection, _ part: Twin.Part, _ overview: DeviceOverview
  ) -> JSON {
    let update = part == .reported ? overview.part.map(\.update) : nil
    let shown = update.map { update in
      section.properties.merging(.object([JSON.Member(Twin.updateProperty, update)]))
    }
    return [
      "version": .integer(Int64(clamping: section.version)),
      "properties": shown ?? section.properties,
      "changed": .object(
        section.times.map { JSON.Member($0.pointer, Documents.time($0.at)) }),
    ]
  }
}
