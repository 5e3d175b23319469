// RolloutControl: `groundswell rollout start|pause|resume|approve|abort|rollback`.

import UpdateModel

/// The commands by which a person steers a rollout.
enum RolloutControl {
  /// In the order that help lists them.
  static let all = [
    command("start", "Starts a rollout that is a draft."),
    command("pause", "Stops granting updates until resume; devices under way go on."),
    command("resume", "Lets a paused rollout go on."),
    command("approve", "Approves the stage that waits for a person, such as the canary group."),
    command(
      "abort",
      "Stops a rollout for good and does what its policy says under onAbort; devices that have not "
        + "begun to install are cancelled."),
    command(
      "rollback",
      "Stops a rollout for good and brings the devices that took the release back, whatever its "
        + "policy says."),
  ]

  private static func command(_ verb: String, _ summary: String) -> Command {
    .remote(
      "rollout \(verb)", summary, operands: [RolloutCommands.rollout],
      examples: [
        "groundswell rollout \(verb) gateway-2.4", "groundswell rollout \(verb) 12 --json",
      ]
    ) { (arguments, session) throws(Failure) in
      let answer = try session.post(session.target("rollouts", arguments[0], verb))
      session.show(answer) { RolloutTables.picture($0, now: .present) }
    }
  }
}
