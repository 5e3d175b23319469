// Gate: counters and time to the one question of a rollout: widen, wait, finish or stop?

public import UpdateModel

/// What the gate of a rollout answers, and why.
public enum GateVerdict: Equatable, Sendable {
  /// Nothing changes yet.
  case wait(WaitReason)
  /// The quorum of the open stage is reached; its soak time begins.
  case settle
  /// The next stage opens.
  case advance
  /// The last stage is done.
  case complete
  /// Devices that could be reached are back.
  case finishRollback
  /// Its end time has passed.
  case end
  /// The rollout stops.
  case stop(Rollout.StopReason)

  /// Why a rollout does not widen.
  public enum WaitReason: Equatable, Sendable {
    /// It has not started.
    case notStarted
    /// A person paused it.
    case paused
    /// Devices of the open stage have not reached their verdict.
    case verdicts(stage: String, have: Int, need: Int, of: Int)
    /// The soak time of the open stage runs.
    case soak(stage: String, until: Instant)
    /// A person has to approve the open stage.
    case signOff(stage: String)
    /// Devices are on their way back.
    case rollback(remaining: Int)
    /// It has ended.
    case ended(Rollout.Status)
    /// It starts by itself.
    case scheduled(Instant)
    /// A person has to approve before it starts.
    case approvalToStart
    /// Its end time passed before it started.
    case missedStart(Instant)
    /// Newer rollouts took every device of the open stage, so nothing shows whether to widen.
    case superseded(stage: String)
    /// Its end time passed; so many devices are under way.
    case endTime(underWay: Int)

    /// One sentence for people.
    public func sentence(now: Instant) -> String {
      switch self {
      case .notStarted: return "not started"
      case .paused: return "paused by a person; nothing is granted"
      case .verdicts(let stage, let have, let need, let size):
        return
          "\(stage) waits: \(have) of \(size) devices have reached their verdict, \(need) needed"
      case .soak(let stage, let until):
        let left = Interval.seconds(max(0, (until - now).wholeSeconds))
        return "\(stage) soaks: \(left) left"
      case .signOff(let stage): return "\(stage) is done and waits for a person's approval"
      case .rollback(let remaining): return "\(remaining) devices are still to be brought back"
      case .ended(let status): return status.rawValue
      case .scheduled(let start): return "starts by itself at \(start)"
      case .approvalToStart: return "waits for a person's approval before it starts"
      case .missedStart(let end): return "cannot start any more: its end time was \(end)"
      case .superseded(let stage):
        return "\(stage) has no device left to learn from: newer rollouts took them over; it rests "
          + "until one of those is complete for all its devices, or abort it"
      case .endTime(let underWay):
        let rest = underWay == 0 ? "" : "; \(underWay) devices under way finish"
        return "ended: its end time passed\(rest)"
      }
    }
  }
}

/// Decides whether a rollout widens.
public enum Gate {
  /// Answers for the present counters. Safe to ask at any time and as often as one likes.
  public static func evaluate(_ rollout: Rollout, now: Instant) -> GateVerdict {
    switch rollout.status {
    case .draft: return .wait(reasonToWait(Schedule.start(of: rollout, now: now)))
    case .rollingBack:
      return judgeRollback(rollout, now: now)
    case .halted, .aborted, .rolledBack, .closed: return .wait(.ended(rollout.status))
    case .running, .paused, .completed, .ended: break
    }
    if let reason = exceededLimit(rollout) { return .stop(reason) }
    if Schedule.isOver(rollout, now: now), rollout.status == .running || rollout.status == .paused {
      return .end
    }
    switch rollout.status {
    case .ended: return .wait(.endTime(underWay: rollout.tally.leased))
    case .paused: return .wait(.paused)
    case .completed: return .wait(.ended(.completed))
    default: return judgeOpenStage(rollout, now: now)
    }
  }

