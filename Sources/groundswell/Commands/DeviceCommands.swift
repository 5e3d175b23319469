// DeviceCommands: `groundswell device ...`, the fleet one device at a time.

import UpdateModel

/// Commands about devices.
enum DeviceCommands {
  /// In the order that help lists them.
  static let all = [
    add, DeviceImport.command, DeviceList.command, DeviceQuery.command, show, tag, token, history,
    remove,
  ]

  private static let device = Operand("DEVICE", "id of the device")

  private static let add = Command.remote(
    "device add", "Registers a device and prints the token that it authenticates with.",
    operands: [Operand("ID", "the id that the device uses")],
    options: [
      .value("hardware", "MODEL", "its hardware model; images must fit it"),
      .value("tag", "KEY=VALUE", "a tag, for groups and filters", repeats: true),
      .value("device-token", "TOKEN", "its token", default: "drawn by the server"),
      .flag("placeholder", "make a place for a device that is not there yet; it gets no token"),
    ],
    examples: [
      "groundswell device add gw-0001 --hardware board-a",
      "groundswell device add gw-0001 --hardware board-a --tag site=lab --tag ring=staging",
    ]
  ) { (arguments, session) throws(Failure) in
    let tags = try arguments.pairs("tag")
    let answer = try session.post(
      session.target("devices"),
      .members([
        "id": .string(arguments[0]),
        "hardware": arguments.value("hardware").map { .string($0) },
        "tags": tags.isEmpty ? nil : object(tags),
        "token": arguments.value("device-token").map { .string($0) },
        "placeholder": arguments.has("placeholder") ? true : nil,
      ]))
    session.show(answer) { answer in
      facts(answer["device"] ?? .object([]), now: session.now)
        + Table.facts(["token (shown once)": answer.text("token")])
    }
  }

  private static let show = Command.remote(
    "device show", "Shows a device: versions, tags, groups and what it is doing.",
    operands: [device],
    examples: ["groundswell device show gw-0001", "groundswell device show gw-0001 --json"]
  ) { (arguments, session) throws(Failure) in
    session.show(try session.get(session.target("devices", arguments[0]))) {
      facts($0, now: session.now)
    }
  }

  private static let tag = Command.remote(
    "device tag", "Sets and removes tags of a device, or names its hardware model.",
    operands: [device, Operand("KEY=VALUE", "a tag to set", .any)],
    options: [
      .value("remove", "KEY", "a tag to remove", repeats: true),
      .value("hardware", "MODEL", "its hardware model"),
    ],
    examples: [
      "groundswell device tag gw-0001 site=berlin ring=early",
      "groundswell device tag gw-0001 --remove ring",
    ]
  ) { (arguments, session) throws(Failure) in
    let set = try arguments.pairs(Array(arguments.operands.dropFirst()), what: "tag")
    let removed = arguments.values("remove").map { JSON.Member($0, .null) }
    let hardware = arguments.value("hardware")
    guard !set.isEmpty || !removed.isEmpty || hardware != nil else {
      throw arguments.refuse("nothing to change; give KEY=VALUE, --remove KEY or --hardware MODEL")
    }
    let tags = set.map { JSON.Member($0.key, .string($0.value)) } + removed
    let answer = try session.client.document(
      "PATCH", session.target("devices", arguments[0]),
      body: .members([
        "hardware": hardware.map { .string($0) }, "tags": tags.isEmpty ? nil : .object(tags),
      ]))
    session.show(answer) { facts($0, now: session.now) }
  }

  private static let token = Command.remote(
    "device token", "Gives a device a new token; the old one stops working at once.",
    operands: [device],
    options: [.value("device-token", "TOKEN", "the new token", default: "drawn by the server")],
    examples: ["groundswell device token gw-0001", "groundswell device token gw-0001 --json"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.post(
      session.target("devices", arguments[0], "token"),
      .members(["token": arguments.value("device-token").map { .string($0) }]))
    session.show(answer) {
      Table.facts(["device": arguments[0], "token (shown once)": $0.text("token")])
    }
  }

  private static let history = Command.remote(
    "device history", "Lists what happened to a device, newest first.", operands: [device],
    options: [.value("limit", "N", "show at most so many", default: "100")],
    examples: [
      "groundswell device history gw-0001", "groundswell device history gw-0001 --limit 20",
    ]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 100, in: 1...1_000_000)
    let listing = try session.list(
      session.target("devices", arguments[0], "history"), limit: limit)
    session.show(listing, empty: "nothing has happened to \(arguments[0]) yet") {
      Table("time", "kind", "rollout", "action", "what happened", rows: $0) { entry in
        [
          entry.shown("at"), entry.shown("kind"), entry.shown("rollout"), entry.shown("action"),
          entry.shown("text"),
        ]
      }
    }
  }

  private static let remove = Command.remote(
    "device remove", "Removes a device with its history; its token stops working.",
    operands: [device], examples: ["groundswell device remove gw-0001"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.client.document("DELETE", session.target("devices", arguments[0]))
    session.show(answer) { _ in "device \(Table.printable(arguments[0])) removed\n" }
  }

  private static func object(_ pairs: [(key: String, value: String)]) -> JSON {
    .object(pairs.map { JSON.Member($0.key, .string($0.value)) })
  }

  /// Everything about one device.
  static func facts(_ device: JSON, now: Instant) -> String {
    let action = device["action"]
    let failure = action?["failure"]
    return Table.facts([
      "device": device.text("id"), "state": device.text("state"), "batch": device.text("batch"),
      "replaces": device.text("replaces"), "replaced by": device.text("replacedBy"),
      "hardware": device.shown("hardware"),
      "version": device.shown("version"), "tags": device.pairs("tags"),
      "attributes": device.pairs("attributes"), "wish": device.text("wishFault"),
      "groups": device.joined("groups"),
      "registered": device.text("createdAt"),
      "last seen": device["lastSeen"] == nil ? "never" : device.ago("lastSeen", now: now),
      "action": action.map { standing($0) },
      "deadline": action?.instant("deadline").map { Wording.ago($0, now: now) },
      "failure": failure.map { "\($0.shown("cause")): \($0.shown("detail"))" },
    ])
  }

  /// What an action amounts to: `installing 40%, attempt 2 (rollout 7, stage 1)`.
  static func standing(_ action: JSON) -> String {
    "\(progress(action)) (rollout \(action.shown("rollout")), \(action.shown("stage")))"
  }

  /// Where an action stands: `installing 40%, attempt 2`.
  static func progress(_ action: JSON) -> String {
    let word = action.shown("standing")
    // What a device said on the way means nothing once it has arrived.
    let isUnderWay = ["downloading", "installing", "verifying", "returning"].contains(word)
    let percent = isUnderWay && action["percent"] != nil ? " \(action.count("percent"))%" : ""
    let attempt = action.count("attempt") > 1 ? ", attempt \(action.count("attempt"))" : ""
    return word + percent + attempt
  }
}
