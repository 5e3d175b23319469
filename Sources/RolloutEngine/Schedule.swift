// Schedule: what the times and approvals of a rollout say about its start and its end.

public import UpdateModel

/// Answers for the times a rollout was given.
public enum Schedule {
  /// What a rollout that has not started waits for.
  public enum Start: Equatable, Sendable {
    /// A person starts it.
    case byPerson
    /// Somebody must approve it first.
    case approval
    /// It starts by itself then.
    case later(Instant)
    /// It is to start now.
    case due
    /// Its end time passed before it started.
    case missed(Instant)
  }

  /// What the start of a draft waits for.
  public static func start(of rollout: Rollout, now: Instant) -> Start {
    let terms = rollout.specification.terms
    if let endAt = terms.endAt, endAt <= now { return .missed(endAt) }
    if isApprovalMissing(rollout) { return .approval }
    guard let startAt = terms.startAt else { return .byPerson }
    return startAt <= now ? .due : .later(startAt)
  }

  /// Whether the end time has passed, so that nothing is granted any more.
  public static func isOver(_ rollout: Rollout, now: Instant) -> Bool {
    rollout.specification.terms.endAt.map { $0 <= now } ?? false
  }

  /// Whether a person must approve before the start and has not.
  public static func isApprovalMissing(_ rollout: Rollout) -> Bool {
    rollout.approvedBy == nil && needsApproval(rollout.policy, rollout.stages.map(\.plan))
  }

  /// Whether a person must approve before the start: the policy says so, or the first stage alone
  /// is more than may be open without.
  public static func needsApproval(_ policy: Policy, _ stages: [PlannedStage]) -> Bool {
    if policy.approve.isNeededBeforeStart { return true }
    guard let above = policy.approve.above, let first = stages.first else { return false }
    return above.isExceeded(by: first.size, of: stages.reduce(0) { $0 + $1.size })
  }

  /// The stages with a sign-off before the first one that opens more than the policy's share.
  static func marking(_ stages: [PlannedStage], _ policy: Policy) -> [PlannedStage] {
    guard let above = policy.approve.above else { return stages }
    let total = stages.reduce(0) { $0 + $1.size }
    var reached = 0
    var marked = stages
    for (position, stage) in stages.enumerated() {
      reached += stage.size
      guard above.isExceeded(by: reached, of: total) else { continue }
      if position > 0 { marked[position - 1] = stages[position - 1].withSignOff() }
      break
    }
    return marked
  }
}

extension PlannedStage {
  /// The stage with a person's approval before the next one opens.
  func withSignOff() -> PlannedStage {
    PlannedStage(name: name, size: size, selection: selection, gate: gate, signOff: true)
  }
}
