// EvidenceWatch: what the statistical gate must never do, counted again from single devices.
//
// It sees every look at the control cohort, every change of a mark and every act of the gate, keeps
// its own account of outages, and shares no code with the gate but the definition of a mark.

import RolloutEngine
import UpdateModel

/// Watches the evidence of one rollout; each question answers with what is wrong, nil when nothing
/// is.
struct EvidenceWatch {
  private let terms: Policy.Evidence?
  private let poll: Interval
  private let isHealthy: Bool
  private let outage: (from: Instant, to: Instant)?
  private var opened: [Int] = []
  private var openStage: Int?
  // Times at which too little of the control was heard, as the looks found them.
  private var freezes: [(from: Instant, to: Instant)] = []
  private var frozenSince: Instant?

  init(_ scenario: Scenario, startsAt: Instant) {
    terms = scenario.policy.evidence
    poll = scenario.traits.poll
    isHealthy = scenario.isHealthy
    outage = scenario.faults.outageAfter.map { after in
      (startsAt + after, startsAt + after + scenario.faults.outageLength)
    }
  }

  // MARK: Silence

  mutating func noteLook(_ sample: ControlSample, now: Instant) {
    guard let terms else { return }
    if sample.heard < terms.minHeard {
      frozenSince = frozenSince ?? now
    } else if let from = frozenSince {
      freezes.append((from, now))
      frozenSince = nil
    }
  }

  private func healthyTime(from: Instant, to: Instant) -> Int64 {
    let stopped = freezes + (frozenSince.map { [($0, to)] } ?? [])
    return stopped.reduce((to - from).milliseconds) { left, freeze in
      left - max(0, (min(to, freeze.to) - max(from, freeze.from)).milliseconds)
    }
  }

  /// Called when a device becomes lost.
  func noteLoss(_ server: ServerModel, _ index: Int, now: Instant) -> String? {
    guard let terms else { return nil }
    let silence = terms.silence(poll: poll)
    let device = server.twins[index].device
    let heard = server.twins[index].heardAt
    // From one and a half polls and a look after its beginning, an outage has been noticed.
    if let outage {
      let noticed = outage.from + Interval(milliseconds: poll.milliseconds * 2)
      let frozen = max(0, (min(now, outage.to) - max(heard, noticed)).milliseconds)
      if (now - heard).milliseconds - frozen < silence.milliseconds {
        return "\(device) counts as lost for its silence in an outage"
      }
    }
    guard terms.domain == nil else { return nil }
    if let since = frozenSince, since < now { return "\(device) became lost while nobody is heard" }
    let healthy = healthyTime(from: heard, to: now)
    return healthy >= silence.milliseconds
      ? nil : "\(device) became lost after \(healthy / 1000) s of healthy silence"
  }

  /// Called after silence was looked for: a device that is silent for too long must be lost.
  func missedSilence(_ server: ServerModel, now: Instant) -> String? {
    guard let terms, terms.domain == nil, server.rollout.startedAt != nil else { return nil }
    let slack = server.lookPause.milliseconds
    for case let (action?, twin) in zip(server.actions, server.twins) {
      switch action.mark {
      case .open, .failing, .proven: break
      case .unexposed, .spared, .undelivered, .reported, .lost, .withdrawn: continue
      }
      let healthy = healthyTime(from: twin.heardAt, to: now)
      if action.kind == .update, healthy > terms.silence(poll: poll).milliseconds + slack {
        return "\(twin.device) is silent for \(healthy / 1000) s and not lost"
      }
    }
    return nil
  }

  // MARK: Places

  /// Called before a device is granted its first attempt.
  func noteGrant(_ server: ServerModel, _ candidate: Candidate) -> String? {
    guard terms != nil, let stratum = candidate.stratum, !candidate.isCanary else { return nil }
    let found = server.rollout.strata[stratum]
    if found.quarantine != nil {
      return "\(candidate.device) of \(found.label), which is quarantined, was granted"
    }
    if server.actions[server.number(candidate.device)] != nil { return nil }
    let granted = server.actions.count { $0?.stratum == stratum }
    return granted < found.opened
      ? nil : "\(granted + 1) devices of \(found.label) were granted, \(found.opened) are open"
  }

