// ActionMachine: what a report, a poll or a passed deadline does to an action.
//
// States are those of `Action.State`. The machine does not grant (see `Eligibility`), does not
// count (the caller moves the tally by the standings before and after) and does not know
// protocols: gateways translate their messages into `ActionInput`. Known oddity of the field: a
// device may report success before it reboots, after it rebooted, or twice; so success only leads
// to `verifying`, and a repeated final report is accepted without effect.

public import UpdateModel

/// What happened to an action.
public enum ActionInput: Equatable, Sendable {
  /// The device fetched its instructions.
  case taken
  /// All bytes were served, or the device says that it has them or installs.
  case downloaded
  /// The device says that it installed.
  case installed
  /// The device says that it failed.
  case failed(String)
  /// The device puts it off; in its words, and until when if it says so.
  case rejected(String, until: Instant? = nil)
  /// Something of the device's state holds it back; whether it has the images at hand.
  case held(Hindrance, hasImage: Bool)
  /// A person says that it may not be put off any more.
  case forced(by: String)
  /// A person ends the part of a device that puts its update off.
  case letGo(by: String)
  /// A rollout of higher priority wants the device and may have it now.
  case yield(to: RolloutID)
  /// A newer rollout of the same product has taken its place for this device.
  case supersede(by: RolloutID)
  /// The device polled.
  case polled(Running)
  /// The deadline of the lease, or of a postponement, passed. `silent`: nothing was heard
  /// since the state last changed.
  case expired(silent: Bool)
  /// Nothing was heard for longer than is normal, while others were heard. A device that has not
  /// begun to install says nothing by it.
  case fellSilent
  /// The rollout stopped, or a person asks for this device to stop.
  case cancelRequested
  /// The device says that it stopped.
  case cancelAccepted
  /// The device says that it does not stop.
  case cancelRefused

  /// What the device says it runs, compared with what the action gave it.
  public enum Running: Equatable, Sendable {
    /// What it was given.
    case expected
    /// Something else, and it said so after it reported success.
    case other
    /// Something else, but it has not spoken of it since.
    case stale
    /// It never says what it runs.
    case unknown
  }
}

/// Why an input was not applied.
public enum ActionRefusal: Error, Equatable, Sendable {
  /// The action is closed, and this is not a repetition of how it closed.
  case closed
}

/// Moves actions.
public enum ActionMachine {
  /// The action after an input; equal to the one before when the input changes nothing.
  ///
  /// The policy gives timeouts and retry, the rollout's salt spreads the retries of its devices.
  /// Throws `ActionRefusal.closed`.
  public static func apply(
    _ input: ActionInput, to action: Action, policy: Policy, salt: UInt64, now: Instant
  ) throws(ActionRefusal) -> Action {
    var heard = action
    if input.isWordOfDevice { heard.isSilent = false }
    let step = ActionStep(action: heard, policy: policy, salt: salt, now: now)
    if input == .fellSilent { return step.fellSilent() }
    switch action.state {
    case .leased(let phase, let deadline):
      return step.leased(phase, deadline: deadline, input)
    case .retrying: return try step.retrying(input)
    case .ended(let outcome): return try step.ended(outcome, input)
    }
  }

  /// The wait before the attempt after `attempt`: exponential, bounded, spread over devices.
  ///
  /// Exponential backoff with jitter taken off, so the maximum holds for every device.
  public static func backoff(
    after attempt: Int, of device: DeviceID, retry: Policy.Retry, salt: UInt64
  ) -> Interval {
    var wait = retry.backoff.milliseconds
    for _ in 1..<max(1, attempt) where wait < retry.maximum.milliseconds {
      wait = wait * Int64(retry.factorHundredths) / 100
    }
    wait = min(wait, retry.maximum.milliseconds)
    let range = wait * Int64(retry.jitter.basisPoints) / 10_000
    let spread = Cohort.spread(of: device, attempt: attempt, salt: salt)
    let part = range == 0 ? 0 : Int64(spread % UInt64(range + 1))
    return Interval(milliseconds: wait - part)
  }

  /// The action with its next attempt granted.
  ///
  /// `release` is what the device is given next on its way; nil for the same as before.
  public static func regrant(
    _ action: Action, release: ReleaseID? = nil, id: ActionID, policy: Policy, now: Instant
  ) -> Action {
    var next = action
    if let release { next.release = release }
    if action.failure != nil { next.attempt += 1 }
    next.attempt = max(1, next.attempt)
    next.forgetImage()
    return begin(next, id: id, policy: policy, now: now)
  }

  /// The action turned round: the device is given its fallback.
  public static func turnBack(
    _ action: Action, to fallback: ReleaseID, id: ActionID, policy: Policy, now: Instant
  ) -> Action {
    var next = action
    next.kind = .rollback
    next.release = fallback
    next.attempt = 1
    next.aside = nil
    return begin(next, id: id, policy: policy, now: now)
  }

  private static func begin(
    _ action: Action, id: ActionID, policy: Policy, now: Instant
  ) -> Action {
    var next = action
    next.previousID = action.id
    next.id = id
    next.state = .leased(.offered, deadline: now + policy.timeouts.accept)
    next.cancel = .none
    // A row of postponements goes on until the device begins to install.
    if next.aside?.isForAnotherRollout ?? false { next.aside = nil }
    next.grantedAt = now
    next.changedAt = now
    next.installedAt = nil
    return next
  }
}

extension Action.Phase: Comparable {
  /// Order of occurrence.
  public static func < (left: Action.Phase, right: Action.Phase) -> Bool {
    left.rawValue < right.rawValue
  }
}
