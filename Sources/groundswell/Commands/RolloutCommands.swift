// RolloutCommands: `groundswell rollout ...` in the order of its help, and what they share.

import UpdateModel

/// Commands about rollouts.
enum RolloutCommands {
  /// In the order that help lists them.
  static let all =
    [RolloutPlan.command, RolloutCreate.command] + RolloutControl.all
    + RolloutControl.rulings + [RolloutControl.amend, RolloutWatch.command] + RolloutQueries.all
    + RolloutExplain.all

  /// The rollout that a command is about.
  static let rollout = Operand("ROLLOUT", "the rollout by name or number")

  /// What is rolled out, to whom and how; shared by `plan` and `create`.
  static let specification: [Option] = [
    .value("release", "NAME:VERSION", "the release to deliver, or its number", required: true),
    .value("policy", "NAME", "the policy to follow, as in policy list", required: true),
    .value(
      "set", "PATH=VALUE", "a value in place of the policy's, such as canary.soak=5m",
      repeats: true),
    .value("group", "NAME", "only members of a group", default: "every device that fits"),
    .value("filter", "CONDITIONS", "only devices that match, such as 'tag.site=berlin'"),
    .value(
      "query", "QUERY", "only devices whose twins meet it now, as in 'battery.percent > 40'"),
  ]

  /// The values given with --set, each once.
  static func overrides(_ arguments: Arguments) throws(Failure) -> [JSON.Member] {
    let overrides = try arguments.pairs("set").map { JSON.Member($0.key, .string($0.value)) }
    for (position, member) in overrides.enumerated()
    where overrides[..<position].contains(where: { $0.key == member.key }) {
      throw arguments.refuse("option --set: \(member.key) is given twice")
    }
    return overrides
  }

  /// The members of a request that say what is rolled out, to whom and how.
  static func specification(_ arguments: Arguments) throws(Failure) -> [JSON.Member] {
    let release = arguments.required("release")
    let devices = try DeviceSelection.members(arguments)
    let overrides = try overrides(arguments)
    let document = JSON.members([
      "release": Int(release).map { JSON($0) } ?? .string(release),
      "policy": .string(arguments.required("policy")),
      "overrides": overrides.isEmpty ? nil : .object(overrides),
    ])
    return (document.members ?? []) + devices
  }
}
