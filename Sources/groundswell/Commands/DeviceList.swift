// DeviceList: `groundswell device list`, the fleet or a part of it as a table.

import UpdateModel

/// Lists devices by filter or group.
enum DeviceList {
  static let command = Command.remote(
    "device list", "Lists devices, all or those of a group or filter.",
    options: [
      .value(
        "filter", "CONDITIONS", "such as 'hardware=board-a, tag.site!=lab, version=1.*'"),
      .value("group", "NAME", "members of a group"),
      .value("limit", "N", "show at most so many", default: "1000"),
    ],
    examples: [
      "groundswell device list --group staging",
      "groundswell device list --filter 'version!=2.4.0, tag.site=berlin'",
      "groundswell device list --json --limit 100000",
    ]
  ) { (arguments, session) throws(Failure) in
    let filter = try DeviceSelection.filter(arguments)
    let limit = try arguments.integer("limit", default: 1000, in: 1...10_000_000)
    let listing = try session.list(
      session.target("devices").with("filter", filter).with("group", arguments.value("group")),
      limit: limit)
    session.show(listing, empty: "no devices; register some with: groundswell device add --help") {
      Table("id", "hardware", "version", "last seen", "groups", "tags", "doing", rows: $0) {
        device in
        [
          device.shown("id"), device.shown("hardware"), device.shown("version"),
          device.ago("lastSeen", now: session.now), device.joined("groups"),
          device.pairs("tags"), device["action"].map(DeviceCommands.standing) ?? "-",
        ]
      }
    }
  }
}

/// The options that select devices, checked before anything is sent.
enum DeviceSelection {
  /// The filter, when it can be read.
  static func filter(_ arguments: Arguments) throws(Failure) -> String? {
    guard let text = arguments.value("filter") else { return nil }
    do {
      return try DeviceFilter(text).description
    } catch {
      throw arguments.refuse("option --filter: \(error.reason)")
    }
  }

  /// Members for a request that takes a group, a filter or a query.
  static func members(_ arguments: Arguments) throws(Failure) -> [JSON.Member] {
    let filter = try filter(arguments)
    let query = arguments.value("query")
    let members = JSON.members([
      "group": arguments.value("group").map { .string($0) }, "filter": filter.map { .string($0) },
      "query": query.map { .string($0) },
    ]).members
    guard let members, members.count <= 1 else {
      throw arguments.refuse("give --group, --filter or --query, only one of them")
    }
    if let query { try DeviceQuery.check(query, arguments) }
    return members
  }
}