  /// The events that follow from the present counters, applied one after the other until the gate
  /// waits.
  public static func advance(_ rollout: inout Rollout, now: Instant) -> [RolloutEvent] {
    var events: [RolloutEvent] = []
    // Each round opens a stage, settles one or ends the rollout, so twice the stages bound it.
    for _ in 0...(rollout.stages.count * 2 + 2) {
      let event: RolloutEvent
      switch evaluate(rollout, now: now) {
      case .wait: return events
      case .settle: event = .stageSettled(rollout.openStage ?? 0)
      case .advance: event = .stageOpened((rollout.openStage ?? -1) + 1)
      case .complete: event = .completed
      case .finishRollback: event = .rolledBack
      case .end: event = .ended
      case .stop(let reason):
        event = .stopped(reason, rollback: rollout.policy.onAbort == .rollback)
      }
      rollout.evolve(event, at: now)
      events.append(event)
    }
    preconditionFailure("a gate comes to rest")
  }

  private static func reasonToWait(_ start: Schedule.Start) -> GateVerdict.WaitReason {
    switch start {
    // What is due starts within a second.
    case .byPerson, .due: .notStarted
    case .approval: .approvalToStart
    case .later(let instant): .scheduled(instant)
    case .missed(let end): .missedStart(end)
    }
  }

  private static func exceededLimit(_ rollout: Rollout) -> Rollout.StopReason? {
    let limit = rollout.policy.failureLimit
    let tally = rollout.tally
    guard tally.failures >= limit.minimum,
      limit.share.isExceeded(by: tally.failures, of: max(1, tally.exposed))
    else { return nil }
    return .failureLimit(failures: tally.failures, exposed: tally.exposed, limit: limit)
  }

  private static func judgeOpenStage(_ rollout: Rollout, now: Instant) -> GateVerdict {
    guard let index = rollout.openStage, let openedAt = rollout.stages[index].openedAt else {
      preconditionFailure("a running rollout has an open stage")
    }
    let stage = rollout.stages[index]
    let gate = stage.plan.gate
    guard let settledAt = stage.settledAt else {
      let have = stage.tally.verdicts
      // Devices that newer rollouts took over will never have a verdict here.
      let awaited = max(0, stage.plan.size - stage.tally[.superseded])
      let need = gate.quorum.roundedUp(of: awaited)
      if awaited == 0, have == 0 { return .wait(.superseded(stage: stage.plan.name)) }
      if have >= need { return .settle }
      let patienceIsOver = now - openedAt >= gate.waitAtMost
      // Devices that wait to try again may never call again, so they are not waited for.
      if patienceIsOver, have > 0, stage.tally.leased == 0 { return .settle }
      return .wait(
        .verdicts(stage: stage.plan.name, have: have, need: need, of: awaited))
    }
    let soaked = settledAt + gate.soak
    if now < soaked { return .wait(.soak(stage: stage.plan.name, until: soaked)) }
    if stage.plan.signOff, stage.signedOffBy == nil {
      return .wait(.signOff(stage: stage.plan.name))
    }
    return index == rollout.stages.count - 1 ? .complete : .advance
  }

  // Lost devices are not waited for: nobody knows whether they can be reached. Devices that took
  // the release and do not call for as long as a stage may wait are given up too. All of them are
  // served whenever they turn up.
  private static func judgeRollback(_ rollout: Rollout, now: Instant) -> GateVerdict {
    let tally = rollout.tally
    let underWay = tally.leased + tally[.returnRetrying]
    let expected = tally[.succeeded] + tally[.unverified]
    if underWay + expected == 0 { return .finishRollback }
    let patience = rollout.stages[rollout.openStage ?? 0].plan.gate.waitAtMost
    let isOver = rollout.endedAt.map { now - $0 >= patience } ?? false
    if isOver, tally.leased == 0 { return .finishRollback }
    return .wait(.rollback(remaining: underWay + expected))
  }
}
