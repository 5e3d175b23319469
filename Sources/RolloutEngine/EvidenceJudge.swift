// EvidenceJudge: the counters of a rollout to what the statistical gate says about them.
//
// The statistics themselves are `EvidenceGate.decide`; here its inputs are taken from the rollout
// and its answer becomes a verdict with a reason. Nothing here changes a rollout.

public import UpdateModel

/// Judges one rollout that gathers evidence, at one instant.
struct EvidenceJudge {
  private let rollout: Rollout
  private let terms: Policy.Evidence
  private let parameters: GateParameters
  private let now: Instant
  private let isSilent: Bool

  /// With `isSilent`, reasons to wait have no words: they cost more than the decision.
  init?(_ rollout: Rollout, now: Instant, isSilent: Bool = false) {
    guard let terms = rollout.policy.evidence else { return nil }
    self.isSilent = isSilent
    self.rollout = rollout
    self.terms = terms
    self.now = now
    parameters = GateParameters(terms)
  }

  /// What the gate says, for a rollout that runs, is paused or is complete.
  func verdict() -> GateVerdict {
    // Devices die of old age too, and nobody is left to compare with.
    if rollout.isWatchOver(at: now) { return latecomers }
    let judgement = judge()
    if let reason = canaryFault() { return .stop(.evidence(reason)) }
    if let harm = metricFault(judgement) { return harm }
    switch judgement.decision.verdict {
    case .abort: return .stop(.evidence(judgement.sentence))
    case .quarantine:
      let bad = judgement.decision.quarantine
      return .quarantine(
        rollout.strata.indices.filter { bad.contains(rollout.strata[$0].label) }, judgement)
    default: break
    }
    switch rollout.status {
    case .paused: return .wait(rollout.hold.map { .held($0) } ?? .paused)
    case .completed: return joiners(judgement)
    case .ended: return .wait(.endTime(underWay: rollout.tally.leased))
    default: break
    }
    if let hold = rollout.hold { return .wait(.held(hold)) }
    if let hold = deliveryFault() {
      return .hold(hold, judgement.saying(words(judgement.decision)))
    }
    return step(judgement)
  }

  // MARK: The next step

  private func step(_ judgement: Judgement) -> GateVerdict {
    if let open = rollout.openStage {
      let stage = rollout.stages[open]
      if stage.plan.isCanary {
        if let wait = Gate.judgeQuorum(rollout, open, now: now) { return wait }
      } else {
        if judgement.decision.verdict == .pause {
          return .wait(.outage(heard: rollout.control?.heard ?? .none))
        }
        guard judgement.step.verdictsIn else { return .wait(.evidence(judgement.sentence)) }
        if let wait = Gate.judgeSoak(rollout, open, now: now) { return wait }
        if let wait = deviceHours(judgement) { return wait }
      }
    }
    return widen(judgement)
  }

  private func widen(_ judgement: Judgement) -> GateVerdict {
    switch judgement.decision.verdict {
    case .wait: return .wait(.evidence(judgement.sentence))
    case .pause: return .wait(.outage(heard: rollout.control?.heard ?? .none))
    case .complete: return .complete
    case .hold where !rollout.isHoldWaived:
      return .hold(.stalled(judgement.sentence), judgement)
    case .hold, .advance:
      let parts = sizes(judgement)
      return parts.isEmpty
        ? .hold(.stalled(judgement.sentence), judgement) : .step(parts, judgement)
    case .abort, .quarantine: preconditionFailure("was answered before")
    }
  }

  // A person who waives a hold lets at least one more device of each stratum in.
  private func sizes(_ judgement: Judgement) -> [StepPart] {
    let sizes = rollout.strata.map { stratum in
      let found = judgement.decision.sizes.first { $0.id == stratum.label }?.count ?? 0
      let least = rollout.isHoldWaived && stratum.quarantine == nil ? 1 : 0
      return min(stratum.left, max(found, least))
    }
    return zip(rollout.strata.indices, Plan.capped(sizes, of: rollout)).compactMap { index, count in
      count > 0 ? StepPart(stratum: index, count: count) : nil
    }
  }

