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
  /// Another step opens, with so many devices of each stratum.
  case step([StepPart], Judgement)
  /// The last step takes in devices that joined a complete rollout.
  case widen([StepPart])
  /// Some strata leave the rollout.
  case quarantine([Int], Judgement)
  /// A person has to decide.
  case hold(Hold, Judgement)

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
    /// Evidence is gathered; the reason in words.
    case evidence(String)
    /// The devices that are not updated fell silent too, so nothing is concluded from silence.
    case outage(heard: Share)
    /// Devices have not run the release for long enough, together.
    case deviceHours(have: Int, need: Int)
    /// A person has to decide.
    case held(Hold)
    /// The first devices that came back failed; a person has to look.
    case returnHeld(failed: Int, of: Int)
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
    /// No device of the open stage reached a verdict in the time the stage waits, and none is under
    /// way; a person has to decide.
    case noVerdict(stage: String, of: Int, within: Interval)

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
      case .evidence(let sentence): return sentence
      case .outage(let heard):
        return "outage: only \(heard) of the devices that are not updated are heard; nothing is "
          + "concluded from silence and nothing widens until they are back; abort if it is the "
          + "release that silenced them"
      case .deviceHours(let have, let need):
        return "devices have run the release for \(have) hours together, \(need) needed"
      case .held(let hold): return "held for a person: \(hold.sentence)"
      case .returnHeld(let failed, let of):
        return "\(failed) of \(of) devices failed on the way back; the rest wait until a person "
          + "says rollback once more"
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
      case .noVerdict(let stage, let of, let within):
        let who =
          of == 1 ? "its only device has no verdict" : "none of its \(of) devices has a verdict"
        return
          "\(stage) has no device left to learn from: \(who) after \(within), and none is under "
          + "way; approve it to go on without, abort, or wait for a device to call"
      }
    }
  }
}

/// Decides whether a rollout widens.
public enum Gate {
  /// Answers for the present counters. Safe to ask at any time and as often as one likes.
  public static func evaluate(_ rollout: Rollout, now: Instant) -> GateVerdict {
    evaluate(rollout, isSilent: false, now: now)
  }

  private static func evaluate(
    _ rollout: Rollout, isSilent: Bool, now: Instant
  ) -> GateVerdict {
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
    if let judge = EvidenceJudge(rollout, now: now, isSilent: isSilent) { return judge.verdict() }
    switch rollout.status {
    case .ended: return .wait(.endTime(underWay: rollout.tally.leased))
    case .paused: return .wait(.paused)
    case .completed: return .wait(.ended(.completed))
    default: return judgeOpenStage(rollout, now: now)
    }
  }

  /// What the evidence says at present, with the numbers it is drawn from; nil without evidence.
  public static func judgement(_ rollout: Rollout, now: Instant) -> Judgement? {
    var present = rollout
    present.pass(to: now)
    return EvidenceJudge(present, now: now)?.judge()
  }

