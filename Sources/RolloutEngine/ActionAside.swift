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

  init(_ action: Action, like step: ActionStep) {
    self.init(action: action, policy: step.policy, salt: step.salt, now: step.now)
  }
}