  // Whoever joins a complete rollout is taken in as fast as its evidence allows.
  private func joiners(_ judgement: Judgement) -> GateVerdict {
    let ended = GateVerdict.wait(.ended(.completed))
    guard rollout.strata.contains(where: { $0.quarantine == nil && $0.left > 0 }),
      judgement.decision.verdict == .advance
    else { return ended }
    let sizes = sizes(judgement)
    return sizes.isEmpty ? ended : .widen(sizes)
  }

  // After the watch nothing new is learned: a kind that was proven takes in who comes, of another a
  // few may.
  private var latecomers: GateVerdict {
    let parts = rollout.strata.indices.compactMap { index -> StepPart? in
      let stratum = rollout.strata[index]
      guard stratum.quarantine == nil, stratum.left > 0 else { return nil }
      let isProven = stratum.evidence.matured > stratum.evidence.reported
      let count = isProven ? stratum.left : min(stratum.left, terms.first - stratum.opened)
      return count > 0 ? StepPart(stratum: index, count: count) : nil
    }
    return parts.isEmpty ? .wait(.ended(.completed)) : .widen(parts)
  }

  private func deviceHours(_ judgement: Judgement) -> GateVerdict? {
    let have = rollout.strata.reduce(0) { $0 + $1.evidence.deviceHours(at: now) }
    guard have < terms.deviceHours else { return nil }
    if rollout.strata.allSatisfy({ $0.evidence.proven == 0 }), rollout.leaseCount == 0 {
      // Hours that nobody gathers never add up.
      let reason =
        "no device runs the release, so the \(terms.deviceHours) hours that the policy asks for "
        + "are not gathered; look at the failures, then resume or abort"
      return rollout.isHoldWaived ? nil : .hold(.stalled(reason), judgement.saying(reason))
    }
    return .wait(.deviceHours(have: have, need: terms.deviceHours))
  }

  // MARK: The judgement

  func judge() -> Judgement {
    let strata = rollout.stratumCounts
    let control = rollout.control.map(ControlCounts.init) ?? .none
    let last = rollout.stages.last.map { $0.plan.isCanary ? 0 : $0.plan.size } ?? 0
    let step = StepCounts(
      verdictsIn: verdictsAreIn, previous: rollout.status == .completed ? 0 : last,
      stall: rollout.status == .completed ? 0 : rollout.stall)
    let decision = EvidenceGate.decide(
      strata: strata, control: control, step: step, parameters: parameters)
    return Judgement(
      at: now, decision: decision, strata: strata, control: control, step: step,
      sentence: sentence(decision))
  }

  // Every device of the open steps that began to install has its verdict, and the others had the
  // time to be heard; those that are offline keep their offer and say nothing.
  private var verdictsAreIn: Bool {
    guard let open = rollout.openStage, !rollout.stages[open].plan.isCanary else { return true }
    let live = rollout.strata.filter { $0.quarantine == nil }
    // Who comes days later must not hold up the others for ever, unless limits made them wait.
    if !rollout.isHeldBack(at: now), let deadline = rollout.stepDeadline, now >= deadline {
      return true
    }
    guard live.allSatisfy({ $0.evidence.awaited == 0 }) else { return false }
    let isCovered = live.allSatisfy { stratum in
      stratum.evidence.granted - stratum.evidence.unexposed >= stratum.opened
    }
    if isCovered { return true }
    let openedAt = rollout.stages[open].openedAt ?? now
    if live.contains(where: { $0.evidence.unexposed > 0 }) { return now - openedAt >= patience }
    // Limits let devices in one after the other, so a step is heard of when grants have dried up.
    return now - max(openedAt, rollout.lastGrantAt ?? openedAt) >= cover
  }

  // Two polls; with maintenance windows every device has had one that opens each day.
  private var cover: Interval {
    let polls = 2 * rollout.specification.pollInterval.milliseconds
    return Interval(milliseconds: rollout.policy.windows == nil ? polls : polls + 25 * 3_600_000)
  }

  private var patience: Interval {
    terms.patience(poll: rollout.specification.pollInterval)
  }

  // MARK: Other reasons to stop

