// RolloutPicture: a rollout as the server describes it, read into what is drawn.

import RolloutEngine
import UpdateModel

/// One moment of a rollout.
struct RolloutPicture: Equatable, Sendable {
  let id: String
  let name: String
  let release: String
  let policy: String
  /// The server's word; `state` is what this program makes of it.
  let status: String
  let size: Int
  let exposed: Int
  let startedAt: Instant?
  let endedAt: Instant?
  private let givenReason: String?
  let stop: String?
  let counts: StandingCounts
  let stages: [Stage]
  /// Devices that are being updated, those that changed last first.
  let underWay: [DeviceProgress]
  /// What the evidence says; nil where none is gathered.
  let evidence: EvidencePicture?

  /// One stage.
  struct Stage: Equatable, Sendable {
    let name: String
    let size: Int
    let state: String
    let quorum: String
    let openedAt: Instant?
    let settledAt: Instant?
    let soak: Interval?
    let needsApproval: Bool
    let approvedBy: String?
    let counts: StandingCounts
    /// Whether it was opened by evidence, stratum by stratum.
    let isStep: Bool

    /// What is left of its soak time, in whole seconds rounded up; nil when it does not soak.
    func soakLeft(now: Instant) -> Interval? {
      guard state == "soaking", let settledAt, let soak else { return nil }
      let left = settledAt + soak - now
      return .seconds((left.milliseconds + 999) / 1000)
    }

    /// Whether nobody has approved it that should.
    var waitsForApproval: Bool { needsApproval && approvedBy == nil }

    /// Who approved it, or that somebody must.
    var approval: String? {
      approvedBy.map { "by \($0)" } ?? (needsApproval ? "needed" : nil)
    }
  }

  /// Reads the server's document; what is absent shows as such.
  init(_ document: JSON) {
    id = document.shown("id")
    name = Table.printable(document.shown("name"))
    let release = document["release"] ?? .object([])
    self.release = Table.printable("\(release.shown("name")):\(release.shown("version"))")
    policy = Table.printable(document.shown("policy"))
    status = Table.printable(document.shown("status"))
    size = document.count("size")
    exposed = document.count("exposed")
    startedAt = document.instant("startedAt")
    endedAt = document.instant("endedAt")
    givenReason = document.text("reason").map(Table.printable)
    // "stopped" is what the line is labelled with already.
    stop = document.text("stop").map { text in
      Table.printable(text.hasPrefix("stopped by ") ? String(text.dropFirst(8)) : text)
    }
    counts = StandingCounts(document.tally("counts"))
    stages = document.items("stages").map(Stage.init)
    underWay = document.items("underWay").map(DeviceProgress.init)
    let word = document.shown("status")
    let isStopped = Rollout.Status(rawValue: word)?.isStopped ?? false
    evidence = EvidencePicture(
      document["evidence"], isOver: isStopped || word == Rollout.Status.closed.rawValue)
  }

  /// Whether nothing more is to be watched, and how it ended; nil while it goes on.
  var ending: ExitCode? {
    switch Rollout.Status(rawValue: status) {
    case .completed, .closed: .success
    case .halted, .aborted, .rolledBack, .ended: .endedBadly
    case .draft, .running, .paused, .rollingBack, nil: nil
    }
  }

  /// What it waits for; nil when the status says it all.
  ///
  /// The server tells changes, not the passing of time, so a soak time is counted down here.
  func reason(now: Instant) -> String? {
    if status == Rollout.Status.running.rawValue, let index = openStage,
      let left = stages[index].soakLeft(now: now)
    {
      let stage = stages[index]
      if left <= .zero, stage.waitsForApproval {
        return "\(stage.name) is done and waits for a person's approval"
      }
      return "\(stage.name) soaks: \(Wording.length(max(left, .seconds(1)))) left"
    }
    return givenReason == status ? nil : givenReason
  }

  /// The server's word for the state of a stage, except that nothing is open once it has ended.
  func state(of stage: Stage) -> String {
    let isOpen = ["open", "soaking"].contains(stage.state)
    return isOpen && endedAt != nil ? "stopped" : stage.state
  }

  /// How long it has been going, or went.
  func elapsed(now: Instant) -> Interval? {
    // A rollout that brings devices back has an end of widening, but goes on.
    startedAt.map { (ending == nil ? now : endedAt ?? now) - $0 }
  }

  /// The last stage that is or was open.
  var openStage: Int? { stages.lastIndex { $0.state != "closed" } }
}

extension RolloutPicture.Stage {
  fileprivate init(_ document: JSON) {
    name = Table.printable(document.shown("name"))
    size = document.count("size")
    state = Table.printable(document.shown("state"))
    quorum = document.shown("quorum")
    openedAt = document.instant("openedAt")
    settledAt = document.instant("settledAt")
    soak = document.seconds("soakSeconds")
    needsApproval = document["signOff"]?.bool ?? false
    approvedBy = document.text("signedOffBy").map(Table.printable)
    counts = StandingCounts(document.tally("counts"))
    isStep = document["parts"]?.array != nil
  }
}

extension JSON {
  /// The counts of an object member by key.
  fileprivate func tally(_ key: String) -> [String: Int] {
    var tally: [String: Int] = [:]
    for member in self[key]?.members ?? [] {
      tally[member.key] = member.value.integer.flatMap { Int(exactly: $0) }
    }
    return tally
  }
}
