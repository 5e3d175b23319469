// Invariants: what must hold at every step of a simulated rollout, recounted independently.

import RolloutEngine
public import UpdateModel

/// Something that must never be, with the means to see it again.
public struct Violation: Error, Equatable, Sendable, CustomStringConvertible {
  /// Seed of the run.
  public let seed: UInt64
  /// Virtual time, counted from the start of the run.
  public let after: Interval
  /// What was found.
  public let sentence: String

  /// Joins what was found with where.
  public init(seed: UInt64, after: Interval, sentence: String) {
    self.seed = seed
    self.after = after
    self.sentence = sentence
  }

  /// One line for a person, with the seed.
  public var description: String { "seed \(seed), after \(after): \(sentence)" }
}

/// Watches the server model; keeps the first violation only, the rest follow from it.
struct Invariants {
  private(set) var first: (at: Instant, sentence: String)?
  private var limits = LimitWatch()
  private var evidence: EvidenceWatch
  private let standby: StandbyWatch
  private var stepCount = 0
  // What nothing changed since the last recount need not be counted again.
  private var isChanged = false
  private var lateLeases: Set<Int> = []
  private var isGranting = false
  private let fleetSize: Int

  init(_ scenario: Scenario, startsAt: Instant) {
    fleetSize = scenario.fleetSize
    evidence = EvidenceWatch(scenario, startsAt: startsAt)
    standby = StandbyWatch(scenario)
  }

  /// Called before a lease for the update is granted.
  mutating func checkGrant(
    _ server: ServerModel, _ index: Int, _ candidate: Candidate, stage: Int, now: Instant
  ) {
    let rollout = server.rollout
    let device = server.twins[index].device
    if rollout.status != .running, rollout.status != .completed {
      violate("\(device) was granted while the rollout is \(rollout.status.rawValue)", now)
    }
    let open = rollout.openStage ?? -1
    let planned = Eligibility.stage(of: candidate, in: rollout) ?? Int.max
    if let sentence = evidence.noteGrant(server, candidate) { violate(sentence, now) }
    if planned > open {
      violate("\(device) of stage index \(planned) was granted while \(open) is open", now)
    }
    if server.actions[index]?.isLeased == true { violate("\(device) holds a lease already", now) }
    if let sentence = limits.noteGrant(server, index, now: now) { violate(sentence, now) }
    if let sentence = standby.noteGrant(server, index) { violate(sentence, now) }
    isGranting = true
  }

  /// Called after a device polled.
  mutating func checkSlot(_ server: ServerModel, _ index: Int, now: Instant) {
    if let sentence = standby.slotKept(server, index) { violate(sentence, now) }
  }

  /// Called when a device that can wait begins to install.
  mutating func checkInstallation(_ server: ServerModel, _ index: Int, now: Instant) {
    if let sentence = standby.noteInstallation(server, index) { violate(sentence, now) }
  }

  /// Called before a lease for the way back is granted.
  mutating func checkReturn(_ server: ServerModel, _ index: Int, now: Instant) {
    let device = server.twins[index].device
    if server.rollout.status != .rollingBack, server.rollout.status != .rolledBack,
      !server.isQuarantined(index) || server.policy.onAbort == .stop
    {
      violate("\(device) is brought back although the rollout does not roll back", now)
    }
    if let sentence = evidence.noteReturn(server, index) { violate(sentence, now) }
    if server.actions[index]?.isLeased == true { violate("\(device) holds a lease already", now) }
    if let sentence = limits.noteGrant(server, index, now: now) { violate(sentence, now) }
    isGranting = true
  }

  /// Keeps account of leases that come back without a grant: a device that was given up says that
  /// it installed. Nothing can forbid that, so the limit does not apply to them.
  mutating func noteLease(_ index: Int, before: Action?, after: Action) {
    if !after.isLeased {
      lateLeases.remove(index)
    } else if before?.isLeased != true, !isGranting {
      lateLeases.insert(index)
    }
    isGranting = false
    isChanged = true
  }

  /// Called when the control cohort was looked at.
  mutating func noteLook(_ sample: ControlSample, now: Instant) {
    evidence.noteLook(sample, now: now)
  }

  /// Called when a device becomes lost.
  mutating func noteLoss(_ server: ServerModel, _ index: Int, now: Instant) {
    if let sentence = evidence.noteLoss(server, index, now: now) { violate(sentence, now) }
  }

  /// Called after a device polled: who is heard is not lost.
  mutating func checkHeard(_ action: Action?, now: Instant) {
    if let action, action.mark == .lost { violate("\(action.device) polls and is lost", now) }
  }

  /// Called when the gate acted.
  mutating func noteAdvance(_ server: ServerModel, now: Instant) {
    if let sentence = evidence.noteAdvance(server, now: now) { violate(sentence, now) }
  }

  /// Asked after every poll and report: whether the counters are to be compared with a recount. A
  /// recount costs as much as the fleet is large; a step of a large fleet pays for a part.
  mutating func isRecountDue() -> Bool {
    guard isChanged else { return false }
    stepCount += 1
    guard stepCount.isMultiple(of: max(1, fleetSize / 32)) else { return false }
    isChanged = false
    return true
  }

  /// Compares the counters of the rollout with a recount of the actions.
  mutating func checkCounters(_ server: ServerModel, now: Instant) {
    let columns = Standing.allCases.count
    var counts = [Int](repeating: 0, count: server.rollout.stages.count * columns)
    var leased = 0
    var ids: Set<UInt32> = []
    for case let action? in server.actions {
      counts[action.stage * columns + action.standing.rawValue] += 1
      guard action.isLeased else { continue }
      leased += 1
      if !ids.insert(action.id.number).inserted { violate("two leases have id \(action.id)", now) }
    }
    for (index, stage) in server.rollout.stages.enumerated() {
      for standing in Standing.allCases
      where stage.tally[standing] != counts[index * columns + standing.rawValue] {
        violate(
          "\(stage.plan.name) counts \(stage.tally[standing]) as \(standing.label), recounted "
            + "\(counts[index * columns + standing.rawValue])", now)
      }
    }
    if let sentence = evidence.miscount(server) { violate(sentence, now) }
    if let limit = server.rollout.policy.limits.concurrent, leased - lateLeases.count > limit {
      violate("\(leased) leases are held, \(limit) are allowed", now)
    }
  }

  /// Called after time passed: no lease may outlive its deadline.
  mutating func checkLeases(_ server: ServerModel, now: Instant) {
    for case let action? in server.actions {
      if let deadline = action.deadline, deadline <= now {
        violate("the lease of \(action.device) ended at \(deadline) and is still held", now)
      }
    }
    if let sentence = evidence.missedSilence(server, now: now) { violate(sentence, now) }
    if let sentence = standby.limitForgotten(server, now: now) { violate(sentence, now) }
    checkCounters(server, now: now)
  }

  private mutating func violate(_ sentence: String, _ now: Instant) {
    if first == nil { first = (now, sentence) }
  }
}
