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
  /// about lost and failed devices that turn up again.
  public static func decide(
    _ action: Action, runsRelease: Bool, in rollout: Rollout, now: Instant
  ) -> Recovery {
    guard rollout.status.isStopped else { return .nothing }
    switch (action.kind, action.state) {
    case (.update, .leased(let phase, _)):
      return phase == .verifying || action.cancel != .none ? .nothing : .cancel
    case (.update, .retrying): return .cancel
    case (.update, .ended(let outcome)):
      guard bringsBack(rollout), mayRunRelease(outcome, runsRelease: runsRelease) else {
        return .nothing
      }
      guard let fallback = action.fallback else {
        return outcome == .stranded ? .nothing : .strand
      }
      if let limit = Eligibility.limited(rollout, now: now) { return .wait(limit) }
      return .turnBack(fallback)
    case (.rollback, .retrying(let from)):
      if now < from { return .wait(.deferred(.backingOff(until: from))) }
      return Eligibility.limited(rollout, now: now).map(Recovery.wait) ?? .retryTurnBack
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
