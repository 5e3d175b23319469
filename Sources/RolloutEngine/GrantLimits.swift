// GrantLimits: which limit of the policy forbids one more lease at this instant, and until when?

public import UpdateModel

extension Eligibility {
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
}
