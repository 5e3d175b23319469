// ActionAside: how an action stands aside: for another rollout, or because its device puts it off.

import UpdateModel

extension ActionStep {
  // Whether the device was asked to stop for another rollout and not because its own was stopped.
  var isStandingAside: Bool {
    action.cancel == .requested && action.aside?.isForAnotherRollout ?? false
  }

  // A device that installs goes on; one that refused is not asked again.
  func askToStandAside(_ phase: Action.Phase, _ input: ActionInput) -> Action {
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
    return phase == .offered ? ActionStep(next, like: self).stopped() : next
  }

  // The device has stopped as it was asked. Whoever gives way uses up no attempt and has its turn
  // again; for the others it is over.
  func stopped() -> Action {
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
  func postpone(_ reason: String) -> Action {
    if isStandingAside { return stopped() }
    var next = retryLater(nil)
    // Only the way to a release can be put off without counting; the way back is pressed on with.
    guard action.kind == .update else { return next }
    var since = now
    if case .postponed(let first, _) = action.aside { since = first }
    next.aside = .postponed(reason, since: since)
    return ActionStep(next, like: self).endPostponement()
  }

  // Ends a postponement whose time is over, if it is to end.
  func endPostponement() -> Action {
    guard case .postponed(let since, let reason) = action.aside,
      let due = action.due(under: policy), now >= due
    else { return action }
    let detail =
      "put its update off for \(now - since), the policy allows \(policy.postpone.atMost)"
    return end(
      .undelivered, Action.Failure(.postponed, detail + (reason.isEmpty ? "" : ": \(reason)")))
  }

  private init(_ action: Action, like step: ActionStep) {
    self.init(action: action, policy: step.policy, salt: step.salt, now: step.now)
  }
}
