// RolloutTables: rollouts as tables, one line each or one in full.

import UpdateModel

/// Rollouts in text that stands still; `watch` draws the moving one.
enum RolloutTables {
  /// One line per rollout.
  static func list(_ rollouts: [JSON], now: Instant) -> Table {
    Table(
      ">id", "name", "release", "policy", "status", ">devices", ">exposed", ">failed", "started",
      rows: rollouts
    ) { document in
      let rollout = RolloutPicture(document)
      return [
        document.shown("id"), rollout.name, rollout.release, document.shown("policy"),
        rollout.status, Wording.count(rollout.size),
        Wording.share(rollout.exposed, of: rollout.size), Wording.count(rollout.counts.failures),
        document.ago("startedAt", now: now),
      ]
    }
  }

  /// One rollout in full.
  static func picture(_ document: JSON, now: Instant) -> String {
    let rollout = RolloutPicture(document)
    let text = Table.facts([
      "rollout": "\(rollout.name) (\(document.shown("id")))", "release": rollout.release,
      "policy": "\(document.shown("policy")), when it fails: \(document.shown("onAbort"))",
      "target": document.text("group").map { "group \($0)" } ?? document.text("filter")
        ?? document.text("query") ?? "every device that fits",
      "status": rollout.status, "reason": rollout.reason(now: now), "stopped": rollout.stop,
      "priority": document.text("priority"), "starts at": document.text("startAt"),
      "ends at": document.text("endAt"), "start approved": document.text("approvedBy"),
      "created": document.text("createdAt"), "started": document.text("startedAt"),
      "ended": document.text("endedAt"),
      "exposed": "\(Wording.count(rollout.exposed)) of \(Wording.count(rollout.size)) "
        + "(\(Wording.share(rollout.exposed, of: rollout.size)))",
      "devices": rollout.counts.words.isEmpty ? nil : rollout.counts.words,
    ])
    let stages = Table(
      "stage", ">devices", "state", ">quorum", "soak", "approval", "devices by standing",
      rows: rollout.stages
    ) { stage in
      [
        stage.name, Wording.count(stage.size), rollout.state(of: stage), stage.quorum,
        stage.soak.map(Wording.length) ?? "-", stage.approval ?? "-", stage.counts.words,
      ]
    }
    return text + (rollout.stages.isEmpty ? "" : "\n" + stages.text) + evidence(rollout)
  }

  // What each kind of device says about the release.
  private static func evidence(_ rollout: RolloutPicture) -> String {
    guard let evidence = rollout.evidence else { return "" }
    let rows = evidence.rows(limit: .max)
    var table = Table(
      "stratum", ">open", ">began", ">proven", ">awaited", ">failed", ">silent",
      ">bound/\(evidence.tolerance)", "state")
    for row in rows.dropFirst() { table.append(row) }
    return "\n" + table.text + (evidence.control.map { "\n\($0)\n" } ?? "")
  }
}