  /// Called before a device is turned round.
  func noteReturn(_ server: ServerModel, _ index: Int) -> String? {
    guard let terms, !server.rollout.isReturnForced,
      server.actions[index].map({ $0.kind == .update }) ?? false
    else { return nil }
    var count: [Standing: Int] = [:]
    for case let action? in server.actions { count[action.standing, default: 0] += 1 }
    let underWay = count[.returning, default: 0] + count[.returnRetrying, default: 0]
    let allowed =
      terms.first * max(1, server.rollout.strata.count)
      + terms.growth * count[.returned, default: 0]
    return underWay + count[.returnFailed, default: 0] < allowed
      ? nil : "\(underWay) devices are on their way back, \(allowed) may be"
  }

  // MARK: Acts of the gate

  /// Called when the gate acted.
  mutating func noteAdvance(_ server: ServerModel, now: Instant) -> String? {
    let rollout = server.rollout
    defer {
      opened = rollout.strata.map(\.opened)
      openStage = rollout.openStage
    }
    if isHealthy {
      if case .evidence(let reason) = rollout.stop {
        return "a release that works everywhere was stopped: \(reason)"
      }
      if let bad = rollout.strata.first(where: { $0.quarantine != nil }) {
        return "\(bad.label), where the release works, is quarantined"
      }
    }
    if let terms {
      while opened.count < rollout.strata.count { opened.append(0) }
      let grown = rollout.strata.indices.filter { rollout.strata[$0].opened > opened[$0] }
      return grown.isEmpty ? nil : step(server, terms, grown, now: now)
    }
    guard let openStage, let open = rollout.openStage, open > openStage else { return nil }
    return stage(server, openStage, now: now)
  }

  private func step(
    _ server: ServerModel, _ terms: Policy.Evidence, _ grown: [Int], now: Instant
  ) -> String? {
    let rollout = server.rollout
    if !rollout.status.grantsUpdates { return "a step opened while \(rollout.status.rawValue)" }
    if let hold = rollout.hold { return "a step opened while held: \(hold.sentence)" }
    if frozenSince != nil { return "a step opened while nobody is heard" }
    // Who came too late for the step before is not waited for.
    let before = rollout.stages.dropLast().last?.openedAt
    let wait = Interval(milliseconds: 2 * poll.milliseconds)
    if let before, now >= before + wait + terms.patience(poll: poll) { return nil }
    var exposed = [Int](repeating: 0, count: rollout.strata.count)
    let patience = terms.patience(poll: poll)
    for case let action? in server.actions {
      guard let stratum = action.stratum, rollout.strata[stratum].quarantine == nil else {
        continue
      }
      switch action.mark {
      case .open(let since), .failing(let since):
        if now - since < patience { return "a step opened before \(action.device) had its verdict" }
      case .proven(let since):
        if now - since < terms.soak { return "a step opened before \(action.device) was proven" }
      case .reported, .lost, .withdrawn: break
      case .unexposed, .spared, .undelivered: continue
      }
      exposed[stratum] += 1
    }
    for index in grown {
      let stratum = rollout.strata[index]
      if stratum.quarantine != nil { return "a step opened for \(stratum.label) in quarantine" }
      let count = stratum.opened - opened[index]
      let most = exposed[index] == 0 ? terms.first : terms.growth * exposed[index]
      if count > max(1, most) {
        return "a step of \(count) devices of \(stratum.label) opened, \(most) are allowed"
      }
    }
    return unapproved(rollout)
  }

