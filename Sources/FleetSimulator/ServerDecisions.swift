// ServerDecisions: what the engine decides for one device, carried out and counted.

import RolloutEngine
import UpdateModel

extension ServerModel {
  mutating func offer(_ index: Int, now: Instant) {
    let twin = twins[index]
    var candidate = Candidate(
      device: twin.device, fits: true, isTargeted: true,
      runsRelease: twin.version == Scenario.newVersion, isCanary: twin.isCanary)
    candidate.hindrance = hindrance(index, now: now)
    if policy.evidence != nil { findPlace(of: &candidate, twin, isNew: actions[index] == nil, now) }
    let answer = Eligibility.decide(
      candidate, action: actions[index], in: rollout, demand: demand(index), now: now)
    guard let stage = sabotaged(answer) else {
      if case .deferred(let reason) = answer { holdBack(index, reason, candidate, now: now) }
      return
    }
    invariants.checkGrant(self, index, candidate, stage: stage, now: now)
    if let action = actions[index] {
      grant(index, leaseAgain(index, action, now: now), now: now)
    } else {
      grant(
        index,
        Action(
          rollout: rollout.specification.id, device: twin.device, stage: stage, id: takeID(),
          release: ServerModel.newRelease,
          fallback: twin.version == nil ? nil : ServerModel.oldRelease,
          deadline: now + policy.timeouts.accept, now: now,
          stratum: candidate.isCanary && stage == 0 ? nil : candidate.stratum), now: now)
    }
  }

  // A device of the plan has its place; a newcomer takes one, and may be the first of its kind.
  private mutating func findPlace(
    of candidate: inout Candidate, _ twin: Twin, isNew: Bool, _ now: Instant
  ) {
    candidate.stratum = strata[twin.label]
    guard isNew, !twin.isCanary, !candidate.runsRelease, rollout.status.grantsUpdates else {
      return
    }
    if candidate.stratum == nil {
      rollout.evolve(.stratumFound(twin.label), at: now)
      strata[twin.label] = rollout.strata.count - 1
    }
    guard let stratum = strata[twin.label] else { return }
    candidate.stratum = stratum
    guard ranks.insert(twin.rank, stratum: stratum) else { return }
    rollout.evolve(.joined(stratum: stratum), at: now)
    mix(UInt64(stratum))
    advance(now)
  }

  func isQuarantined(_ index: Int) -> Bool {
    actions[index].map(rollout.isQuarantined) ?? false
  }

  func sabotaged(_ answer: Eligibility) -> Int? {
    switch (answer, sabotage) {
    case (.eligible(let stage), _): stage
    case (.deferred(.concurrencyLimit), .ignoresLimits): 0
    case (.deferred(.rateLimit), .ignoresLimits): 0
    case (.deferred(.domainLimit), .ignoresDomains): 0
    case (.deferred(.bandwidth), .ignoresBandwidth): 0
    case (.deferred(.retryBudget), .ignoresRetryBudget): 0
    case (.deferred(.stageClosed(let stage)), .ignoresStages): stage
    case (.deferred(.notRunning(.paused)), .ignoresStatus): 0
    case (.deferred(.placeClosed(_?)), .ignoresPlaces): rollout.openStage
    case (.deferred(.quarantined), .ignoresQuarantine): rollout.openStage
    case (.deferred(.hindered), .ignoresConditions): rollout.openStage
    default: nil
    }
  }

  mutating func recover(_ index: Int, now: Instant) {
    guard let action = actions[index], sabotage != .neverTurnsBack else { return }
    let runs = twins[index].version == Scenario.newVersion
    var answer = Recovery.decide(
      action, runsRelease: runs, in: rollout, demand: demand(index), now: now)
    if sabotage == .ignoresReturnGate, answer == .wait(.deferred(.returnGate)),
      let fallback = action.fallback
    {
      answer = .turnBack(fallback)
    }
    switch answer {
    case .nothing, .wait: return
    case .cancel: step(index, .cancelRequested, now: now)
    case .turnBack(let release):
      invariants.checkReturn(self, index, now: now)
      grant(
        index,
        ActionMachine.turnBack(action, to: release, id: takeID(), policy: policy, now: now),
        now: now)
    case .retryTurnBack:
      invariants.checkReturn(self, index, now: now)
      grant(
        index, ActionMachine.regrant(action, id: takeID(), policy: policy, now: now), now: now)
    case .strand: replace(index, by: action.stranded(now: now), now: now)
    }
  }

  mutating func grant(_ index: Int, _ action: Action, now: Instant) {
    grantCount += 1
    rollout.grant(action, bytes: imageBytes, at: now)
    replace(index, by: action, now: now)
  }

  mutating func step(_ index: Int, _ input: ActionInput, now: Instant) {
    guard let action = actions[index] else { return }
    // A refused input is the device's problem; the server answers 410 and keeps what it knows.
    guard
      let next = try? ActionMachine.apply(
        input, to: action, policy: policy, salt: rollout.specification.salt, now: now),
      next != action
    else { return }
    replace(index, by: next, now: now)
  }

  mutating func replace(_ index: Int, by next: Action, now: Instant) {
    let before = actions[index]
    invariants.noteLease(index, before: before, after: next)
    actions[index] = next
    load.follow(next, under: policy.limits.domains) { twins[index].registration }
    mix(UInt64(index) << 32 ^ UInt64(next.standing.rawValue) << 56 ^ UInt64(next.id.number))
    mix(UInt64(truncatingIfNeeded: now.milliseconds))
    if let due = next.due(under: policy), due != before?.due(under: policy) {
      deadlines.add(index, due: due)
    }
    if next.isWatched, before?.isWatched != true, let silence = rollout.silence {
      silences.add(index, due: now + silence)
    }
    if next.standing != before?.standing {
      let from = sabotage == .miscounts && index.isMultiple(of: 7) ? nil : before?.standing
      rollout.evolve(.moved(stage: next.stage, from: from, to: next.standing), at: now)
    }
    if rollout.gathersEvidence { mark(index, before?.mark, next, now: now) }
    if next.mark == .lost, before?.mark != .lost { invariants.noteLoss(self, index, now: now) }
    advance(now)
  }

  private mutating func mark(_ index: Int, _ before: Mark?, _ next: Action, now: Instant) {
    guard next.mark != before else { return }
    let from = sabotage == .miscountsEvidence && index.isMultiple(of: 7) ? nil : before
    rollout.evolve(.marked(stratum: next.stratum, from: from, to: next.mark), at: now)
  }

  func demand(_ index: Int) -> GrantDemand {
    GrantDemand(
      bytes: imageBytes, fullDomain: load.full(for: twins[index].registration, in: rollout))
  }

  mutating func takeID() -> ActionID {
    defer { nextAction = nextAction.following }
    return nextAction
  }
}
