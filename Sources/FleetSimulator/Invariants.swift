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

  /// One line for a person, with the seed.
  public var description: String { "seed \(seed), after \(after): \(sentence)" }
}

/// Watches the server model; keeps the first violation only, the rest follow from it.
struct Invariants {
  private(set) var first: (at: Instant, sentence: String)?
  private var limits = LimitWatch()
  private var stepCount = 0
  private var lateLeases: Set<Int> = []
  private var isGranting = false

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
    if planned > open {
      violate("\(device) of stage index \(planned) was granted while \(open) is open", now)
    }
    if server.actions[index]?.isLeased == true { violate("\(device) holds a lease already", now) }
    if let sentence = limits.noteGrant(server, index, now: now) { violate(sentence, now) }
    isGranting = true
  }

  /// Called before a lease for the way back is granted.
  mutating func checkReturn(_ server: ServerModel, _ index: Int, now: Instant) {
    let device = server.twins[index].device
    if server.rollout.status != .rollingBack, server.rollout.status != .rolledBack {
      violate("\(device) is brought back although the rollout does not roll back", now)
    }
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
  }

  /// Called after every poll and report.
  mutating func checkStep(_ server: ServerModel, now: Instant) {
    stepCount += 1
    // A recount costs as much as the fleet is large; a step of a large fleet pays for a part.
    guard stepCount.isMultiple(of: max(1, server.actions.count / 32)) else { return }
    checkCounters(server, now: now)
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
    checkCounters(server, now: now)
  }

  private mutating func violate(_ sentence: String, _ now: Instant) {
    if first == nil { first = (now, sentence) }
  }
}
