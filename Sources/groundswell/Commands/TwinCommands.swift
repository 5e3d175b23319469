// TwinCommands: `groundswell device twin|set|runs`, what the server knows of a device.

import UpdateModel

/// Commands about twins.
enum TwinCommands {
  /// In the order that help lists them.
  static let all = [twin, set, runs]

  private static let device = Operand("DEVICE", "id of the device")

  private static let twin = Command.remote(
    "device twin", "Shows the twin of a device: tags, desired and reported properties.",
    operands: [device, Operand("PART", "tags, desired or reported; all without it", .optional)],
    examples: [
      "groundswell device twin gw-0001", "groundswell device twin gw-0001 reported --json",
    ]
  ) { (arguments, session) throws(Failure) in
    guard arguments.operands.count > 1 else {
      let twin = try session.get(session.target("devices", arguments[0], "twin"))
      session.show(twin) { twin in
        (twin.members ?? []).map { text($0.value, titled: $0.key, now: session.now) }
          .joined(separator: "\n")
      }
      return
    }
    let part = arguments[1]
    let section = try session.get(session.target("devices", arguments[0], "twin", part))
    session.show(section) { text($0, titled: part, now: session.now) }
  }

  private static let set = Command.remote(
    "device set", "Changes desired properties or tags of a device.",
    operands: [
      device,
      Operand("NAME=VALUE", "a property, such as desired.interval=30 or tags.site=lab", .any),
    ],
    options: [
      .value("remove", "NAME", "a property to remove", repeats: true),
      .value("if-version", "N", "only when the part has this version"),
    ],
    examples: [
      "groundswell device set gw-0001 desired.telemetry.interval=30",
      "groundswell device set gw-0001 'desired.servers=[\"a\",\"b\"]' --remove desired.old",
    ]
  ) { (arguments, session) throws(Failure) in
    var patches: [String: JSON] = [:]
    func note(_ path: String, _ value: JSON) throws(Failure) {
      let names = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard names.count > 1, let part = names.first, part == "tags" || part == "desired" else {
        throw arguments.refuse("'\(path)' does not begin with tags. or desired.")
      }
      let patch = names.dropFirst().reversed().reduce(value) { .object([.init($1, $0)]) }
      patches[part] = (patches[part] ?? .object([])).merging(keepingNulls: patch)
    }
    for (path, value) in try arguments.pairs(
      Array(arguments.operands.dropFirst()), what: "property")
    {
      // What is no JSON is meant as a text.
      try note(path, (try? JSON.parse(Array(value.utf8))) ?? .string(value))
    }
    for path in arguments.values("remove") { try note(path, .null) }
    guard !patches.isEmpty else {
      throw arguments.refuse("nothing to change; give NAME=VALUE or --remove NAME")
    }
    let version = arguments.value("if-version")
    for (part, patch) in patches.sorted(by: { $0.key < $1.key }) {
      let answer = try session.client.document(
        "PATCH", session.target("devices", arguments[0], "twin", part), body: patch,
        headers: version.map { [("If-Match", "\"\($0)\"")] } ?? [])
      session.show(answer) { text($0, titled: part, now: session.now) }
    }
  }

  private static let runs = Command.remote(
    "device runs", "Lists what a device ran and since when, newest first.", operands: [device],
    examples: ["groundswell device runs gw-0001"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.get(session.target("devices", arguments[0], "runs"))
    session.show(answer) { answer in
      let items = answer.items("items")
      guard !items.isEmpty else { return "\(arguments[0]) has not said what it runs\n" }
      return Table("since", "version", "image", rows: items) { run in
        [run.shown("since"), run.shown("version"), String(run.shown("image").prefix(16))]
      }.text
    }
  }

  private static func text(_ section: JSON, titled title: String, now: Instant) -> String {
    let changed = section["changed"]
    let head = "\(title), version \(section.shown("version"))\n"
    let leaves = leaves(of: section["properties"] ?? .object([]))
    guard !leaves.isEmpty else { return head + "  nothing\n" }
    let width = min(40, leaves.map(\.name.count).max() ?? 0)
    return head
      + leaves.map { leaf in
        let name = leaf.name + String(repeating: " ", count: max(0, width - leaf.name.count))
        let age = changed?.instant(leaf.pointer).map { "  (\(Wording.ago($0, now: now)))" } ?? ""
        return "  \(Table.printable(name))  \(Table.printable(leaf.value))\(age)\n"
      }.joined()
  }

  private static func leaves(
    of value: JSON, name: String = "", pointer: String = ""
  ) -> [(name: String, pointer: String, value: String)] {
    guard case .object(let members) = value, !members.isEmpty else {
      return name.isEmpty
        ? [] : [(name, pointer, value.string ?? String(decoding: value.text, as: UTF8.self))]
    }
    return members.flatMap { member in
      leaves(
        of: member.value, name: name.isEmpty ? member.key : "\(name).\(member.key)",
        pointer: "\(pointer)/\(member.key)")
    }
  }
}

extension JSON {
  // Joins two patches: a null of the later one is kept, because it means "remove".
  fileprivate func merging(keepingNulls patch: JSON) -> JSON {
    guard case .object(var members) = self, case .object(let changes) = patch else { return patch }
    for change in changes {
      if let index = members.firstIndex(where: { $0.key == change.key }) {
        let joined = members[index].value.merging(keepingNulls: change.value)
        members[index] = Member(change.key, joined)
      } else {
        members.append(change)
      }
    }
    return .object(members)
  }
}