  // Canaries are picked, not drawn, so they are judged for themselves.
  private func canaryFault() -> String? {
    guard let canary = rollout.canaryEvidence, canary.exposed > 0 else { return nil }
    let failures = rollout.failures(in: canary) + canary.lost
    let e = EValue.logAbort(
      failures: failures, trials: canary.exposed, tolerance: parameters.tolerance)
    guard e >= EValue.threshold(alpha: parameters.alphaAbort) else { return nil }
    return "\(failures) of \(canary.exposed) canaries failed or fell silent; the policy "
      + "tolerates \(terms.tolerance)"
  }

  private func metricFault(_ judgement: Judgement) -> GateVerdict? {
    guard !terms.metrics.isEmpty else { return nil }
    // Half of the chance of error is for failures, half is shared out among metrics and strata.
    let live = rollout.strata.indices.filter { rollout.strata[$0].quarantine == nil }
    let tests = Double(2 * terms.metrics.count * max(1, live.count))
    let threshold = EValue.threshold(alpha: parameters.alphaAbort / tests)
    for index in live {
      for metric in rollout.strata[index].metrics where metric.logE >= threshold {
        let why =
          "\(rollout.strata[index].label) does worse than devices that are not updated: "
          + metric.sentence
        let gone = rollout.strata.count { $0.quarantine != nil } + 1
        guard live.count > 1, gone < terms.quarantineLimit else { return .stop(.evidence(why)) }
        return .quarantine([index], judgement.saying(why))
      }
    }
    return nil
  }

  private func deliveryFault() -> Hold? {
    let failed = rollout.undelivered - rollout.deliveryExcused
    let granted =
      rollout.strata.reduce(rollout.canaryEvidence?.granted ?? 0) { $0 + $1.evidence.granted }
      - rollout.deliveryExcused
    guard failed >= 5, terms.deliveryLimit.isExceeded(by: failed, of: granted) else { return nil }
    return .delivery(failed: failed, granted: granted)
  }

  // MARK: Words

  private func sentence(_ decision: GateDecision) -> String {
    isSilent && decision.verdict == .wait ? "" : words(decision)
  }

  private func words(_ decision: GateDecision) -> String {
    EvidenceWords(rollout: rollout, terms: terms).sentence(decision)
  }
}

extension GateParameters {
  /// The parameters that a policy gives.
  public init(_ terms: Policy.Evidence) {
    self.init()
    tolerance = Double(terms.tolerance.basisPoints) / 10_000
    // With metrics to watch, failures have half of the chance of error.
    let part = terms.metrics.isEmpty ? 1.0 : 2.0
    alphaAbort = Double(terms.alphaAbort.basisPoints) / 10_000 / part
    alphaAdvance = Double(terms.alphaAdvance.basisPoints) / 10_000
    budget = Double(terms.budget)
    growth = terms.growth
    first = terms.first
    minHeard = Double(terms.minHeard.basisPoints) / 10_000
    stallLimit = terms.stallLimit
    stallFactor = Double(terms.stallFactorHundredths) / 100
    quarantineLimit = terms.quarantineLimit
    quarantineShare = Double(terms.quarantineShare.basisPoints) / 10_000
  }
}

extension Rollout {
  /// The counts of each stratum as the gate takes them.
  var stratumCounts: [StratumCounts] {
    strata.map { StratumCounts($0, failures: failures(in: $0.evidence)) }
  }
}

extension StratumCounts {
  /// `failures` of its devices are known to have failed.
  fileprivate init(_ stratum: Stratum, failures: Int) {
    let excused = stratum.excused
    let reported = max(0, failures - excused.reported)
    let lost = max(0, stratum.evidence.lost - excused.lost)
    self.init(
      id: stratum.label, size: stratum.size, left: stratum.left,
      exposed: max(reported + lost, stratum.evidence.exposed - excused.exposed),
      matured: stratum.evidence.matured, reported: reported, lost: lost,
      isQuarantined: stratum.quarantine != nil)
  }
}

extension ControlCounts {
  init(_ sample: ControlSample) {
    self.init(
      devices: sample.devices, lost: sample.lost,
      heard: Double(sample.heard.basisPoints) / 10_000)
  }

  /// Nobody was looked at yet.
  static let none = ControlCounts(devices: 0, lost: 0, heard: 1)
}

extension Judgement {
  func saying(_ sentence: String) -> Judgement {
    Judgement(
      at: at, decision: decision, strata: strata, control: control, step: step, sentence: sentence)
  }
}
