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

  /// Joins the facts.
  public init(
    device: DeviceID, fits: Bool, isTargeted: Bool, runsRelease: Bool, isCanary: Bool
  ) {
    self.device = device
    self.fits = fits
    self.isTargeted = isTargeted
    self.runsRelease = runsRelease
    self.isCanary = isCanary
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
    /// As many devices of the same failure domain as allowed hold a lease.
    case domainLimit(FullDomain)
    /// What was granted fills the line at this rate for a while.
    case bandwidth(ByteRate, until: Instant)
    /// Its attempt failed, and so many were repeated already.
    case retryBudget(Int)
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
  }

  /// Decides whether a device may be granted a lease for the update.
  public static func decide(
    _ candidate: Candidate, action: Action?, in rollout: Rollout, demand: GrantDemand = .none,
    now: Instant
  ) -> Eligibility {
    guard rollout.status.grantsUpdates, let open = rollout.openStage else {
      return .deferred(.notRunning(rollout.status))
    }
    guard candidate.fits else { return .excluded(.hardware) }
    if let action {
      guard action.kind == .update, case .retrying(let from) = action.state else {
        return .excluded(.finished(action.standing))
      }
      if now < from { return .deferred(.backingOff(until: from)) }
      return limited(rollout, isRepetition: action.wouldRepeat, demand: demand, now: now)
        ?? .eligible(stage: action.stage)
    }
    if candidate.runsRelease { return .excluded(.runsRelease) }
    guard let stage = stage(of: candidate, in: rollout) else { return .excluded(.target) }
    if stage > open { return .deferred(.stageClosed(stage)) }
    return limited(rollout, demand: demand, now: now) ?? .eligible(stage: stage)
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
      case .domainLimit(let full):
        return "waits: \(full.limit) of \(full.property) \(full.domain) are updating, the limit"
      case .bandwidth(let rate, let until):
        return "waits until \(until): downloads at \(rate), the limit, are granted up to then"
      case .retryBudget(let limit):
        return
          "waits to try again: \(limit) repeated attempts, the budget of the rollout, are spent"
      }
    case .excluded(let reason):
      switch reason {
      case .hardware: return "not in this rollout: no artifact of the release fits its hardware"
      case .target: return "not in this rollout: outside its target"
      case .runsRelease: return "runs the release already"
      case .finished(let standing): return standing.label
      }
    }
  }

  private func name(_ stage: Int, _ rollout: Rollout) -> String { rollout.stages[stage].plan.name }
}
