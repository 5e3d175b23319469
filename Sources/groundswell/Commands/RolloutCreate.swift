// RolloutCreate: `groundswell rollout create`, a new rollout, started at once when asked for.

import UpdateModel

/// Creates a rollout.
enum RolloutCreate {
  static let command = Command(
    words: ["rollout", "create"],
    summary: "Creates a rollout as a draft, or starts it at once.",
    operands: [Operand("NAME", "name of the rollout")],
    options: RolloutCommands.specification + RolloutTermOptions.all + [
      .flag("start", "start it at once"),
      .flag("watch", "start it at once and watch it until it ends"),
    ],
    isRemote: true,
    examples: [
      "groundswell rollout create gateway-2.4 --release gateway:2.4.0 --policy standard",
      "groundswell rollout create hotfix --release gateway:2.4.1 --policy security-critical "
        + "--watch",
      "groundswell rollout create night --release gateway:2.4.0 --policy standard --priority 300 "
        + "--start-at 2027-03-01T22:00:00+01:00 --end-at 2027-03-08T00:00:00Z",
      "groundswell rollout create pilot --release 7 --policy cautious --group berlin "
        + "--set failureLimit.minimum=1 --start",
      "groundswell rollout create line-4 --release gateway:2.4.0 --policy standard "
        + "--query 'tags.line = \"4\" and battery.percent > 40'",
    ],
    run: { (arguments) throws(Failure) in try create(arguments, try Session(arguments)) })

  private static func create(
    _ arguments: Arguments, _ session: Session
  ) throws(Failure) -> ExitCode {
    let starts = arguments.has("start") || arguments.has("watch")
    let request =
      [JSON.Member("name", .string(arguments[0]))]
      + (try RolloutCommands.specification(arguments)) + (try RolloutTermOptions.members(arguments))
      + (starts ? [JSON.Member("start", true)] : [])
    let rollout = try session.post(session.target("rollouts"), .object(request))
    if arguments.has("watch") {
      return try RolloutWatch.watch(arguments[0], timeout: nil, session)
    }
    session.show(rollout) {
      RolloutTables.picture($0, now: .present) + hint(arguments, starts: starts)
    }
    return .success
  }

  private static func hint(_ arguments: Arguments, starts: Bool) -> String {
    let name = arguments[0]
    if !starts, arguments.has("start-at") {
      return "\nit starts by itself; start it before with: groundswell rollout start \(name)\n"
    }
    return starts
      ? "\nwatch it with: groundswell rollout watch \(name)\n"
      : "\nstart it with: groundswell rollout start \(name)\n"
  }
}
