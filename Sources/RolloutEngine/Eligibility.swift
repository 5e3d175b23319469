// Eligibility: may this device be granted this rollout's release at this instant, and if not, why?

public import UpdateModel

/// What the decision needs to know about a device.
public struct Candidate: Equatable, Sendable {
  /// Which device.
  public let device: DeviceID
  /// Whether an artifact of the release fits its hardware.
  public let fits: Bool
  /// Whether it is in the rollout's target.
  public let isTargeted: Bool
  /// Whether it says that it runs the release already.
  public let runsRelease: Bool
  /// Whether it is in the policy's canary group.
  public let isCanary: Bool
  /// The newer rollout of the same product that takes its place for the device; nil for none.
  public let supersededBy: RolloutID?
  /// What bars the way to the release; nil when nothing does.
  public let obstacle: RouteObstacle?

  /// Joins the facts.
  public init(
    device: DeviceID, fits: Bool, isTargeted: Bool, runsRelease: Bool, isCanary: Bool,
    supersededBy: RolloutID? = nil, obstacle: RouteObstacle? = nil
  ) {
    self.device = device
    self.fits = fits
    self.isTargeted = isTargeted
    self.runsRelease = runsRelease
    self.isCanary = isCanary
    self.supersededBy = supersededBy
    self.obstacle = obstacle
  }
}

/// The answer for one device and one rollout.
public enum Eligibility: Equatable, Sendable {
  /// A lease may be granted in this stage.
  case eligible(stage: Int)
  /// Not now.
  case deferred(Deferral)
  /// Not in this rollout, unless the device changes.
  case excluded(Exclusion)

  /// Why not now.
  public enum Deferral: Equatable, Sendable {
    /// The rollout grants nothing at present.
    case notRunning(Rollout.Status)
    /// The device's stage is not open.
    case stageClosed(Int)
    /// The device waits before its next attempt.
    case backingOff(until: Instant)
    /// As many devices as allowed hold a lease.
    case concurrencyLimit(Int)
    /// As many leases as allowed were granted in this minute.
    case rateLimit(Int, until: Instant)
    /// The end time of the rollout has passed.
    case endTimePassed(Instant)
    /// It put the update off, or gave way; it is asked again from `until` on.
    case aside(Aside, until: Instant)
  }

  /// Why not at all.
  public enum Exclusion: Equatable, Sendable {
    /// No artifact of the release fits.
    case hardware
    /// Outside the rollout's target.
    case target
    /// Runs the release already.
    case runsRelease
    /// Its part is over.
    case finished(Standing)
    /// A newer rollout of the same product has it.
    case superseded(by: RolloutID)
    /// It cannot get to the release from where it is.
    case barred(RouteObstacle)
  }

  /// Decides whether a device may be granted a lease for the update.
  public static func decide(
    _ candidate: Candidate, action: Action?, in rollout: Rollout, now: Instant
  ) -> Eligibility {
    guard rollout.status.grantsUpdates, let open = rollout.openStage else {
      return .deferred(.notRunning(rollout.status))
    }
    if let endAt = rollout.specification.terms.endAt, endAt <= now {
      return .deferred(.endTimePassed(endAt))
    }
    guard candidate.fits else { return .excluded(.hardware) }
    if let action {
      guard action.kind == .update, case .retrying(let from) = action.state else {
        return .excluded(.finished(action.standing))
      }
      if let rollout = candidate.supersededBy { return .excluded(.superseded(by: rollout)) }
      if let obstacle = candidate.obstacle { return .excluded(.barred(obstacle)) }
      if now < from {
        return .deferred(
          action.aside.map { .aside($0, until: from) } ?? .backingOff(until: from))
      }
      return limited(rollout, now: now) ?? .eligible(stage: action.stage)
    }
    if candidate.runsRelease { return .excluded(.runsRelease) }
    guard let stage = stage(of: candidate, in: rollout) else { return .excluded(.target) }
    if let rollout = candidate.supersededBy { return .excluded(.superseded(by: rollout)) }
    if let obstacle = candidate.obstacle { return .excluded(.barred(obstacle)) }
    if stage > open { return .deferred(.stageClosed(stage)) }
    return limited(rollout, now: now) ?? .eligible(stage: stage)
  }

  /// The stage a device belongs to; nil when it is outside the target.
  public static func stage(of candidate: Candidate, in rollout: Rollout) -> Int? {
    // A canary group goes first even when the rollout's target leaves it out.
    if candidate.isCanary, case .group = rollout.stages.first?.plan.selection { return 0 }
    guard candidate.isTargeted else { return nil }
    let rank = Cohort.rank(of: candidate.device, salt: rollout.specification.salt)
    return rollout.stages.firstIndex { stage in
      if case .ranks(let upTo) = stage.plan.selection { rank <= upTo } else { false }
    }
  }

  /// The limit that forbids one more lease; nil when none does.
  public static func limited(_ rollout: Rollout, now: Instant) -> Eligibility? {
    let limits = rollout.policy.limits
    if let concurrent = limits.concurrent, rollout.tally.leased >= concurrent {
      return .deferred(.concurrencyLimit(concurrent))
    }
    if let perMinute = limits.perMinute, rollout.window.total(at: now) >= perMinute {
      return .deferred(.rateLimit(perMinute, until: rollout.window.nextRelease(after: now)))
    }
    return nil
  }

  /// One sentence for people.
  public func sentence(in rollout: Rollout) -> String {
    switch self {
    case .eligible(let stage): return "will be granted at its next poll, in \(name(stage, rollout))"
    case .deferred(let reason):
      switch reason {
      case .notRunning(let status): return "waits: the rollout is \(status.rawValue)"
      case .stageClosed(let stage): return "waits for \(name(stage, rollout)) to open"
      case .backingOff(let until): return "waits until \(until) before the next attempt"
      case .concurrencyLimit(let limit): return "waits: \(limit) devices are updating, the limit"
      case .rateLimit(let limit, let until):
        return "waits until \(until): \(limit) grants per minute, the limit"
      case .endTimePassed(let end): return "not granted: the end time of the rollout was \(end)"
      case .aside(let aside, let until): return "\(aside.clause); asked again from \(until) on"
      }
    case .excluded(let reason):
      switch reason {
      case .hardware: return "not in this rollout: no artifact of the release fits its hardware"
      case .target: return "not in this rollout: outside its target"
      case .runsRelease: return "runs the release already"
      case .finished(let standing): return standing.label
      case .superseded(let rollout):
        return "not in this rollout: superseded by rollout \(rollout)"
      case .barred(let obstacle): return "not in this rollout: \(obstacle.clause)"
      }
    }
  }

  private func name(_ stage: Int, _ rollout: Rollout) -> String { rollout.stages[stage].plan.name }
}