  /// The events that follow from the present counters, applied one after the other until the gate
  /// waits. With evidence, `ranks` says where a step of so many devices ends.
  public static func advance(
    _ rollout: inout Rollout, ranks: RankIndex = .empty, now: Instant
  ) -> [RolloutEvent] {
    var events: [RolloutEvent] = []
    if rollout.gathersEvidence { rollout.pass(to: now) }
    // Each round opens a stage, settles one, takes out a stratum or ends the rollout, so this
    // bounds it.
    for _ in 0...(rollout.stages.count * 2 + rollout.strata.count + 4) {
      let event: RolloutEvent
      switch evaluate(rollout, isSilent: true, now: now) {
      case .wait: return events
      case .settle: event = .stageSettled(rollout.openStage ?? 0)
      case .advance: event = .stageOpened((rollout.openStage ?? -1) + 1)
      case .complete: event = .completed
      case .finishRollback: event = .rolledBack
      case .end: event = .ended
      case .stop(let reason):
        event = .stopped(reason, rollback: rollout.policy.onAbort == .rollback)
      case .step(let sizes, let judgement):
        event = .stepOpened(
          Plan.step(sizes, of: rollout, ranks: ranks), stall: judgement.decision.stall, judgement)
      case .widen(let sizes): event = .widened(Plan.openings(sizes, of: rollout, ranks: ranks))
      case .quarantine(let strata, let judgement): event = .quarantined(strata, judgement)
      case .hold(let hold, let judgement): event = .held(hold, judgement)
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
    guard let limit = rollout.policy.failureLimit else { return nil }
    let exposed = rollout.tally.exposed
    let failures = rollout.failureCount
    guard failures >= limit.minimum,
      limit.share.isExceeded(by: failures, of: max(1, exposed))
    else { return nil }
    return .failureLimit(failures: failures, exposed: exposed, limit: limit)
  }

  private static func judgeOpenStage(_ rollout: Rollout, now: Instant) -> GateVerdict {
    guard let index = rollout.openStage else {
      preconditionFailure("a running rollout has an open stage")
    }
    return judgeQuorum(rollout, index, now: now)
      ?? (index == rollout.stages.count - 1 ? .complete : .advance)
  }

  /// What a stage with a quorum waits for; nil when it is done.
  static func judgeQuorum(_ rollout: Rollout, _ index: Int, now: Instant) -> GateVerdict? {
    let stage = rollout.stages[index]
    guard let openedAt = stage.openedAt else { preconditionFailure("an open stage was opened") }
    let gate = stage.plan.gate
    if stage.settledAt == nil {
      let have = stage.tally.verdicts
      // Devices that newer rollouts took over will never have a verdict here.
      let awaited = max(0, stage.plan.size - stage.tally[.superseded])
      let need = gate.quorum.roundedUp(of: awaited)
      if awaited == 0, have == 0 { return .wait(.superseded(stage: stage.plan.name)) }
      if have >= need { return .settle }
      let patienceIsOver = now - openedAt >= gate.waitAtMost
      // Devices that wait to try again may never call again, so they are not waited for. But what
      // nobody tried proves nothing: then a person decides.
      if patienceIsOver, stage.tally.leased == 0 {
        if have > 0 || stage.signedOffBy != nil { return .settle }
        return .wait(
          .noVerdict(stage: stage.plan.name, of: awaited, within: gate.waitAtMost))
      }
      return .wait(
        .verdicts(stage: stage.plan.name, have: have, need: need, of: awaited))
    }
    return judgeSoak(rollout, index, now: now)
  }

  /// What a stage with all its verdicts waits for: its soak time and a person; nil when it is done.
  static func judgeSoak(_ rollout: Rollout, _ index: Int, now: Instant) -> GateVerdict? {
    let stage = rollout.stages[index]
    guard let settledAt = stage.settledAt else { return .settle }
    let soaked = settledAt + stage.plan.gate.soak
    if now < soaked { return .wait(.soak(stage: stage.plan.name, until: soaked)) }
    if stage.plan.signOff, stage.signedOffBy == nil {
      return .wait(.signOff(stage: stage.plan.name))
    }
    return nil
  }

  // Lost devices are not waited for: nobody knows whether they can be reached. Devices that took
  // the release and do not call for as long as a stage may wait are given up too. All of them are
  // served whenever they turn up.
  private static func judgeRollback(_ rollout: Rollout, now: Instant) -> GateVerdict {
    let tally = rollout.tally
    let underWay = tally.leased + tally[.returnRetrying]
    let expected = tally[.succeeded] + tally[.unverified]
    if underWay + expected == 0 { return .finishRollback }
    if case .held(let failed, let of) = ReturnGate.judge(rollout) {
      return .wait(.returnHeld(failed: failed, of: of))
    }
    let patience =
      rollout.openStage.map { rollout.stages[$0].plan.gate.waitAtMost } ?? Interval.days(1)
    let isOver = rollout.endedAt.map { now - $0 >= patience } ?? false
    if isOver, tally.leased == 0 { return .finishRollback }
    return .wait(.rollback(remaining: underWay + expected))
  }
}
