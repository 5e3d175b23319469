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
  /// The device puts it off; in its words.
  case rejected(String)
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
    let step = Step(action: heard, policy: policy, salt: salt, now: now)
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

private struct Step {
  let action: Action
  let policy: Policy
  let salt: UInt64
  let now: Instant

  func fellSilent() -> Action {
    var next = action
    next.isSilent = action.exposedAt != nil && !action.isReported
    return next
  }

  // MARK: While a lease is held

  func leased(_ phase: Action.Phase, deadline: Instant, _ input: ActionInput) -> Action {
    switch input {
    case .taken: return phase == .offered ? enter(.downloading) : action
    case .downloaded: return phase < .installing ? enter(.installing) : action
    case .installed: return phase == .verifying ? action : enter(.verifying)
    case .failed(let detail):
      return fail(phase < .installing ? .download : .install, detail)
    case .rejected(let reason): return phase < .verifying ? postpone(reason) : action
    case .yield, .supersede: return askToStandAside(phase, input)
    case .polled(let running): return phase == .verifying ? verify(running) : action
    case .expired(let silent): return now >= deadline ? expire(phase, silent: silent) : action
    case .cancelRequested: return requestCancel(phase)
    case .cancelAccepted: return phase == .verifying ? action : stopped()
    case .cancelRefused:
      var next = action
      next.cancel = .refused
      return next
    case .fellSilent: return fellSilent()
    }
  }

  private func requestCancel(_ phase: Action.Phase) -> Action {
    // A device that has not fetched its instructions finds nothing at its next poll; no need to
    // ask.
    if phase == .offered { return end(.cancelled) }
    guard phase != .verifying, action.cancel == .none else { return action }
    var next = action
    next.cancel = .requested
    return next
  }

  private func verify(_ running: ActionInput.Running) -> Action {
    switch running {
    case .expected: return end(action.kind == .update ? .succeeded : .returned)
    case .unknown: return end(action.kind == .update ? .unverified : .returned)
    case .stale: return action
    case .other:
      // A device that has not rebooted yet still names its old version.
      let rebooted = now - (action.installedAt ?? now) >= policy.timeouts.reboot
      return rebooted ? fail(.wrongVersion, "reports another version than it was given") : action
    }
  }

  private func expire(_ phase: Action.Phase, silent: Bool) -> Action {
    if isStandingAside { return stopped() }
    if action.cancel == .requested { return end(silent ? .lost : .cancelled) }
    switch phase {
    case .offered: return fail(.timeout, "did not fetch its instructions in time")
    case .downloading: return fail(.timeout, "did not finish the download in time")
    case .installing:
      return silent
        ? end(.lost) : fail(.timeout, "did not report the end of the installation in time")
    case .verifying:
      return silent
        ? end(.lost) : fail(.wrongVersion, "did not report the new version in time")
    }
  }

  // MARK: Between attempts and after the end

  func retrying(_ input: ActionInput) throws(ActionRefusal) -> Action {
    switch input {
    case .polled(.expected): return end(action.kind == .update ? .succeeded : .returned)
    case .installed: return enter(.verifying)
    case .cancelRequested, .cancelAccepted: return end(.cancelled)
    case .supersede(let rollout): return end(.superseded, for: .superseded(by: rollout, since: now))
    case .expired: return endPostponement()
    case .failed, .polled, .cancelRefused, .taken, .rejected, .yield, .fellSilent: return action
    case .downloaded: throw .closed
    }
  }

  func ended(_ outcome: Action.Outcome, _ input: ActionInput) throws(ActionRefusal) -> Action {
    switch (outcome, input) {
    // A late word of a device that was given up counts all the same.
    case (.lost, .installed), (.cancelled, .installed), (.undelivered, .installed),
      (.superseded, .installed):
      return enter(.verifying)
    case (.failed, .installed) where action.failure?.cause == .timeout: return enter(.verifying)
    case (.lost, .failed(let detail)): return fail(.install, detail)
    case (.lost, .polled(let running)): return turnedUp(running)
    case (.succeeded, .failed(let detail)), (.unverified, .failed(let detail)):
      return revert(detail)
    case (_, .polled(let running)): return reconsider(outcome, running)
    // Repetitions of the final report, and questions that answer themselves.
    case (.succeeded, .installed), (.unverified, .installed), (.returned, .installed),
      (.failed, .failed), (.failed, .installed), (.returnFailed, .failed),
      (.cancelled, .cancelAccepted), (.cancelled, .failed), (_, .expired), (_, .cancelRequested),
      (.undelivered, .failed), (.undelivered, .rejected), (.superseded, .cancelAccepted),
      (.superseded, .failed), (_, .yield), (_, .supersede):
      return action
    default: throw .closed
    }
  }

  // A device that was lost polls again.
  private func turnedUp(_ running: ActionInput.Running) -> Action {
    switch (running, action.kind) {
    case (.expected, .update): return end(.succeeded)
    case (.expected, .rollback): return end(.returned)
    case (.other, _), (.stale, _), (.unknown, _):
      return fail(.timeout, "was silent while it installed")
    }
  }

  // What a device says it runs is stronger than how its action was closed.
  private func reconsider(_ outcome: Action.Outcome, _ running: ActionInput.Running) -> Action {
    switch (outcome, running) {
    case (.unverified, .expected), (.failed, .expected), (.undelivered, .expected):
      return end(.succeeded)
    case (.returnFailed, .expected): return end(.returned)
    case (.succeeded, .other), (.unverified, .other):
      return revert("ran the release, then reported another version")
    default: return action
    }
  }

