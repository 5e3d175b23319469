// RolloutQueries: `groundswell rollout list|show|devices|events`.

import UpdateModel

/// The commands that only look.
enum RolloutQueries {
  /// In the order that help lists them.
  static let all = [list, show, devices, events]

  private static let list = Command.remote(
    "rollout list", "Lists the rollouts.",
    options: [.value("limit", "N", "show at most so many", default: "1000")],
    examples: ["groundswell rollout list", "groundswell rollout list --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 1000, in: 1...1_000_000)
    let listing = try session.list(session.target("rollouts"), limit: limit)
    session.show(listing, empty: "no rollouts; make one with: groundswell rollout create --help") {
      RolloutTables.list($0, now: session.now)
    }
  }

  private static let show = Command.remote(
    "rollout show", "Shows a rollout: its stages, its counts and what it waits for.",
    operands: [RolloutCommands.rollout],
    options: [.flag("policy", "print the policy that it follows, with what --set changed")],
    examples: [
      "groundswell rollout show gateway-2.4", "groundswell rollout show gateway-2.4 --policy",
    ]
  ) { (arguments, session) throws(Failure) in
    let rollout = try session.get(session.target("rollouts", arguments[0]))
    if arguments.has("policy") {
      let policy = rollout["policyDocument"] ?? .object([])
      return Terminal.write(String(decoding: policy.prettyText, as: UTF8.self))
    }
    session.show(rollout) { RolloutTables.picture($0, now: session.now) }
  }

  private static let devices = Command.remote(
    "rollout devices", "Lists the devices of a rollout and where each stands.",
    operands: [RolloutCommands.rollout],
    options: [
      .value("standing", "WORD", "only devices that are failed, installing, lost, ..."),
      .value("limit", "N", "show at most so many", default: "1000"),
    ],
    examples: [
      "groundswell rollout devices gateway-2.4 --standing failed",
      "groundswell rollout devices gateway-2.4 --json --limit 100000",
    ]
  ) { (arguments, session) throws(Failure) in
    let standing = try standing(arguments)
    let limit = try arguments.integer("limit", default: 1000, in: 1...10_000_000)
    let target = session.target("rollouts", arguments[0], "devices").with("standing", standing)
    let listing = try session.list(target, limit: limit)
    session.show(listing, empty: "no such devices") {
      Table("id", "hardware", "version", "stage", "standing", "since", "reason", rows: $0) {
        device in
        let action = device["action"] ?? .object([])
        let failure = action["failure"]
        return [
          device.shown("id"), device.shown("hardware"), device.shown("version"),
          action.shown("stage"), DeviceCommands.progress(action),
          action.ago("changedAt", now: session.now),
          action["aside"]?.text("clause")
            ?? failure.map { "\($0.shown("cause")): \($0.shown("detail"))" } ?? "",
        ]
      }
    }
  }

  private static func standing(_ arguments: Arguments) throws(Failure) -> String? {
    guard let word = arguments.value("standing") else { return nil }
    let known = StandingSign.all.map(\.label)
    guard !known.contains(word) else { return word }
    let near = nearest(to: word, among: known).map { "; did you mean \($0)?" }
    throw arguments.refuse(
      "option --standing: unknown standing '\(word)'"
        + (near ?? "; known are \(known.joined(separator: ", "))"))
  }

  private static let events = Command.remote(
    "rollout events", "Lists what happened to a rollout, newest first.",
    operands: [RolloutCommands.rollout],
    options: [.value("limit", "N", "show at most so many", default: "100")],
    examples: ["groundswell rollout events gateway-2.4"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 100, in: 1...1_000_000)
    let listing = try session.list(
      session.target("rollouts", arguments[0], "events"), limit: limit)
    session.show(listing, empty: "nothing has happened yet") {
      Table("time", "what happened", rows: $0) { [$0.shown("at"), $0.shown("sentence")] }
    }
  }
}
