// GroupCommands: `groundswell group ...`, sets of devices that rollouts and policies name.

import UpdateModel

/// Commands about groups.
enum GroupCommands {
  /// In the order that help lists them.
  static let all = [create, add, remove, list, show, delete]

  private static let name = Operand("NAME", "name of the group")
  private static let devices = Operand("DEVICE", "id of a device", .oneOrMore)

  private static let create = Command.remote(
    "group create",
    "Creates a group, or changes its filter. Without a filter it has the members that are added.",
    operands: [name],
    options: [
      .value(
        "filter", "CONDITIONS",
        "every device that matches is a member, such as 'hardware=board-a, tag.site!=lab'"),
      .value(
        "query", "QUERY",
        "every device that meets it is a member, such as 'battery.percent > 20'"),
    ],
    examples: [
      "groundswell group create staging",
      "groundswell group create europe --filter 'attr.region=eu-*, tag.ring!=legacy'",
      "groundswell group create behind --query 'version < \"2.4\" and tags.ring in [1, 2]'",
    ]
  ) { (arguments, session) throws(Failure) in
    let filter = try DeviceSelection.filter(arguments)
    let query = arguments.value("query")
    guard filter == nil || query == nil else {
      throw arguments.refuse("give --filter or --query, not both")
    }
    if let query { try DeviceQuery.check(query, arguments) }
    let answer = try session.client.document(
      "PUT", session.target("groups", arguments[0]),
      body: .members([
        "filter": filter.map { .string($0) }, "query": query.map { .string($0) },
      ]))
    session.show(answer, facts)
  }

  private static let add = Command.remote(
    "group add", "Adds devices to a group without filter.", operands: [name, devices],
    examples: ["groundswell group add staging gw-0001 gw-0002"]
  ) { (arguments, session) throws(Failure) in
    session.show(try change(arguments, "add", session), facts)
  }

  private static let remove = Command.remote(
    "group remove", "Takes devices out of a group without filter.", operands: [name, devices],
    examples: ["groundswell group remove staging gw-0002"]
  ) { (arguments, session) throws(Failure) in
    session.show(try change(arguments, "remove", session), facts)
  }

  private static func change(
    _ arguments: Arguments, _ member: String, _ session: Session
  ) throws(Failure) -> JSON {
    let ids = arguments.operands.dropFirst().map { JSON.string($0) }
    return try session.post(
      session.target("groups", arguments[0], "members"),
      .object([JSON.Member(member, .array(ids))]))
  }

  private static let list = Command.remote(
    "group list", "Lists the groups.",
    examples: ["groundswell group list", "groundswell group list --json"]
  ) { (_, session) throws(Failure) in
    let listing = try session.list(session.target("groups"))
    session.show(listing, empty: "no groups; make one with: groundswell group create --help") {
      Table("name", ">members", "rule", rows: $0) { group in
        [
          group.shown("name"), Wording.count(group.count("members")),
          group.shown(group["query"] == nil ? "filter" : "query"),
        ]
      }
    }
  }

  private static let show = Command.remote(
    "group show", "Shows a group and its members.", operands: [name],
    options: [.value("limit", "N", "show at most so many members", default: "1000")],
    examples: ["groundswell group show staging", "groundswell group show staging --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 1000, in: 1...10_000_000)
    let group = try session.get(session.target("groups", arguments[0]))
    let members = try session.list(
      session.target("groups", arguments[0], "members"), limit: limit)
    let document = JSON.members(["group": group, "members": members.document])
    session.show(document) { _ in
      let lines = members.items.map { "  \(Table.printable($0.shown("id")))\n" }
      return facts(group) + lines.joined() + (members.next == nil ? "" : "  ... and more\n")
    }
  }

  private static let delete = Command.remote(
    "group delete", "Deletes a group; its devices stay.", operands: [name],
    examples: ["groundswell group delete old-pilot"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.client.document("DELETE", session.target("groups", arguments[0]))
    session.show(answer) { _ in "group \(Table.printable(arguments[0])) deleted\n" }
  }

  private static func facts(_ group: JSON) -> String {
    Table.facts([
      "group": group.text("name"), "filter": group.text("filter"), "query": group.text("query"),
      "members": Wording.count(group.count("members")),
    ])
  }
}
