// RolloutPlan: `groundswell rollout plan`, what a rollout would do, without doing it.

import UpdateModel

/// Shows the stages that a rollout would have.
enum RolloutPlan {
  static let command = Command.remote(
    "rollout plan",
    "Shows the stages of a rollout before it exists: how many devices, and when each stage opens "
      + "at the earliest and as expected. Changes nothing.",
    options: RolloutCommands.specification,
    examples: [
      "groundswell rollout plan --release gateway:2.4.0 --policy standard",
      "groundswell rollout plan --release gateway:2.4.0 --policy cautious --set canary.soak=12h",
      "groundswell rollout plan --release 7 --policy fast --filter 'tag.site=berlin'",
    ]
  ) { (arguments, session) throws(Failure) in
    let request = try RolloutCommands.specification(arguments)
    session.show(try session.post(session.target("rollouts", "plan"), .object(request)), text)
  }

  private static func text(_ plan: JSON) -> String {
    let release = plan["release"] ?? .object([])
    let population = plan.count("population")
    var text = Table.facts([
      "release": "\(release.shown("name")):\(release.shown("version"))",
      "policy": plan.text("policy"), "when it fails": plan.text("onAbort"),
      "devices": Wording.count(population) + beside(plan),
      "limits": limits(plan),
    ])
    text += "\n" + stages(plan.items("stages")).text + "\n"
    text += Table.facts([
      "complete at the earliest": plan.seconds("earliestSeconds").map(Wording.length),
      "complete as expected": plan.seconds("expectedSeconds").map(Wording.length),
      "under way at the peak": plan["peakBytes"].map { _ in Wording.size(plan.count("peakBytes")) },
    ])
    let warnings = plan.items("warnings").compactMap(\.string)
    return text + warnings.map { "warning: \(Table.printable($0))\n" }.joined()
  }

  /// Devices that are not in the plan, and why.
  private static func beside(_ plan: JSON) -> String {
    let notFitting = plan.count("notFitting")
    let alreadyRunning = plan.count("alreadyRunning")
    var parts: [String] = []
    if notFitting > 0 { parts.append("\(Wording.count(notFitting)) more do not fit") }
    if alreadyRunning > 0 { parts.append("\(Wording.count(alreadyRunning)) run it already") }
    return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
  }

  private static func limits(_ plan: JSON) -> String? {
    let parts =
      [
        plan["concurrent"].map { _ in "\(Wording.count(plan.count("concurrent"))) at a time" },
        plan["perMinute"].map { _ in "\(Wording.count(plan.count("perMinute"))) a minute" },
        plan["rate"].map {
          "from \(Wording.count($0.count("basePerMinute"))) to "
            + "\(Wording.count($0.count("ceiling"))) a minute"
        },
        plan["bandwidth"]?.string,
      ].compactMap { $0 } + domains(plan)
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  private static func domains(_ plan: JSON) -> [String] {
    plan.items("domains").map { budget in
      let most = budget["atMost"]?.string ?? Wording.count(budget.count("atMost"))
      return "\(most) of a \(budget.shown("by")) at a time"
    }
  }

  private static func stages(_ stages: [JSON]) -> Table {
    func opening(_ stage: JSON, _ key: String) -> String {
      guard let wait = stage.seconds(key) else { return "-" }
      return wait == .zero ? "at once" : "+" + Wording.length(wait)
    }
    return Table(
      "stage", ">devices", ">cumulative", ">share", "opens earliest", "opens expected", "soak",
      "then", rows: stages
    ) { stage in
      [
        stage.shown("name"), Wording.count(stage.count("size")),
        Wording.count(stage.count("cumulative")), stage.shown("share"),
        opening(stage, "earliestOpenSeconds"), opening(stage, "expectedOpenSeconds"),
        stage.seconds("soakSeconds").map(Wording.length) ?? "-",
        stage["signOff"]?.bool == true ? "approval" : "",
      ]
    }
  }
}
