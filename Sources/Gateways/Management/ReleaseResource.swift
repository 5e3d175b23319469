// ReleaseResource: releases: list, create, show, publish, revoke.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/releases`.
enum ReleaseResource {
  static let routes = [
    Route(.get, "T/releases", query: Page.parameters, .tenant(list)),
    Route(.post, "T/releases", .tenant(create)),
    Route(.get, "T/releases/{id}", .tenant(show)),
    Route(.post, "T/releases/{id}/publish", .tenant(publish)),
    Route(.post, "T/releases/{id}/revoke", .tenant(revoke)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(UInt32.self)
    return Answer(
      page.cut(
        call.plane.releases(in: room), key: { $0.release.id.description },
        isAfter: { $0.release.id.number > (last ?? 0) },
        document: { Documents.release($0.release, $0.artifacts) }))
  }

  private static func create(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (name, version, notes, artifacts, floors, terms) = try call.read(
      ["name", "version", "notes", "artifacts", "floor", "rollbackFloor"] + Release.Terms.fields
    ) { reader -> (Name, FirmwareVersion, String, [ArtifactID], ReleaseFloors, Release.Terms)? in
      let name = reader.name("name")
      let version = reader.version("version")
      let notes = reader.text("notes", default: "", bytes: 0...16_384)
      let artifacts = reader.read(
        "artifacts", default: nil, allowed: "an array of artifact numbers", numbers)
      let floors = ReleaseFloors(asked: reader)
      let terms = Release.Terms(reader)
      guard let name, let version, let notes, let artifacts, let floors, let terms else {
        return nil
      }
      return (name, version, notes, artifacts, floors, terms)
    }
    let (release, ticket) = try call.plane.createRelease(
      named: name, version: version, notes: notes, artifacts: artifacts, floors: floors,
      terms: terms, in: room)
    return try answer(release, call, room, status: 201, after: ticket)
  }

  private static func numbers(_ value: JSON) -> [ArtifactID]? {
    guard let elements = value.array else { return nil }
    let ids = elements.compactMap { $0.integer.flatMap(UInt32.init(exactly:)) }
    return ids.count == elements.count ? ids.map { ArtifactID($0) } : nil
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let (release, artifacts) = try call.plane.release(call["id"], in: room)
    return Answer(Documents.release(release, artifacts))
  }

  private static func publish(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try set(.published, call, room)
  }

  private static func revoke(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try set(.revoked, call, room)
  }

  private static func set(
    _ status: Release.Status, _ call: Call, _ room: Room
  ) throws(Problem) -> Answer {
    try call.expectNoFields()
    let (release, ticket) = try call.plane.setStatus(
      status, ofRelease: call["id"], by: call.caller.label, in: room)
    return try answer(release, call, room, after: ticket)
  }

  private static func answer(
    _ release: Release, _ call: Call, _ room: Room, status: Int = 200, after ticket: UInt64
  ) throws(Problem) -> Answer {
    let artifacts = try call.plane.release(release.id.description, in: room).artifacts
    return Answer(Documents.release(release, artifacts), status: status, after: ticket)
  }
}
