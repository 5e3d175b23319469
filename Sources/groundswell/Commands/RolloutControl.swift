// RolloutControl: `groundswell rollout start|pause|resume|approve|abort|rollback`.

import UpdateModel

/// The commands by which a person steers a rollout.
enum RolloutControl {
  /// In the order that help lists them.
  static let all = [
    command("start", "Starts a rollout that is a draft."),
    command("pause", "Stops granting updates until resume; devices under way go on."),
    command("resume", "Lets a paused rollout go on."),
    command(
      "approve",
      "Approves what waits for a person: the start, or a stage such as the canary group.",
      options: [.value("comment", "TEXT", "a word for the history, up to 500 bytes")]),
    command(
      "abort",
      "Stops a rollout for good and does what its policy says under onAbort; devices that have not "
        + "begun to install are cancelled."),
    command(
      "rollback",
      "Stops a rollout for good and brings the devices that took the release back, whatever its "
        + "policy says."),
  ]

  /// Decisions about one device that waits or puts its update off.
  static let rulings = [
    ruling(
      "force",
      "Lets a device that waits, or puts its update off, put it off no more: comfort, wishes and "
        + "windows do not hold it back, what protects the device still does."),
    ruling(
      "let-go",
      "Ends the part of a device that waits, or puts its update off; it keeps what it runs, and "
        + "counts neither for nor against the release."),
  ]

  private static func ruling(_ verb: String, _ summary: String) -> Command {
    .remote(
      "rollout \(verb)", summary,
      operands: [RolloutCommands.rollout, Operand("DEVICE", "id of the device")],
      examples: ["groundswell rollout \(verb) gateway-2.4 gw-0001"]
    ) { (arguments, session) throws(Failure) in
      let answer = try session.post(
        session.target("rollouts", arguments[0], "devices", arguments[1], verb))
      session.show(answer) { RolloutControl.facts($0) }
    }
  }

  private static func facts(_ participant: JSON) -> String {
    let action = participant["action"]
    return Table.facts([
      "device": participant.text("id"), "standing": action?.text("standing"),
      "why": action?["aside"]?.text("clause") ?? action?["failure"]?.text("detail"),
    ])
  }

  /// Changes values of the policy while the rollout goes on.
  static let amend = Command.remote(
    "rollout amend",
    "Changes values of the policy that a rollout follows, such as a limit or the tolerance of its "
      + "gate; effective for the next grant.",
    operands: [RolloutCommands.rollout],
    options: [
      .value("set", "PATH=VALUE", "a value to put in place", required: true, repeats: true)
    ],
    examples: [
      "groundswell rollout amend gateway-2.4 --set limits.perMinute=50",
      "groundswell rollout amend 12 --set gate.budget=100 --set gate.tolerance=1%",
    ]
  ) { (arguments, session) throws(Failure) in
    let overrides = try RolloutCommands.overrides(arguments)
    let answer = try session.post(
      session.target("rollouts", arguments[0], "amend"), .members(["overrides": .object(overrides)])
    )
    session.show(answer) { RolloutTables.picture($0, now: .present) }
  }

  private static func command(
    _ verb: String, _ summary: String, options: [Option] = []
  ) -> Command {
    .remote(
      "rollout \(verb)", summary, operands: [RolloutCommands.rollout],
      options: options,
      examples: [
        "groundswell rollout \(verb) gateway-2.4", "groundswell rollout \(verb) 12 --json",
      ]
    ) { (arguments, session) throws(Failure) in
      let target = session.target("rollouts", arguments[0], verb)
      let comment = options.isEmpty ? nil : arguments.value("comment")
      let answer =
        if let comment {
          try session.post(target, .members(["comment": .string(comment)]))
        } else { try session.post(target) }
      session.show(answer) { RolloutTables.picture($0, now: .present) }
    }
  }
}
