// PolicyRetry: how often and when a failed attempt is repeated, by kind of failure, and how many
// repetitions a whole rollout may spend.

extension Policy {
  /// Repetition of failed attempts.
  public struct Retry: Equatable, Sendable {
    /// Attempts in all, 1 to 10.
    public let attempts: Int
    /// Wait before the second attempt.
    public let backoff: Interval
    /// Each further wait is so many hundredths of the one before.
    public let factorHundredths: Int
    /// No wait is longer.
    public let maximum: Interval
    /// Up to this share is taken off a wait, a different part for each device.
    public let jitter: Share
    /// Terms of their own for some kinds of failure; those inside have no classes and no budget.
    public let classes: [FailureClass: Retry]
    /// What the whole rollout may spend on second and later attempts; nil for no limit.
    public let budget: RetryBudget?

    /// The terms after a failure of a kind: those of its class, else these.
    public func terms(after failure: FailureClass?) -> Retry {
      failure.flatMap { classes[$0] } ?? self
    }
  }

  /// Kinds of failure that a policy can tell apart.
  public enum FailureClass: String, Hashable, Sendable, CaseIterable {
    /// Failed before all bytes were served.
    case download
    /// The device reports that the installation failed.
    case install
    /// The device runs something else than it was given.
    case wrongVersion = "wrong-version"
    /// The device ran the release and then went back by itself; tried again only if it is named.
    case reverted
    /// A phase took longer than the policy allows.
    case timeout
  }

  /// The number of second and later attempts that a rollout may grant.
  public struct RetryBudget: Equatable, Sendable {
    /// A share of the devices that were granted so far, rounded down.
    public let share: Share
    /// So many are always allowed, 1 to 100,000,000.
    public let minimum: Int

    /// Second and later attempts allowed once `granted` devices have had their first.
    public func allowance(after granted: Int) -> Int {
      max(minimum, share.roundedDown(of: granted))
    }
  }
}

extension Policy.Retry {
  private static let keys = ["attempts", "backoff", "factor", "maximum", "jitter"]

  init?(_ reader: DocumentReader) {
    reader.allowOnly(Policy.Retry.keys + ["classes", "budget"])
    let budget = reader.has("budget") ? Policy.RetryBudget(reader.object("budget")) : nil
    let base = Policy.Retry(reader, inheriting: nil)
    let list = reader.object("classes")
    list.allowOnly(Policy.FailureClass.allCases.map(\.rawValue))
    var classes: [Policy.FailureClass: Policy.Retry] = [:]
    for failure in Policy.FailureClass.allCases where list.has(failure.rawValue) {
      let terms = list.object(failure.rawValue)
      terms.allowOnly(Policy.Retry.keys)
      classes[failure] = Policy.Retry(terms, inheriting: base)
    }
    guard let base else { return nil }
    self.init(
      attempts: base.attempts, backoff: base.backoff, factorHundredths: base.factorHundredths,
      maximum: base.maximum, jitter: base.jitter, classes: classes, budget: budget)
  }

  private init?(_ reader: DocumentReader, inheriting base: Policy.Retry?) {
    let attempts = reader.integer("attempts", default: base?.attempts ?? 3, in: 1...10)
    let backoff = reader.interval(
      "backoff", default: base?.backoff ?? .minutes(5), in: .seconds(1) ... .days(7))
    let factor = reader.integer(
      "factor", default: (base?.factorHundredths).map { $0 / 100 } ?? 2, in: 1...10)
    let maximum = reader.interval(
      "maximum", default: base?.maximum ?? .hours(6), in: .seconds(1) ... .days(30))
    let jitter = reader.share("jitter", default: base?.jitter ?? .usualJitter)
    guard let attempts, let backoff, let factor, let maximum, let jitter else { return nil }
    self.init(
      attempts: attempts, backoff: backoff, factorHundredths: factor * 100, maximum: maximum,
      jitter: jitter, classes: [:], budget: nil)
  }
}

extension Policy.RetryBudget {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["share", "minimum"])
    let share = reader.share("share")
    let minimum = reader.integer("minimum", default: 10, in: 1...100_000_000)
    guard let share, let minimum else { return nil }
    self.init(share: share, minimum: minimum)
  }
}