  private func unapproved(_ rollout: Rollout) -> String? {
    guard let above = rollout.policy.approve.above else { return nil }
    let population = rollout.strata.reduce(0) { $0 + $1.size }
    let total = rollout.strata.reduce(0) { $0 + $1.opened }
    let isApproved = rollout.stages.dropLast().contains { $0.signedOffBy != nil }
    return isApproved || total * 10_000 <= above.basisPoints * population
      ? nil : "\(total) of \(population) devices are open without approval above \(above)"
  }

  private func stage(_ server: ServerModel, _ closed: Int, now: Instant) -> String? {
    let rollout = server.rollout
    let stage = rollout.stages[closed]
    if rollout.status != .running { return "a stage opened while \(rollout.status.rawValue)" }
    let spoken = server.actions.contains { $0?.stage == closed && $0?.standing.isVerdict == true }
    if !spoken, stage.signedOffBy == nil, stage.tally[.superseded] == 0 {
      return "\(stage.plan.name) widened without a verdict"
    }
    guard let settledAt = stage.settledAt, now - settledAt >= stage.plan.gate.soak else {
      return "\(stage.plan.name) widened before its soak time was over"
    }
    guard let limit = rollout.policy.failureLimit else { return nil }
    let standings = server.actions.compactMap { $0?.standing }
    let failures = standings.count { $0 == .failed || $0 == .lost }
    let exposed = standings.count { $0.isExposed }
    return failures >= limit.minimum
      && failures * 10_000 > limit.share.basisPoints * max(1, exposed)
      ? "\(stage.plan.name) widened with \(failures) of \(exposed) devices failed" : nil
  }

  // MARK: Counters

  /// Compares the counters of the evidence with a recount of the marks.
  func miscount(_ server: ServerModel) -> String? {
    guard let terms else { return nil }
    let rollout = server.rollout
    var counts = [MarkCount](repeating: MarkCount(), count: rollout.strata.count + 1)
    let ripe = Instant(milliseconds: server.judgedAt.milliseconds - terms.soak.milliseconds)
    for case let action? in server.actions {
      counts[action.stratum ?? rollout.strata.count].add(action.mark, ripe: ripe)
    }
    for (index, count) in counts.enumerated() {
      let found =
        index < rollout.strata.count ? rollout.strata[index].evidence : rollout.canaryEvidence
      if let found, let difference = count.difference(from: found) {
        let name = index < rollout.strata.count ? rollout.strata[index].label : "canary"
        return "the evidence of \(name) counts \(difference)"
      }
    }
    return nil
  }

  private struct MarkCount {
    private var reported = 0
    private var lost = 0
    private var withdrawn = 0
    private var undelivered = 0
    private var spared = 0
    private var unexposed = 0
    private var open = 0
    private var failing = 0
    private var proven = 0
    private var ripe = 0

    mutating func add(_ mark: Mark, ripe limit: Instant) {
      switch mark {
      case .unexposed: unexposed += 1
      case .spared: spared += 1
      case .undelivered: undelivered += 1
      case .open: open += 1
      case .failing:
        open += 1
        failing += 1
      case .proven(let since):
        proven += 1
        if since <= limit { ripe += 1 }
      case .reported: reported += 1
      case .lost: lost += 1
      case .withdrawn: withdrawn += 1
      }
    }

    func difference(from found: EvidenceCounts) -> String? {
      let exposed = reported + lost + withdrawn + open + proven
      let pairs: [(String, Int, Int)] = [
        ("reported", found.reported, reported), ("lost", found.lost, lost),
        ("withdrawn", found.withdrawn, withdrawn),
        ("undelivered", found.undelivered, undelivered), ("spared", found.spared, spared),
        ("unexposed", found.unexposed, unexposed), ("failing", found.failing, failing),
        ("proven", found.proven, proven), ("exposed", found.exposed, exposed),
      ]
      for (name, counted, recounted) in pairs where counted != recounted {
        return "\(counted) as \(name), recounted \(recounted)"
      }
      return found.matured > ripe ? "\(found.matured) as matured, recounted \(ripe)" : nil
    }
  }
}
