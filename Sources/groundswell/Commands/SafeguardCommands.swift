// SafeguardCommands: `groundswell safeguard ...`, kinds of devices that are kept from updates.

import UpdateModel

/// Commands about safeguards.
enum SafeguardCommands {
  /// In the order that help lists them.
  static let all = [list, lift]

  private static let list = Command.remote(
    "safeguard list",
    "Lists the kinds of devices that a release broke. No rollout offers them anything until a "
      + "person lifts the safeguard.",
    options: [.value("limit", "N", "show at most so many", default: "1000")],
    examples: ["groundswell safeguard list", "groundswell safeguard list --json"]
  ) { (arguments, session) throws(Failure) in
    let limit = try arguments.integer("limit", default: 1000, in: 1...1_000_000)
    let listing = try session.list(session.target("safeguards"), limit: limit)
    session.show(listing, empty: "no safeguards: every kind of device may be updated") {
      Table(">id", "devices", "since", "found by", "reason", rows: $0) { safeguard in
        let rollout = safeguard["rollout"] ?? .object([])
        return [
          safeguard.shown("id"), safeguard.shown("filter"),
          safeguard.ago("since", now: session.now), rollout.text("name") ?? rollout.shown("id"),
          safeguard.shown("reason"),
        ]
      }
    }
  }

  private static let lift = Command.remote(
    "safeguard lift",
    "Lets a kind of device be updated again, also by the rollout that found the trouble while that "
      + "still runs; the failures that it counted are set aside. Lift it when a fixed release is "
      + "there, or when the reason was another one.",
    operands: [Operand("ID", "number of the safeguard, as in safeguard list")],
    examples: ["groundswell safeguard lift 3"]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.client.document(
      "DELETE", session.target("safeguards", arguments[0]))
    session.show(answer) { _ in
      "safeguard \(Table.printable(arguments[0])) lifted; its devices are updated again\n"
    }
  }
}
