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
  /// Index of its stratum; nil where no evidence is gathered or nobody of its kind was seen yet.
  public var stratum: Int?
  /// Why its kind is kept from updates until a person says so; nil when it is not.
  public var safeguard: String?
  /// Where it stands in the maintenance windows of the policy.
  public var window: WindowState
  /// The newer rollout of the same product that takes its place for the device; nil for none.
  public var supersededBy: RolloutID?
  /// What bars the way to the release; nil when nothing does.
  public var obstacle: RouteObstacle?
  /// What of its state keeps it from its next step; nil when nothing does.
  public var hindrance: Hindrance?
  /// Whether its user approved the release, which ends a postponement.
  public var isApproved = false

  /// Joins the facts.
  public init(
    device: DeviceID, fits: Bool, isTargeted: Bool, runsRelease: Bool, isCanary: Bool,
    window: WindowState = .open(until: nil), stratum: Int? = nil,
    supersededBy: RolloutID? = nil, obstacle: RouteObstacle? = nil
  ) {
    self.device = device
    self.fits = fits
    self.isTargeted = isTargeted
    self.runsRelease = runsRelease
    self.isCanary = isCanary
    self.window = window
    self.stratum = stratum
    self.supersededBy = supersededBy
    self.obstacle = obstacle
  }
}

extension Candidate {
  // Why the device itself cannot be granted now.
  var refusal: Eligibility? {
    window.refusal ?? hindrance.map { .deferred(.hindered($0)) }
  }
}

extension Rollout {
  /// The stratum in which a device counts; nil for canaries, who are picked and not drawn, and
  /// where no evidence is gathered.
  public func stratum(of candidate: Candidate) -> Int? {
    Eligibility.isFirstGroup(candidate, in: self) ? nil : candidate.stratum
  }

  /// Whether the steps so far leave a place in the device's stratum.
  ///
  /// Besides the rank, the number counts: a device that joined below the open rank must not make a
  /// step larger than the evidence allowed.
  public func hasPlace(for candidate: Candidate) -> Bool {
    guard let index = stratum(of: candidate) else { return true }
    return strata[index].evidence.granted < strata[index].opened
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
    /// The evidence has not opened the device's place in its stratum; nil when nobody of its kind
    /// was seen before.
    case placeClosed(stratum: Int?)
    /// Others are on their way back, and are to arrive first.
    case returnGate
    /// The device's stratum fails more than the rest.
    case quarantined(stratum: Int)
    /// The device waits before its next attempt.
    case backingOff(until: Instant)
    /// As many devices as allowed hold a lease.
    case concurrencyLimit(Int)
    /// As many leases as allowed were granted in this minute.
    case rateLimit(Int, until: Instant)
    /// The device is outside its maintenance windows; when the next one opens, if that is known.
    case maintenanceWindow(until: Instant?, by: WindowState.LocalClock)
    /// As many devices of the same failure domain as allowed hold a lease.
    case domainLimit(FullDomain)
    /// What was granted fills the line at this rate for a while.
    case bandwidth(ByteRate, until: Instant)
    /// Its attempt failed, and so many were repeated already.
    case retryBudget(Int)
    /// The end time of the rollout has passed.
    case endTimePassed(Instant)
    /// It put the update off, or gave way; it is asked again from `until` on.
    case aside(Aside, until: Instant)
    /// Its state forbids the next step.
    case hindered(Hindrance)
    /// It put the update off for too long, and a person has to decide.
    case undecided(Standby)
  }

  /// Why not at all.
  public enum Exclusion: Equatable, Sendable {
    /// No artifact of the release fits.
    case hardware
    /// Outside the rollout's target.
    case target
    /// Its kind is kept from updates until a person says so.
    case safeguard(String)
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
    _ candidate: Candidate, action: Action?, in rollout: Rollout, demand: GrantDemand = .none,
    now: Instant
  ) -> Eligibility {
    guard rollout.status.grantsUpdates else { return .deferred(.notRunning(rollout.status)) }
    guard let open = rollout.openStage else { return .deferred(.notRunning(.draft)) }
    if let endAt = rollout.specification.terms.endAt, endAt <= now {
      return .deferred(.endTimePassed(endAt))
    }
    guard candidate.fits else { return .excluded(.hardware) }
    if let stratum = candidate.stratum, !candidate.isCanary,
      rollout.strata[stratum].quarantine != nil, candidate.isTargeted
    {
      return .deferred(.quarantined(stratum: stratum))
    }
    if let action {
      guard action.kind == .update, case .retrying(let from) = action.state else {
        return .excluded(.finished(action.standing))
      }
      if let rollout = candidate.supersededBy { return .excluded(.superseded(by: rollout)) }
      if let obstacle = candidate.obstacle { return .excluded(.barred(obstacle)) }
      if action.isUngranted {
        if let reason = candidate.safeguard { return .excluded(.safeguard(reason)) }
        guard candidate.isTargeted || isFirstGroup(candidate, in: rollout) else {
          return .excluded(.target)
        }
      }
      let isReleased = candidate.isApproved && action.standby != nil
      if let standby = action.standby, standby.isUndecided, !isReleased {
        return .deferred(.undecided(standby))
      }
      if now < from, !isReleased {
        return .deferred(
          action.aside.map { .aside($0, until: from) } ?? .backingOff(until: from))
      }
      return candidate.refusal
        ?? limited(rollout, isRepetition: action.wouldRepeat, demand: demand, now: now)
        ?? .eligible(stage: action.stage)
    }
    if candidate.runsRelease { return .excluded(.runsRelease) }
    if let reason = candidate.safeguard { return .excluded(.safeguard(reason)) }
    let isDrawn = rollout.gathersEvidence && !isFirstGroup(candidate, in: rollout)
    let own = stage(of: candidate, in: rollout)
    guard isDrawn ? candidate.isTargeted : own != nil else { return .excluded(.target) }
    if let rollout = candidate.supersededBy { return .excluded(.superseded(by: rollout)) }
    if let obstacle = candidate.obstacle { return .excluded(.barred(obstacle)) }
    guard let stage = own, rollout.hasPlace(for: candidate) else {
      return .deferred(.placeClosed(stratum: candidate.stratum))
    }
    if stage > open { return .deferred(.stageClosed(stage)) }
    return candidate.refusal ?? limited(rollout, demand: demand, now: now)
      ?? .eligible(stage: stage)
  }

