// VirtualControl: the control cohort of a what-if run, looked at as the server looks at its own.

import RolloutEngine
import UpdateModel

/// The devices that a rollout reaches last, when each was heard, and the clock that they drive.
struct VirtualControl {
  /// Of each stratum so many are kept, and of all strata together, as on the server.
  static let perStratum = 5000
  static let membersMax = 20_000
  /// With fewer devices nobody is compared with anybody.
  private static let enough = 20

  private(set) var clock = HealthyClock()
  private let fates: Fates
  private let terms: Policy.Evidence
  private let silence: Interval
  private let members: [(device: Int, phase: Int)]
  private var awayFrom: [Int32]
  private var awayTo: [Int32]
  // Drop-outs of the present day, the next one last.
  private var coming: [(tick: Int, member: Int)] = []
  private var day = -2

  init(_ devices: [Int], fates: Fates, terms: Policy.Evidence) {
    self.fates = fates
    self.terms = terms
    silence = terms.silence(poll: fates.scenario.poll)
    members = devices.filter(fates.isReachable).map { ($0, fates.phase($0)) }
    awayFrom = [Int32](repeating: .min, count: members.count)
    awayTo = awayFrom
  }

  /// Looks at everybody at a tick; `isGranted` tells who has left the cohort. What silence is
  /// ordinary is counted since the start at tick 0, who is heard since the step opened.
  mutating func look(
    at tick: Int, stepOpened: Int, isGranted: (Int) -> Bool
  ) -> ControlSample {
    dropOut(upTo: tick)
    let recent = fates.clock.poll * 3 / 2
    let silentTicks = fates.clock.count(silence)
    var control = (devices: 0, heard: 0)
    var loss = (devices: 0, lost: 0)
    var everyone = (devices: 0, heard: 0)
    for (index, member) in members.enumerated() {
      let away = Int(awayFrom[index])..<Int(awayTo[index])
      let last = fates.lastPoll(phase: member.phase, upTo: tick, away: away)
      guard -last < silentTicks else { continue }
      let isHeard = tick - last <= recent
      let isLeft = !isGranted(member.device)
      if isLeft {
        loss.devices += 1
        if tick - last >= silentTicks, isLost(last, tick) { loss.lost += 1 }
      }
      guard stepOpened - last < silentTicks else { continue }
      everyone.devices += 1
      if isHeard { everyone.heard += 1 }
      guard isLeft else { continue }
      control.devices += 1
      if isHeard { control.heard += 1 }
    }
    let isEnough = control.devices >= VirtualControl.enough
    let heard =
      isEnough
      ? share(control.heard, control.devices) : share(everyone.heard, everyone.devices)
    let now = fates.clock.instant(tick)
    clock.observe(isHealthy: heard >= terms.minHeard, at: now)
    return ControlSample(
      devices: isEnough ? loss.devices : 0, lost: isEnough ? loss.lost : 0, heard: heard,
      at: now)
  }

  /// Healthy time between two ticks.
  func elapsed(from start: Int, to end: Int) -> Interval {
    clock.elapsed(from: fates.clock.instant(start), to: fates.clock.instant(end))
  }

  private func isLost(_ last: Int, _ tick: Int) -> Bool { elapsed(from: last, to: tick) >= silence }

  private func share(_ part: Int, _ whole: Int) -> Share {
    whole == 0 ? .whole : Share(basisPoints: part * 10_000 / whole) ?? .whole
  }

  // The first call also takes in those who dropped out on the day before the start.
  private mutating func dropOut(upTo tick: Int) {
    while true {
      while let next = coming.last, next.tick <= tick {
        coming.removeLast()
        if Int32(next.tick) > awayTo[next.member] { awayFrom[next.member] = Int32(next.tick) }
        awayTo[next.member] = Int32(next.tick + fates.clock.count(fates.scenario.away))
      }
      guard (day + 1) * fates.clock.day <= tick else { return }
      day += 1
      coming = members.indices.compactMap { index in
        fates.dropOut(members[index].device, day: day).map { ($0, index) }
      }
      coming.sort { ($0.tick, $0.member) > ($1.tick, $1.member) }
    }
  }
}
