// RolloutPlan: `groundswell rollout plan`, what a rollout would do, without doing it.

import UpdateModel

/// Shows the stages that a rollout would have, how long it takes and what it risks.
enum RolloutPlan {
  static let command = Command.remote(
    "rollout plan",
    "Shows a rollout before it exists: its stages, when each begins, what it risks at most, the "
      + "load on the network, and which devices it does not reach. Changes nothing.",
    options: RolloutCommands.specification + [
      .value(
        "expect", "SHARE", "with a policy that decides by evidence: the share of devices that fail",
        default: "0.1%"),
      .value(
        "install", "TIME", "from the end of the download until a device runs the release",
        default: "15m"),
    ],
    examples: [
      "groundswell rollout plan --release gateway:2.4.0 --policy standard",
      "groundswell rollout plan --release gateway:2.4.0 --policy cautious --set canary.soak=12h",
      "groundswell rollout plan --release 7 --policy fast --filter 'tag.site=berlin'",
      "groundswell rollout plan --release 7 --policy fast --query 'version < \"2.4\"'",
      "groundswell rollout plan --release gateway:2.4.0 --policy evidence --expect 0.5%",
    ]
  ) { (arguments, session) throws(Failure) in
    let expected = ["expect", "install"].compactMap { name in
      arguments.value(name).map { JSON.Member(name, .string($0)) }
    }
    let request = try RolloutCommands.specification(arguments) + expected
    session.show(try session.post(session.target("rollouts", "plan"), .object(request)), text)
  }

  /// The plan for a person, at most about 100 columns wide.
  static func text(_ plan: JSON) -> String {
    let release = plan["release"] ?? .object([])
    var text = Table.facts([
      "release": "\(release.shown("name")):\(release.shown("version")), "
        + "\(Wording.size(plan.count("imageBytes"))) a device",
      "policy": plan.text("policy"),
      "devices": devices(plan),
      "limits": limits(plan),
      "complete": complete(plan),
      "people": people(plan),
      "at the peak": "\(rate(plan, "bytesPerSecondPeak")), "
        + Wording.count(plan.count("downloadsPeak"), "download") + " at the same time",
      "when it fails": plan.text("onAbort") == "rollback"
        ? "devices that took it go back to what they ran before, a few first"
        : "nothing more is offered; devices keep what they run",
      "worst case": worstCase(plan),
    ])
    text += "\n"
    if let forecast = plan["forecast"] {
      text += ForecastTable(plan, forecast).text
    } else {
      text += stages(plan.items("stages")).text
    }
    text += apart(plan.items("apart"))
    // What `apart` tells is among the warnings too.
    let warnings = plan.items(plan["advice"] == nil ? "warnings" : "advice").compactMap(\.string)
    if !warnings.isEmpty { text += "\n" }
    return text + warnings.map { "warning: \(Table.printable($0))\n" }.joined()
  }

  // MARK: Facts

  private static func devices(_ plan: JSON) -> String {
    let population = plan.count("population")
    guard population > 0, let hearing = plan["hearing"] else { return Wording.count(population) }
    let recent = hearing.count("recent")
    let days = Wording.count(hearing.count("recentDays"), "day")
    guard recent > 0 else {
      return "\(Wording.count(population)); none was heard in the last \(days), so 95% are taken "
        + "to call"
    }
    return "\(Wording.count(population)), \(Wording.share(recent, of: population)) heard in the "
      + "last \(days)"
  }

  private static func complete(_ plan: JSON) -> String? {
    let times = [
      ("earliestSeconds", "at the earliest"), ("expectedSeconds", "as expected"),
      ("latestSeconds", "at the latest"),
    ].compactMap { key, words in
      plan.seconds(key).map { "\(Wording.length($0)) \(words)" }
    }
    return times.isEmpty ? nil : "after " + times.joined(separator: ", ")
  }

  private static func people(_ plan: JSON) -> String? {
    let approvals = plan["forecast"]?.items("approvals").compactMap(\.string) ?? []
    guard !approvals.isEmpty else { return nil }
    return "plus the time they take to approve \(approvals.joined(separator: ", "))"
  }

  private static func worstCase(_ plan: JSON) -> String? {
    guard let forecast = plan["forecast"] else { return nil }
    let most = forecast.count("firstExposureMax")
    return "a release that destroys one model destroys its first step, "
      + Wording.count(most, "device")
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

  // MARK: Tables

  private static func stages(_ stages: [JSON]) -> Table {
    Table(
      "stage", ">devices", ">total", ">share", "earliest", "expected", "soak", ">bytes/s",
      ">at once", "then", rows: stages
    ) { stage in
      [
        stage.shown("name"), Wording.count(stage.count("size")),
        Wording.count(stage.count("cumulative")), stage.shown("share"),
        begin(stage.seconds("earliestOpenSeconds")), begin(stage.seconds("expectedOpenSeconds")),
        stage.seconds("soakSeconds").map(Wording.length) ?? "-",
        Wording.size(stage.count("bytesPerSecond")), Wording.count(stage.count("downloads")),
        stage["signOff"]?.bool == true ? "approval" : "",
      ]
    }
  }

  private static func apart(_ apart: [JSON]) -> String {
    guard !apart.isEmpty else { return "" }
    let table = Table(">devices", "are", "because", rows: apart) { entry in
      let fate =
        switch entry.text("fate") {
        case "left-out": "not reached"
        case "later": "reached later"
        case "no-return": "without way back"
        default: entry.shown("fate")
        }
      return [Wording.count(entry.count("devices")), fate, entry.shown("reason")]
    }
    return "\n" + table.text
  }

  /// When something begins, from the start.
  static func begin(_ wait: Interval?) -> String {
    guard let wait else { return "-" }
    return wait == .zero ? "at once" : Wording.length(wait)
  }

  static func rate(_ document: JSON, _ key: String) -> String {
    Wording.size(document.count(key)) + "/s"
  }
}