  /// The stage a device belongs to; nil when it is outside the target.
  public static func stage(of candidate: Candidate, in rollout: Rollout) -> Int? {
    if isFirstGroup(candidate, in: rollout) { return 0 }
    guard candidate.isTargeted else { return nil }
    if rollout.gathersEvidence { return place(of: candidate, in: rollout) }
    let rank = Cohort.rank(of: candidate.device, salt: rollout.specification.salt)
    return rollout.stages.firstIndex { stage in
      if case .ranks(let upTo) = stage.plan.selection { rank <= upTo } else { false }
    }
  }

  // A canary group goes first even when the rollout's target leaves it out.
  static func isFirstGroup(_ candidate: Candidate, in rollout: Rollout) -> Bool {
    candidate.isCanary && (rollout.stages.first?.plan.isCanary ?? false)
  }

  // The step that opened the device's rank.
  private static func place(of candidate: Candidate, in rollout: Rollout) -> Int? {
    guard let stratum = candidate.stratum else { return nil }
    let rank = Cohort.rank(of: candidate.device, salt: rollout.specification.salt)
    guard let bound = rollout.strata[stratum].bound, rank <= bound else { return nil }
    return rollout.stages.firstIndex { stage in
      stage.plan.openings.contains { $0.stratum == stratum && rank <= $0.bound }
    }
  }

  /// One sentence for people.
  public func sentence(in rollout: Rollout) -> String {
    switch self {
    case .eligible(let stage): return "will be granted at its next poll, in \(name(stage, rollout))"
    case .deferred(let reason):
      switch reason {
      case .notRunning(let status): return "waits: the rollout is \(status.rawValue)"
      case .placeClosed(let stratum?):
        let found = rollout.strata[stratum]
        return "waits: \(found.opened) of \(found.size) devices of \(found.label) may have it so "
          + "far, and this one comes later"
      case .placeClosed(nil):
        return "waits: nobody of its kind has been seen before; some go first at the next step"
      case .returnGate:
        return "waits to be brought back until those before it have arrived"
      case .quarantined(let stratum):
        let found = rollout.strata[stratum]
        return "waits: \(found.label) is quarantined: \(found.quarantine?.reason ?? "")"
      case .stageClosed(let stage): return "waits for \(name(stage, rollout)) to open"
      case .backingOff(let until): return "waits until \(until) before the next attempt"
      case .concurrencyLimit(let limit): return "waits: \(limit) devices are updating, the limit"
      case .rateLimit(let limit, let until):
        return "waits until \(until): \(limit) grants per minute, the limit"
      case .maintenanceWindow(let until, let clock): return clock.sentence(until: until)
      case .domainLimit(let full):
        return "waits: \(full.limit) of \(full.property) \(full.domain) are updating, the limit"
      case .bandwidth(let rate, let until):
        return "waits until \(until): downloads at \(rate), the limit, are granted up to then"
      case .retryBudget(let limit):
        return
          "waits to try again: \(limit) repeated attempts, the budget of the rollout, are spent"
      case .endTimePassed(let end): return "not granted: the end time of the rollout was \(end)"
      case .aside(let aside, let until): return "\(aside.clause); asked again from \(until) on"
      case .hindered(let hindrance):
        return "waits: \(hindrance.clause)" + (hindrance.until.map { ", until \($0)" } ?? "")
      case .undecided(let standby): return standby.clause
      }
    case .excluded(let reason):
      switch reason {
      case .hardware: return "not in this rollout: no artifact of the release fits its hardware"
      case .target: return "not in this rollout: outside its target"
      case .safeguard(let reason):
        return "kept from updates by a safeguard until a person lifts it: \(reason)"
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
