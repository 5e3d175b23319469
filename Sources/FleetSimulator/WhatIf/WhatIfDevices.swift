// WhatIfDevices: what devices do in a what-if run, and what the engine makes of it.

import RolloutEngine
import UpdateModel

extension WhatIfRun {
  // MARK: Calls

  mutating func call(_ device: Int) {
    guard isHeard(device) else {
      calendar.add(.poll, device, at: nextPoll(device))
      return
    }
    guard let slot = slot(device) else { return offer(device) }
    if conditions[slot].contains(.bricked) { return }
    prove(slot)
    if rollout.status.isStopped || isQuarantined(slot) {
      recover(slot)
    } else if case .retrying = actions[slot].state {
      offer(device)
    }
  }

  private func isQuarantined(_ slot: Int) -> Bool {
    rollout.isQuarantined(actions[slot])
  }

  private mutating func prove(_ slot: Int) {
    let runsWhatItWasGiven =
      actions[slot].kind == .update && conditions[slot].contains(.onRelease)
    apply(.polled(runsWhatItWasGiven ? .expected : .stale), slot)
  }

  private mutating func offer(_ device: Int) {
    let slot = slot(device)
    let model = fates.model(device)
    let isCanary =
      !roster.canaries.isEmpty
      && WhatIfRoster.isCanary(device, roster.canaries.count, of: fates.scenario.fleetSize)
    let id = slot.map { actions[$0].device } ?? WhatIfRoster.id(device)
    let candidate = Candidate(
      device: id, fits: true, isTargeted: true, runsRelease: false, isCanary: isCanary,
      stratum: rollout.gathersEvidence ? model : nil)
    let answer = Eligibility.decide(
      candidate, action: slot.map { actions[$0] }, in: rollout, demand: demand, now: now)
    switch answer {
    case .eligible(let stage): grant(device, slot, candidate, stage: stage)
    case .deferred(.quarantined), .excluded: return
    case .deferred(.notRunning(let status)) where status.isFinal || status.isStopped: return
    case .deferred(let reason):
      let earliest = reason.until.map { fates.clock.tick($0) + 1 } ?? 0
      calendar.add(.poll, device, at: nextPoll(device, notBefore: earliest))
    }
  }

  private mutating func grant(_ device: Int, _ slot: Int?, _ candidate: Candidate, stage: Int) {
    let id = takeID()
    let place: Int
    if let slot {
      place = slot
      regrant(slot, ActionMachine.regrant(actions[slot], id: id, policy: policy, now: now))
    } else {
      place = actions.count
      let action = Action(
        rollout: rollout.specification.id, device: candidate.device, stage: stage, id: id,
        release: WhatIfRun.release, fallback: WhatIfRun.fallback,
        deadline: now + policy.timeouts.accept, now: now,
        stratum: candidate.isCanary ? nil : candidate.stratum)
      slots[device] = Int32(place)
      granted.append(UInt32(device))
      conditions.append([])
      actions.append(action)
      rollout.grant(action, bytes: fates.scenario.imageBytes, at: now)
      rollout.evolve(.moved(stage: stage, from: nil, to: action.standing), at: now)
      if rollout.gathersEvidence {
        rollout.evolve(.marked(stratum: action.stratum, from: nil, to: action.mark), at: now)
      }
    }
    begin(place)
  }

  private var demand: GrantDemand {
    GrantDemand(bytes: fates.scenario.imageBytes, fullDomain: nil)
  }

  private mutating func regrant(_ slot: Int, _ action: Action) {
    rollout.grant(action, bytes: fates.scenario.imageBytes, at: now)
    replace(slot, by: action)
  }

  // The device fetches its instructions and the image, and begins to install.
  private mutating func begin(_ slot: Int) {
    let device = Int(granted[slot])
    apply(.taken, slot)
    apply(.downloaded, slot)
    let ending = fates.ending(device)
    let end = fates.arrival(tick + installTicks)
    if actions[slot].kind == .update, ending == .brick {
      conditions[slot].formUnion([.failed, .bricked])
      calendar.add(.silence, device, at: tick + silenceTicks)
      expireLater(slot)
      return
    }
    if actions[slot].kind == .update {
      if ending == .failure { conditions[slot].insert(.failed) }
      if ending.isLate {
        let late = tick + installTicks + fates.clock.count(fates.scenario.lateAfter)
        calendar.add(.late, device, at: late)
      }
    }
    calendar.add(.done, device, at: end)
    if let deadline = actions[slot].deadline, deadline <= fates.clock.instant(end) {
      expireLater(slot)
    }
  }

