// GroupResource: groups of devices and their members.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/groups`.
enum GroupResource {
  static let routes = [
    Route(.get, "T/groups", query: Page.parameters, pace: .slow, .tenant(list)),
    Route(.put, "T/groups/{name}", pace: .slow, .tenant(put)),
    Route(.get, "T/groups/{name}", pace: .slow, .tenant(show)),
    Route(.delete, "T/groups/{name}", .tenant(delete)),
    Route(.get, "T/groups/{name}/members", query: Page.parameters, pace: .slow, .tenant(members)),
    Route(.post, "T/groups/{name}/members", pace: .slow, .tenant(edit)),
  ]

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    return Answer(
      page.cut(
        call.plane.groups(in: room), key: \.group.name.text,
        isAfter: { $0.group.name.text > (page.cursor ?? "") }, document: Documents.group))
  }

  private static func put(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let name: Name
    // Here the name is made, so a wrong one is a fault and not something that is missing.
    do { name = try Name(call["name"]) } catch { throw Problem(error) }
    let membership = try call.read(["filter", "query"], isOptional: true) {
      reader -> DeviceGroup.Membership? in
      if reader.has("query") {
        guard !reader.has("filter") else {
          reader.refuse("query", "give a filter or a query, not both")
          return nil
        }
        return reader.query("query").map { .query($0) }
      }
      guard reader.has("filter") else { return .explicit }
      return reader.filter("filter").map { .filter($0) }
    }
    let ticket = try call.plane.putGroup(
      DeviceGroup(name: name, membership: membership), in: room)
    return try answer(name, call, room, after: ticket)
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try answer(try call.groupName(), call, room)
  }

  private static func delete(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    return .nothing(after: try call.plane.deleteGroup(try call.groupName(), in: room))
  }

  private static func members(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let name = try call.groupName()
    guard
      let ids = call.plane.members(
        of: name, in: room, after: page.cursor, limit: page.limit + 1)
    else { throw Problem(.notFound, "there is no group \(name)") }
    return Answer(
      page.listed(ids, key: \.text, document: { .members(["id": .string($0.text)]) }))
  }

  private static func edit(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let name = try call.groupName()
    let (add, remove) = try call.read(["add", "remove"]) { reader -> ([DeviceID], [DeviceID])? in
      let add = reader.devices("add")
      let remove = reader.devices("remove")
      guard let add, let remove else { return nil }
      return (add, remove)
    }
    let ticket = try call.plane.editMembers(of: name, in: room, add: add, remove: remove)
    return try answer(name, call, room, after: ticket)
  }

  private static func answer(
    _ name: Name, _ call: Call, _ room: Room, after ticket: UInt64 = 0
  ) throws(Problem) -> Answer {
    guard let group = call.plane.group(name, in: room) else {
      throw Problem(.notFound, "there is no group \(name)")
    }
    return Answer(Documents.group(group), after: ticket)
  }
}
