// StandbyStep: how an action is put off, held back, let go of and forced.

public import UpdateModel

extension ActionStep {
  // A postponement uses up no attempt: without a failure, `regrant` keeps the number.
  func postpone(_ reason: String, until: Instant?, hasImage: Bool) -> Action {
    if isStandingAside { return stopped() }
    var next = retryLater(nil)
    // Only the way to a release can be put off without counting; the way back is pressed on with.
    guard action.kind == .update else { return next }
    var standby =
      action.standby
      ?? Standby(cause: .device(""), since: now, putOffSince: now, count: 0, hasImage: false)
    standby.postpone(reason, at: now)
    standby.hasImage = hasImage
    if let until, !standby.isForced {
      next.state = .retrying(from: bounded(until, standby))
    }
    next.aside = .standby(standby)
    return ActionStep(next, like: self).limitPutOff()
  }

  // A device that waits for something else says "not now" too, or one that did names a later time.
  // The repetition of a report counts nothing.
  func postponeAgain(_ reason: String, until: Instant?) -> Action {
    guard case .retrying(let from) = action.state, let standby = action.standby,
      !standby.isUndecided,
      !standby.isPostponed || until.map({ $0 > from }) ?? false
    else { return action }
    return postpone(reason, until: until, hasImage: standby.hasImage)
  }

  // A device names its own time, but none beyond what the policy lets it wait.
  private func bounded(_ until: Instant, _ standby: Standby) -> Instant {
    let most = policy.postpone.atMost
    let last = policy.postpone.then == .wait ? now + most : (standby.putOffSince ?? now) + most
    return max(now + .seconds(1), min(until, last))
  }

  // Something of its state holds the device back.
  func hold(_ hindrance: Hindrance, hasImage: Bool) -> Action {
    guard action.kind == .update, action.cancel != .requested else { return action }
    var next = action
    var standby =
      action.standby
      ?? Standby(
        cause: .hindrance(hindrance.kind, hindrance.clause), since: now,
        putOffSince: hindrance.kind.isPuttingOff ? now : nil, count: 0, hasImage: false)
    standby.hold(hindrance, at: now)
    if action.isLeased {
      next.state = .retrying(from: now)
      next.changedAt = now
      // As after a postponement: the attempt goes on later and repeats nothing.
      next.failure = nil
      standby.hasImage = hasImage
      // What it waited for before it was granted says nothing about how long it waits now.
      if action.standby != nil, !standby.isPostponed { standby.since = now }
    } else if hasImage {
      standby.hasImage = true
    }
    next.aside = .standby(standby)
    return next == action ? action : ActionStep(next, like: self).limitPutOff()
  }

  // Does what the policy says about a device that has put its update off for too long or too often.
  func limitPutOff() -> Action {
    guard case .retrying(let from) = action.state, action.kind == .update,
      var standby = action.standby,
      standby.ruling == .none, let since = standby.putOffSince
    else { return action }
    let terms = policy.postpone
    let isTooLong = now >= since + terms.atMost
    let isTooOften = terms.times.map { standby.count > $0 } ?? false
    guard isTooLong || isTooOften else { return action }
    var next = action
    switch terms.then {
    case .wait: return action
    case .ask: standby.ruling = .undecided(since: now)
    case .force:
      standby.ruling = .forced(by: nil, since: now)
      next.state = .retrying(from: min(from, now))
    case .fail:
      let allowed = isTooLong ? "\(terms.atMost)" : (terms.times ?? 0).counting("time")
      let what = isTooLong ? "for \(now - since)" : standby.count.counting("time")
      return end(
        .undelivered,
        Action.Failure(
          .postponed, "put its update off \(what), the policy allows \(allowed)\(words(standby))"))
    }
    next.aside = .standby(standby)
    next.changedAt = now
    return next
  }

  // A person says that the update may not be put off any more.
  func force(by person: String) -> Action {
    guard case .retrying(let from) = action.state, action.kind == .update,
      var standby = action.standby
    else { return action }
    var next = action
    standby.ruling = .forced(by: person, since: now)
    next.aside = .standby(standby)
    next.state = .retrying(from: min(from, now))
    next.changedAt = now
    return next
  }

  // A person ends the part of a device that waits.
  func letGo(by person: String) -> Action {
    guard case .retrying = action.state, action.kind == .update, let standby = action.standby else {
      return action
    }
    return end(
      .undelivered, Action.Failure(.postponed, "let go by \(person)\(words(standby))"))
  }

  private func words(_ standby: Standby) -> String {
    switch standby.cause {
    case .device(""): ""
    case .device(let reason), .hindrance(_, let reason): ": \(reason)"
    }
  }
}

extension ActionMachine {
  /// The action with its lease back after it stood by, under the same number, because nothing else
  /// is asked of the device: with `installs`, to install the images that it has, else to fetch
  /// them.
  public static func readmit(
    _ action: Action, fallback: ReleaseID?, installs: Bool, policy: Policy, now: Instant
  ) -> Action {
    var next = action.isUngranted ? action.withFallback(fallback) : action
    next.attempt = max(1, action.attempt)
    next.cancel = .none
    next.grantedAt = now
    next.changedAt = now
    next.installedAt = nil
    guard installs else {
      next.forgetImage()
      next.state = .leased(.offered, deadline: now + policy.timeouts.accept)
      return next
    }
    return ActionStep(action: next, policy: policy, salt: 0, now: now).enter(.installing)
  }
}

extension Action {
  /// Takes it that the device has to fetch the images anew.
  mutating func forgetImage() {
    guard var standby, standby.hasImage else { return }
    standby.hasImage = false
    aside = .standby(standby)
  }

  // What a device could go back to is what it runs when it is granted, not when it began to wait.
  fileprivate func withFallback(_ fallback: ReleaseID?) -> Action {
    var first = Action(
      rollout: rollout, device: device, stage: stage, id: id, release: release, fallback: fallback,
      deadline: grantedAt, now: grantedAt, stratum: stratum)
    first.aside = aside
    return first
  }
}