  private mutating func expireLater(_ slot: Int) {
    guard let deadline = actions[slot].deadline else { return }
    calendar.add(.expiry, Int(granted[slot]), at: fates.clock.tick(deadline) + 1)
  }

  mutating func expire(_ device: Int) {
    guard let slot = slot(device), let deadline = actions[slot].deadline else { return }
    guard now >= deadline else { return expireLater(slot) }
    // Nothing was heard since: whoever can speak reports before the deadline.
    apply(.expired(silent: true), slot)
  }

  // MARK: Installing and failing

  mutating func installationEnds(_ device: Int) {
    guard let slot = slot(device), !conditions[slot].contains(.bricked) else { return }
    if actions[slot].kind == .rollback {
      conditions[slot].remove(.onRelease)
      apply(.installed, slot)
      apply(.polled(.expected), slot)
      return
    }
    if fates.ending(device) == .failure {
      apply(.failed("the new system did not start; went back to the old one"), slot)
      if case .retrying(let from) = actions[slot].state {
        calendar.add(.poll, device, at: nextPoll(device, notBefore: fates.clock.tick(from) + 1))
      }
    } else {
      conditions[slot].insert(.onRelease)
      apply(.installed, slot)
      // It has rebooted, and its first call says what it runs.
      apply(.polled(.expected), slot)
      dropOutToday(device)
    }
    if rollout.status.isStopped || isQuarantined(slot) { recover(slot) }
  }

  mutating func failLate(_ device: Int) {
    guard let slot = slot(device), actions[slot].kind == .update else { return }
    if conditions[slot].contains(.saved) { return }
    conditions[slot].insert(.failed)
    if fates.ending(device).isSilent {
      conditions[slot].insert(.bricked)
      calendar.add(.silence, device, at: max(tick + 1, lastHeard(slot) + silenceTicks))
    } else {
      calendar.add(.complaint, device, at: max(tick + 1, fates.arrival(tick)))
    }
  }

  mutating func complain(_ device: Int) {
    guard let slot = slot(device), actions[slot].kind == .update else { return }
    conditions[slot].remove(.onRelease)
    apply(.failed("went bad after it had installed; went back to the old system"), slot)
  }

  // MARK: The way back

  private mutating func recover(_ slot: Int) {
    let runsRelease = conditions[slot].contains(.onRelease)
    let device = Int(granted[slot])
    let wish = Recovery.decide(
      actions[slot], runsRelease: runsRelease, in: rollout, demand: demand, now: now)
    switch wish {
    case .nothing: return
    case .wait: calendar.add(.poll, device, at: nextPoll(device))
    case .cancel: apply(.cancelRequested, slot)
    case .turnBack(let release):
      conditions[slot].insert(.saved)
      regrant(
        slot,
        ActionMachine.turnBack(
          actions[slot], to: release, id: takeID(), policy: policy, now: now))
      begin(slot)
    case .retryTurnBack:
      regrant(
        slot, ActionMachine.regrant(actions[slot], id: takeID(), policy: policy, now: now))
      begin(slot)
    case .strand: replace(slot, by: actions[slot].stranded(now: now))
    }
  }

  // MARK: Changes

  func slot(_ device: Int) -> Int? { slots[device] < 0 ? nil : Int(slots[device]) }

  mutating func apply(_ input: ActionInput, _ slot: Int) {
    // What is refused is the device's problem; the server answers 410 and keeps what it knows.
    guard
      let next = try? ActionMachine.apply(
        input, to: actions[slot], policy: policy, salt: rollout.specification.salt, now: now)
    else { return }
    replace(slot, by: next)
  }

  private mutating func replace(_ slot: Int, by next: Action) {
    let from = (standing: actions[slot].standing, mark: actions[slot].mark)
    actions[slot] = next
    let to = (standing: next.standing, mark: next.mark)
    if from.standing != to.standing {
      rollout.evolve(.moved(stage: next.stage, from: from.standing, to: to.standing), at: now)
    }
    if rollout.gathersEvidence, from.mark != to.mark {
      rollout.evolve(.marked(stratum: next.stratum, from: from.mark, to: to.mark), at: now)
    }
  }

  private mutating func takeID() -> ActionID {
    defer { nextAction = nextAction.following }
    return nextAction
  }
}
