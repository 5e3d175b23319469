// Recovery: what a stopped rollout wants from one device that took part.

public import UpdateModel

/// What to do with a device of a rollout that was stopped.
public enum Recovery: Equatable, Sendable {
  /// Leave it alone.
  case nothing
  /// Ask it to stop what it is doing.
  case cancel
  /// Grant its fallback.
  case turnBack(ReleaseID)
  /// Grant another attempt at its fallback.
  case retryTurnBack
  /// It should go back, but nothing is known to go back to.
  case strand
  /// It should go back, but not now.
  case wait(Eligibility)

  /// Decides for one device.
  ///
  /// `runsRelease` tells whether the device says that it runs the rollout's release; it decides
  /// about lost and failed devices that turn up again. `window` counts only when the policy says
  /// so: a device on a bad release is in more danger than one that is touched at noon.
  public static func decide(
    _ action: Action, runsRelease: Bool, in rollout: Rollout,
    window: WindowState = .open(until: nil), demand: GrantDemand = .none, now: Instant
  ) -> Recovery {
    let isQuarantined = rollout.isQuarantined(action)
    guard rollout.status.isStopped || isQuarantined else { return .nothing }
    let waitsForWindow = rollout.policy.windows?.appliesToRollback ?? false
    func obstacle() -> Eligibility? {
      (waitsForWindow ? window.refusal : nil)
        ?? Eligibility.limited(rollout, demand: demand, now: now)
    }
    switch (action.kind, action.state) {
    case (.update, .leased(let phase, _)):
      return phase == .verifying || action.cancel != .none ? .nothing : .cancel
    case (.update, .retrying): return .cancel
    case (.update, .ended(let outcome)):
      let isBroughtBack = bringsBack(rollout) || (isQuarantined && rollout.policy.returns)
      guard isBroughtBack, mayRunRelease(outcome, runsRelease: runsRelease) else {
        return .nothing
      }
      guard let fallback = action.fallback else {
        return outcome == .stranded ? .nothing : .strand
      }
      guard case .open = ReturnGate.judge(rollout) else { return .wait(.deferred(.returnGate)) }
      if let obstacle = obstacle() { return .wait(obstacle) }
      return .turnBack(fallback)
    case (.rollback, .retrying(let from)):
      if now < from { return .wait(.deferred(.backingOff(until: from))) }
      return obstacle().map(Recovery.wait) ?? .retryTurnBack
    case (.rollback, .leased), (.rollback, .ended): return .nothing
    }
  }

  // Devices that turn up after the last one came back are still served.
  private static func bringsBack(_ rollout: Rollout) -> Bool {
    rollout.status == .rollingBack || rollout.status == .rolledBack
  }

  private static func mayRunRelease(_ outcome: Action.Outcome, runsRelease: Bool) -> Bool {
    switch outcome {
    case .succeeded, .unverified: true
    case .failed, .lost, .cancelled, .undelivered: runsRelease
    // Whatever it runs is the newer rollout's business.
    case .superseded, .returned, .returnFailed, .stranded: false
    }
  }
}

extension Action {
  /// The action of a device whose rollout is over.
  public func withdrawn(now: Instant) -> Action {
    var next = self
    next.state = .ended(.cancelled)
    next.aside = nil
    next.changedAt = now
    return next
  }

  /// The action of a device that should go back but cannot, with the reason for people.
  public func stranded(by obstacle: RouteObstacle = .nothingKnown, now: Instant) -> Action {
    var next = self
    next.state = .ended(.stranded)
    next.failure = Failure(.noWayBack, "cannot go back: \(obstacle.clause)")
    next.changedAt = now
    return next
  }
}
