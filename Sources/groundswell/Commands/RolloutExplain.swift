// RolloutExplain: `groundswell rollout explain|decisions`, why things are where they are.

import UpdateModel

/// The commands that give reasons.
enum RolloutExplain {
  /// In the order that help lists them.
  static let all = [explain, decisions]

  private static let explain = Command.remote(
    "rollout explain",
    "Says why a rollout is where it is, what it waits for and what comes next; with a device, why "
      + "that one has, or has not, been offered the release.",
    operands: [
      RolloutCommands.rollout, Operand("DEVICE", "id of any registered device", .optional),
    ],
    options: [.value("device", "DEVICE", "the device, as the second word")],
    examples: [
      "groundswell rollout explain gateway-2.4",
      "groundswell rollout explain gateway-2.4 gw-0001",
      "groundswell rollout explain gateway-2.4 --device gw-0001 --json",
    ]
  ) { (arguments, session) throws(Failure) in
    let second = arguments.operands.dropFirst().first
    if second != nil, arguments.has("device") {
      throw arguments.refuse("the device is given twice, as a word and with --device")
    }
    let target = session.target("rollouts", arguments[0], "explain")
    guard let id = second ?? arguments.value("device") else {
      return session.show(try session.get(target), rollout)
    }
    session.show(try session.get(target.with("device", id)), device)
  }

  /// The story of a rollout: a topic and its sentences, then what was decided and what happened.
  static func rollout(_ document: JSON) -> String {
    var text =
      Table.printable("\(document.shown("rollout")) (\(document.shown("status")))") + "\n\n"
    let lines = document.items("story")
    let width = (lines.map { $0.shown("topic").count }.max() ?? 0) + 2
    var last = ""
    for line in lines {
      let topic = line.shown("topic")
      let label = topic == last ? "" : topic + ":"
      text += paragraph(label, line.shown("sentence"), width: width + 1)
      last = topic
    }
    text += history("last decisions of the gate", document.items("decisions"))
    return text + history("last events", document.items("events"))
  }

  private static func history(_ title: String, _ items: [JSON]) -> String {
    guard !items.isEmpty else { return "" }
    let rows = items.map { item in
      let verdict = item.text("verdict").map { "\($0): " } ?? ""
      return paragraph(item.shown("at"), verdict + item.shown("sentence"), width: 24)
    }
    return "\n\(title)\n" + rows.joined()
  }

  /// The story of a device.
  static func device(_ document: JSON) -> String {
    var text =
      Table.printable(
        "\(document.shown("device")) in \(document.shown("rollout")) (\(document.shown("status")))")
      + "\n\n"
    let place = document["place"].map { place in
      "\(Wording.count(place.count("position"))) of \(Wording.count(place.count("of"))) of "
        + "\(place.shown("stratum")), \(Wording.count(place.count("opened"))) open so far"
    }
    let parts: [(String, String?)] = [
      ("standing:", document.text("standing")), ("place:", place),
      ("why:", document.text("sentence")), ("next:", document.text("next")),
    ]
    for (label, sentence) in parts {
      if let sentence { text += paragraph(label, sentence, width: 11) }
    }
    for (position, fact) in document.items("facts").compactMap(\.string).enumerated() {
      text += paragraph(position == 0 ? "also:" : "", fact, width: 11)
    }
    return text
  }

  /// A label and a sentence beside it, in as many lines as it takes.
  private static func paragraph(_ label: String, _ sentence: String, width: Int) -> String {
    let head = Table.printable(label)
    let gap = String(repeating: " ", count: max(1, width - head.count))
    return head + gap + HelpText.wrap(Table.printable(sentence), width: 100, indent: width) + "\n"
  }

  private static let decisions = Command.remote(
    "rollout decisions",
    "Lists what the gate of a rollout decided and why, newest first; --json has every number that "
      + "it was decided from.",
    operands: [RolloutCommands.rollout],
    options: [.value("limit", "N", "show at most so many", default: "100")],
    examples: [
      "groundswell rollout decisions gateway-2.4",
      "groundswell rollout decisions gateway-2.4 --json --limit 1",
    ]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 100, in: 1...1_000_000)
    let listing = try session.list(
      session.target("rollouts", arguments[0], "decisions"), limit: limit)
    session.show(
      listing, empty: "nothing was decided by evidence; see groundswell rollout events"
    ) {
      Table("time", "verdict", "reason", rows: $0) {
        [$0.shown("at"), $0.shown("verdict"), $0.shown("sentence")]
      }
    }
  }
}
