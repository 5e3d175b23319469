// RolloutTermOptions: `--priority`, `--start-at`, `--end-at` and `--security` of `rollout create`.

import UpdateModel

/// The terms of a rollout on the command line.
enum RolloutTermOptions {
  /// In the order that help lists them.
  static let all: [Option] = [
    .value(
      "priority", "N", "0 to 1000; a device that several rollouts want gets the highest first",
      default: "500"),
    .value(
      "start-at", "TIME", "start it by itself then, such as 2027-03-01T22:00:00+01:00"),
    .value("end-at", "TIME", "grant nothing from then on; devices under way finish"),
    .flag("recovery", "devices in quarantine receive it, too"),
    .flag(
      "security",
      "it closes a hole: where the policy says securityOverrides, devices in use, wishes and "
        + "windows do not hold it back"),
  ]

  /// The members of a request that give the terms.
  static func members(_ arguments: Arguments) throws(Failure) -> [JSON.Member] {
    let priority = try arguments.integer(
      "priority", default: RolloutTerms.usualPriority, in: RolloutTerms.priorities)
    if arguments.has("start-at"), arguments.has("start") || arguments.has("watch") {
      throw arguments.refuse("give --start-at, or --start or --watch, not both")
    }
    let document = JSON.members([
      "priority": arguments.has("priority") ? JSON(priority) : nil,
      "recovery": arguments.has("recovery") ? true : nil,
      "startAt": try time("start-at", arguments), "endAt": try time("end-at", arguments),
      "override": arguments.has("security")
        ? .string(RolloutTerms.Override.security.rawValue) : nil,
    ])
    return document.members ?? []
  }

  private static func time(_ name: String, _ arguments: Arguments) throws(Failure) -> JSON? {
    guard let text = arguments.value(name) else { return nil }
    guard Instant(rfc3339: text) != nil else {
      throw arguments.refuse(
        "option --\(name): '\(text)' is no time with its zone such as 2027-03-01T22:00:00+01:00")
    }
    return .string(text)
  }
}
