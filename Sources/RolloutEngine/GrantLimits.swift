// GrantLimits: which limit of the policy forbids one more lease at this instant, and until when?

public import UpdateModel

/// What one more lease would take from the limits, besides its place.
public struct GrantDemand: Equatable, Sendable {
  /// Bytes the device would download; 0 when nothing limits them.
  public let bytes: Int64
  /// A failure domain of the device that is full; nil when none is.
  public let fullDomain: FullDomain?

  /// A lease that downloads nothing and is alone in its domains.
  public static let none = GrantDemand(bytes: 0, fullDomain: nil)

  /// Joins the facts.
  public init(bytes: Int64, fullDomain: FullDomain?) {
    self.bytes = bytes
    self.fullDomain = fullDomain
  }
}

extension Eligibility {
  /// The limit that forbids one more lease; nil when none does.
  ///
  /// `isRepetition` tells whether it would be a second or later attempt at the update. The way back
  /// is never one: bringing devices home is worth any number of attempts that the policy allows.
  public static func limited(
    _ rollout: Rollout, isRepetition: Bool = false, demand: GrantDemand = .none, now: Instant
  ) -> Eligibility? {
    let limits = rollout.policy.limits
    if let concurrent = limits.concurrent, rollout.leaseCount >= concurrent {
      return .deferred(.concurrencyLimit(concurrent))
    }
    if let domain = demand.fullDomain { return .deferred(.domainLimit(domain)) }
    if isRepetition, rollout.isRetryBudgetSpent, let budget = rollout.policy.retry.budget {
      return .deferred(.retryBudget(budget.allowance(after: rollout.notifiedCount)))
    }
    if let perMinute = rollout.perMinute, rollout.window.total(at: now) >= perMinute {
      return .deferred(.rateLimit(perMinute, until: rollout.window.nextRelease(after: now)))
    }
    if let rate = limits.bandwidth,
      let until = rollout.pace.delay(
        of: demand.bytes, rate: rate, burst: limits.bandwidthBurst, at: now)
    {
      return .deferred(.bandwidth(rate, until: until))
    }
    return nil
  }
}

extension Eligibility.Deferral {
  /// When the device may ask again with a chance; nil when that depends on other devices.
  public var until: Instant? {
    switch self {
    case .backingOff(let until), .rateLimit(_, let until), .bandwidth(_, let until),
      .aside(_, let until):
      until
    case .maintenanceWindow(let until, _): until
    case .hindered(let hindrance): hindrance.until
    case .notRunning, .stageClosed, .placeClosed, .quarantined, .returnGate, .concurrencyLimit,
      .domainLimit, .retryBudget, .endTimePassed, .undecided:
      nil
    }
  }

  /// Whether only other devices, or a pace that all share, keep the device from its grant.
  public var isLimit: Bool {
    switch self {
    case .concurrencyLimit, .rateLimit, .domainLimit, .bandwidth: true
    case .notRunning, .stageClosed, .placeClosed, .returnGate, .quarantined, .backingOff,
      .maintenanceWindow, .retryBudget, .endTimePassed, .aside, .hindered, .undecided:
      false
    }
  }
}

// These are asked at each poll that may end in a grant, so they loop instead of adding up tallies.
extension Rollout {
  /// Devices that hold a lease.
  public var leaseCount: Int { count { $0.leased } }

  /// Devices that were granted a lease at least once.
  public var notifiedCount: Int { count { $0.participants - $0[.waiting] - $0[.undecided] } }

  /// Devices that took the release, those included that were brought back from it.
  public var succeededCount: Int {
    count {
      $0[.succeeded] + $0[.unverified] + $0[.returning] + $0[.returnRetrying] + $0[.returned]
        + $0[.returnFailed] + $0[.stranded]
    }
  }

  /// Leases that may be granted in a minute that ends now; nil for no limit.
  public var perMinute: Int? {
    guard let rate = policy.limits.rate else { return policy.limits.perMinute }
    return switch rate.every {
    case .notified: rate.perMinute(after: notifiedCount)
    case .succeeded: rate.perMinute(after: succeededCount)
    }
  }

  /// Whether no second or later attempt at the update may be granted now.
  public var isRetryBudgetSpent: Bool {
    guard let budget = policy.retry.budget else { return false }
    return retries >= budget.allowance(after: notifiedCount)
  }

  /// Devices that count against the release: those that failed or were lost and, once the budget of
  /// repetitions is spent, those that failed and wait for an attempt that nobody will give them.
  public var failureCount: Int {
    let isSpent = isRetryBudgetSpent
    return count { $0.failures + (isSpent ? $0[.retrying] : 0) }
  }

  private func count(_ of: (Tally) -> Int) -> Int {
    var sum = 0
    for index in stages.indices { sum += of(stages[index].tally) }
    return sum
  }

  /// Takes from every limit what a lease that is granted now takes; `bytes` is its download.
  public mutating func grant(_ action: Action, bytes: Int64, at now: Instant) {
    evolve(.granted, at: now)
    if action.isRepetition { evolve(.repeated, at: now) }
    if policy.limits.bandwidth != nil { evolve(.downloadGranted(bytes: bytes), at: now) }
  }

  /// Takes from the limits what an action that was read from the store took before; `largest` is
  /// the largest image a device may download, in bytes.
  ///
  /// Counts of the last minute come in the order of devices, so some last a little longer than they
  /// would have, never shorter. The pace of downloads starts without a burst.
  public mutating func restoreGrant(of action: Action, largest: Int64, at now: Instant) {
    if action.kind == .update {
      for _ in 1..<max(1, action.attempt) { evolve(.repeated, at: now) }
    }
    guard action.grantedAt <= now, !action.isUngranted else { return }
    lastGrantAt = max(lastGrantAt ?? action.grantedAt, action.grantedAt)
    let age = now - action.grantedAt
    if age <= .minutes(1) { evolve(.granted, at: action.grantedAt) }
    guard let rate = policy.limits.bandwidth else { return }
    let burst = policy.limits.bandwidthBurst
    let memory = max(
      burst, Interval(milliseconds: DownloadPace.time(for: largest, rate) / 1000 + 1))
    if age <= memory {
      pace.assumeFull(largest: largest, rate: rate, burst: burst, at: now)
    }
  }
}

extension Action {
  /// Whether the present attempt repeats a failed one; a postponed attempt that is granted again
  /// repeats nothing.
  var isRepetition: Bool { kind == .update && attempt > 1 && failure != nil }

  /// Whether the next grant would repeat a failed attempt at the update.
  var wouldRepeat: Bool { kind == .update && failure != nil }
}
