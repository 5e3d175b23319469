// WhatIfSilence: drop-outs, outages and bricks of a what-if run, as far as the server can notice.

import RolloutEngine
import UpdateModel

extension WhatIfRun {
  /// Whether what a device says now arrives.
  func isHeard(_ device: Int) -> Bool {
    if let outage = fates.outage, outage.contains(tick) { return false }
    return !(absences[device]?.contains(tick) ?? false)
  }

  /// The next call of a device, after an absence and an outage at the earliest.
  func nextPoll(_ device: Int, notBefore earliest: Int = 0) -> Int {
    let after = max(tick, earliest - 1)
    let next = fates.nextPoll(device, after: after)
    guard let end = absences[device]?.upperBound, after < end, end > tick else { return next }
    return fates.outage?.contains(end) ?? false ? fates.nextPoll(device, after: end) : end
  }

  /// When a device that takes part was heard last.
  func lastHeard(_ slot: Int) -> Int {
    let device = Int(granted[slot])
    let action = actions[slot]
    let word = [action.exposedAt, action.installedAt, action.provenAt].compactMap { $0 }.max()
    let spoke = fates.clock.tick(word ?? action.grantedAt)
    if conditions[slot].contains(.bricked) {
      guard fates.ending(device).isLate, let installed = action.provenAt else { return spoke }
      // It called until it failed.
      let failed =
        fates.clock.tick(installed) + fates.clock.count(fates.scenario.lateAfter)
      return max(spoke, lastPoll(device, upTo: min(tick, failed)))
    }
    return max(spoke, lastPoll(device, upTo: tick))
  }

  private func lastPoll(_ device: Int, upTo end: Int) -> Int {
    fates.lastPoll(phase: fates.phase(device), upTo: end, away: absences[device])
  }

  // MARK: Drop-outs

  mutating func drawDropOuts() {
    guard fates.scenario.dropOuts > .none else { return }
    let day = tick / fates.clock.day
    for (slot, device) in granted.enumerated() where conditions[slot].contains(.onRelease) {
      if let time = fates.dropOut(Int(device), day: day) {
        calendar.add(.away, Int(device), at: max(time, tick))
      }
    }
  }

  mutating func dropOutToday(_ device: Int) {
    let time = fates.dropOut(device, day: tick / fates.clock.day)
    if let time, time > tick { calendar.add(.away, device, at: time) }
  }

  mutating func dropOut(_ device: Int) {
    guard let slot = slot(device), !conditions[slot].contains(.bricked) else { return }
    let end = tick + fates.clock.count(fates.scenario.away)
    let began = absences[device].flatMap { $0.contains(tick) ? $0.lowerBound : nil } ?? tick
    absences[device] = began..<end
    guard rollout.gathersEvidence else { return }
    let due = lastHeard(slot) + silenceTicks
    if due < end { calendar.add(.silence, device, at: max(tick + 1, due)) }
  }

  // An outage silences everybody, so everybody's silence is to be looked at.
  mutating func watchEverybody() {
    guard rollout.gathersEvidence else { return }
    for slot in granted.indices where !conditions[slot].contains(.bricked) {
      calendar.add(.silence, Int(granted[slot]), at: max(tick + 1, lastHeard(slot) + silenceTicks))
    }
  }

  // MARK: Silence as evidence

  mutating func listen(_ device: Int) {
    guard let slot = slot(device), let control, let silence = rollout.silence,
      actions[slot].isWatched
    else { return }
    let isBricked = conditions[slot].contains(.bricked)
    let passed = control.elapsed(from: lastHeard(slot), to: tick)
    if passed >= silence {
      apply(.fellSilent, slot)
      if !isBricked { calendar.add(.poll, device, at: nextPoll(device)) }
    } else if isBricked || !isHeard(device) {
      // The healthy clock stood, or stands.
      let left = Interval(milliseconds: silence.milliseconds - passed.milliseconds)
      let pause = max(fates.clock.count(left), min(fates.clock.look, silenceTicks))
      calendar.add(.silence, device, at: tick + pause)
    }
  }
}
