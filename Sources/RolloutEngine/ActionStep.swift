// ActionStep: one input to one action, by the state that the action is in.

import UpdateModel

struct ActionStep {
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
    case .rejected(let reason, let until):
      return phase < .verifying
        ? postpone(reason, until: until, hasImage: phase == .installing) : action
    case .held(let hindrance, let hasImage):
      return phase < .installing ? hold(hindrance, hasImage: hasImage) : action
    case .forced, .letGo: return action
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
    case .expired: return limitPutOff()
    case .held(let hindrance, let hasImage): return hold(hindrance, hasImage: hasImage)
    case .forced(let person): return force(by: person)
    case .letGo(let person): return letGo(by: person)
    case .rejected(let reason, let until): return postponeAgain(reason, until: until)
    case .failed, .polled, .cancelRefused, .taken, .yield, .fellSilent: return action
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
      (.superseded, .failed), (_, .yield), (_, .supersede), (_, .held), (_, .forced), (_, .letGo):
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

  func enter(_ phase: Action.Phase) -> Action {
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
      // A row of postponements goes on until the installation has an end.
      if action.standby == nil { next.aside = nil }
    }
    return next
  }

  // Only an update says something about the release.
  private func expose(_ next: inout Action) {
    if next.kind == .update, next.exposedAt == nil { next.exposedAt = now }
  }

  func end(
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

  func fail(_ cause: Action.Cause, _ detail: String) -> Action {
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

  func retryLater(_ failure: Action.Failure?) -> Action {
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