  // MARK: Steps

  private func enter(_ phase: Action.Phase) -> Action {
    var next = action
    let timeout =
      switch phase {
      case .offered: policy.timeouts.accept
      case .downloading: policy.timeouts.download
      case .installing: policy.timeouts.install
      case .verifying: policy.timeouts.verify
      }
    next.state = .leased(phase, deadline: now + timeout)
    next.changedAt = now
    if phase == .verifying { next.installedAt = now }
    if phase >= .installing {
      expose(&next)
      // From here on it finishes what it began, whoever else wants it.
      if isStandingAside { next.cancel = .none }
      next.aside = nil
    }
    return next
  }

  // Only an update says something about the release.
  private func expose(_ next: inout Action) {
    if next.kind == .update, next.exposedAt == nil { next.exposedAt = now }
  }

  private func end(
    _ outcome: Action.Outcome, _ failure: Action.Failure? = nil, for aside: Aside? = nil
  ) -> Action {
    var next = action
    next.aside = aside
    next.state = .ended(outcome)
    next.changedAt = now
    if let failure { next.failure = failure }
    switch outcome {
    case .succeeded, .unverified:
      expose(&next)
      if action.provenAt == nil { next.provenAt = now }
      // It was only taken for failed: the proof was late.
      if let cause = action.failure?.cause, cause == .timeout || cause == .wrongVersion {
        next.isReported = false
      }
    case .failed:
      next.isReported = next.exposedAt != nil
      next.provenAt = nil
    case .lost, .cancelled, .returned, .returnFailed, .stranded, .undelivered, .superseded: break
    }
    return next
  }

  private func fail(_ cause: Action.Cause, _ detail: String) -> Action {
    if isStandingAside { return stopped() }
    let failure = Action.Failure(cause, detail)
    let terms = policy.retry.terms(after: cause.failureClass)
    guard action.attempt < terms.attempts, action.cancel != .requested else {
      let outcome: Action.Outcome =
        if action.cancel == .requested { .cancelled } else {
          action.kind == .update ? .failed : .returnFailed
        }
      return end(outcome, failure)
    }
    return retryLater(failure)
  }

  // A release that does not stay is not installed again and again unless the policy says so.
  private func revert(_ detail: String) -> Action {
    policy.retry.classes[.reverted] == nil
      ? end(.failed, Action.Failure(.reverted, detail)) : fail(.reverted, detail)
  }

  private func retryLater(_ failure: Action.Failure?) -> Action {
    var next = action
    let terms = policy.retry.terms(after: failure?.cause.failureClass)
    let wait = ActionMachine.backoff(
      after: action.attempt, of: action.device, retry: terms, salt: salt)
    next.state = .retrying(from: now + wait)
    next.changedAt = now
    next.failure = failure
    next.aside = nil
    return next
  }
}

// MARK: Standing aside

extension Step {
  // Whether the device was asked to stop for another rollout and not because its own was stopped.
  fileprivate var isStandingAside: Bool {
    action.cancel == .requested && action.aside?.isForAnotherRollout ?? false
  }

  // A device that installs goes on; one that refused is not asked again.
  fileprivate func askToStandAside(_ phase: Action.Phase, _ input: ActionInput) -> Action {
    guard phase < .installing, action.kind == .update, action.cancel != .refused else {
      return action
    }
    var next = action
    switch input {
    case .supersede(let rollout):
      if isStandingAside, case .superseded = action.aside { return action }
      next.aside = .superseded(by: rollout, since: now)
    case .yield(let rollout):
      if action.cancel == .requested { return action }
      next.aside = .yielded(to: rollout, since: now)
    default: return action
    }
    next.cancel = .requested
    // A device that has not fetched its instructions needs no question.
    return phase == .offered ? Step(next, like: self).stopped() : next
  }

  // The device has stopped as it was asked. Whoever gives way uses up no attempt and has its turn
  // again; for the others it is over.
  fileprivate func stopped() -> Action {
    guard isStandingAside, let aside = action.aside else { return end(.cancelled) }
    if case .superseded = aside { return end(.superseded, for: aside) }
    var next = action
    next.state = .retrying(from: now)
    next.changedAt = now
    next.cancel = .none
    next.failure = nil
    return next
  }

  // A postponement uses up no attempt: without a failure, `regrant` keeps the number.
  fileprivate func postpone(_ reason: String) -> Action {
    if isStandingAside { return stopped() }
    var next = retryLater(nil)
    // Only the way to a release can be put off without counting; the way back is pressed on with.
    guard action.kind == .update else { return next }
    var since = now
    if case .postponed(let first, _) = action.aside { since = first }
    next.aside = .postponed(reason, since: since)
    return Step(next, like: self).endPostponement()
  }

  // Ends a postponement whose time is over, if it is to end.
  fileprivate func endPostponement() -> Action {
    guard case .postponed(let since, let reason) = action.aside,
      let due = action.due(under: policy), now >= due
    else { return action }
    let detail =
      "put its update off for \(now - since), the policy allows \(policy.postpone.atMost)"
    return end(
      .undelivered, Action.Failure(.postponed, detail + (reason.isEmpty ? "" : ": \(reason)")))
  }

  private init(_ action: Action, like step: Step) {
    self.init(action: action, policy: step.policy, salt: step.salt, now: step.now)
  }
}

extension Action.Phase: Comparable {
  /// Order of occurrence.
  public static func < (left: Action.Phase, right: Action.Phase) -> Bool {
    left.rawValue < right.rawValue
  }
}
