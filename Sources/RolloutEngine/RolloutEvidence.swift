// RolloutEvidence: what events do to the evidence of a rollout; the second half of `evolve`.

public import UpdateModel

extension Rollout {
  mutating func evolveEvidence(_ event: RolloutEvent, at now: Instant) {
    switch event {
    case .stepOpened(let plan, let stall, _):
      stages.append(Stage(plan: plan))
      open(stages.count - 1, at: now)
      take(plan.openings)
      self.stall = stall
      isHoldWaived = false
    case .widened(let openings): widen(openings, at: now)
    case .quarantined(let indices, let judgement):
      for index in indices {
        strata[index].quarantine = Stratum.Quarantine(since: now, reason: judgement.sentence)
      }
    case .quarantineLifted(let index, _):
      strata[index].quarantine = nil
      let evidence = strata[index].evidence
      let reported = failures(in: evidence)
      strata[index].excused.exposed = reported + evidence.lost
      strata[index].excused.reported = reported
      strata[index].excused.lost = evidence.lost
    case .held(let hold, _):
      self.hold = hold
      if hold.stopsGrants { status = .paused }
    case .returnForced: isReturnForced = true
    case .outage: break
    case .stratumFound(let label):
      guard let terms = policy.evidence else { return }
      strata.append(
        Stratum(label: label, size: 0, evidence: terms, poll: specification.pollInterval))
    case .joined(let index): strata[index].size += 1
    case .controlSeen(let sample): control = sample
    case .marked(let stratum?, let from, let to): strata[stratum].evidence.move(from: from, to: to)
    case .marked(nil, let from, let to): canaryEvidence?.move(from: from, to: to)
    case .measured(let stratum, let metric, let observation, let isTreated):
      strata[stratum].metrics[metric].take(observation, isTreated: isTreated)
    default: preconditionFailure("an event about evidence")
    }
  }

  private mutating func take(_ openings: [Opening]) {
    for opening in openings {
      strata[opening.stratum].opened += opening.count
      // A device that left does not close what was open.
      let bound = max(strata[opening.stratum].bound ?? 0, opening.bound)
      strata[opening.stratum].bound = bound
    }
  }

  private mutating func widen(_ openings: [Opening], at now: Instant) {
    take(openings)
    guard let last = stages.indices.last else { return }
    // Those that are taken in have the time of a step to be heard, before more follow.
    stages[last].openedAt = now
    var merged = stages[last].plan.openings
    for opening in openings {
      if let place = merged.firstIndex(where: { $0.stratum == opening.stratum }) {
        merged[place] = Opening(
          stratum: opening.stratum, count: merged[place].count + opening.count,
          bound: max(merged[place].bound, opening.bound))
      } else {
        merged.append(opening)
      }
    }
    stages[last].plan = stages[last].plan.with(merged)
  }

  /// Whether the stratum in which an action counts was taken out.
  public func isQuarantined(_ action: Action) -> Bool {
    action.stratum.map { strata[$0].quarantine != nil } ?? false
  }

  /// Whether the silence of devices may still be evidence.
  public func isWatchingSilence(at now: Instant) -> Bool {
    guard gathersEvidence, startedAt != nil, !status.isStopped, status != .closed else {
      return false
    }
    return !isWatchOver(at: now)
  }

  /// When the verdicts of the open step are no longer waited for: as long after every device could
  /// have asked for the release as the verdict of one device is waited for; nil without evidence.
  public var stepDeadline: Instant? {
    guard let terms = policy.evidence, let open = openStage, let openedAt = stages[open].openedAt
    else { return nil }
    let poll = specification.pollInterval
    return openedAt + Interval(milliseconds: 2 * poll.milliseconds) + terms.patience(poll: poll)
  }

  /// Whether it was complete for so long that nothing is concluded from its devices any more.
  public func isWatchOver(at now: Instant) -> Bool {
    guard status == .completed, let endedAt, let watch = policy.evidence?.watch else {
      return false
    }
    return now - endedAt > watch
  }

  /// Lets time pass for everything that ripens.
  mutating func pass(to now: Instant) {
    for index in strata.indices { strata[index].evidence.pass(to: now) }
    canaryEvidence?.pass(to: now)
  }

  /// Devices that failed. Once the budget of repetitions is spent those count too that failed and
  /// wait for another attempt; else a bad release would hide behind attempts that nobody gives.
  func failures(in evidence: EvidenceCounts) -> Int {
    evidence.reported + (isRetryBudgetSpent ? evidence.failing : 0)
  }

  /// Devices that could not fetch the image.
  var undelivered: Int {
    strata.reduce(canaryEvidence?.undelivered ?? 0) { $0 + $1.evidence.undelivered }
  }

  /// Devices outside the canary group that are open so far.
  var opened: Int { strata.reduce(0) { $0 + $1.opened } }

  /// Puts back what cannot be recounted from the actions.
  public mutating func restore(_ evidence: RestoredEvidence) {
    strata = evidence.strata
    stall = evidence.stall
    hold = evidence.hold
    isHoldWaived = evidence.isHoldWaived
    deliveryExcused = evidence.deliveryExcused
    isReturnForced = evidence.isReturnForced
  }
}

/// The stored part of a rollout's evidence.
public struct RestoredEvidence: Sendable {
  let strata: [Stratum]
  let stall: Int
  let hold: Hold?
  let isHoldWaived: Bool
  let deliveryExcused: Int
  let isReturnForced: Bool

  /// Joins what was read.
  public init(
    strata: [Stratum], stall: Int, hold: Hold?, isHoldWaived: Bool, deliveryExcused: Int,
    isReturnForced: Bool
  ) {
    self.strata = strata
    self.stall = stall
    self.hold = hold
    self.isHoldWaived = isHoldWaived
    self.deliveryExcused = deliveryExcused
    self.isReturnForced = isReturnForced
  }
}

extension PlannedStage {
  /// What the stage opens of each stratum; empty for stages of other kinds.
  public var openings: [Opening] {
    if case .strata(let openings) = selection { openings } else { [] }
  }

  func with(_ openings: [Opening]) -> PlannedStage {
    PlannedStage(
      name: name, size: openings.reduce(0) { $0 + $1.count }, selection: .strata(openings),
      gate: gate, signOff: signOff)
  }
}

extension Rollout {
  /// Whether limits are at least half used, so that devices may be waiting for them; those whose
  /// use says nothing about others are taken to.
  func isHeldBack(at now: Instant) -> Bool {
    let limits = policy.limits
    if limits.bandwidth != nil || !limits.domains.isEmpty { return true }
    if let concurrent = limits.concurrent, 2 * leaseCount >= concurrent { return true }
    return perMinute.map { 2 * window.total(at: now) >= $0 } ?? false
  }
}
