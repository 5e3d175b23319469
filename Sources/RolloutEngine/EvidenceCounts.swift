// EvidenceCounts: the counters of one stratum from which the gate judges; changed by marks only.

public import UpdateModel

/// Devices of one stratum by mark. A mark that moves is all that ever changes it, so it always
/// equals a recount of the actions; what time alone changes is folded in by `pass`.
public struct EvidenceCounts: Equatable, Sendable {
  /// Failed to install, fell back, or went bad later.
  public private(set) var reported = 0
  /// Silent at present while others are heard.
  public private(set) var lost = 0
  /// Taken out of the rollout without a verdict.
  public private(set) var withdrawn = 0
  /// Could not fetch the image.
  public private(set) var undelivered = 0
  /// Were taken out before they began to install.
  public private(set) var spared = 0
  /// Failed and wait for another attempt; without a verdict so far.
  public private(set) var failing = 0
  /// Were granted and have not begun to install.
  public private(set) var unexposed = 0
  private var openSince: TimedCounts
  private var provenSince: TimedCounts
  private let terms: Terms

  /// The times after which a device's mark says more.
  public struct Terms: Equatable, Sendable {
    /// A device that runs the release so long is proven.
    public let soak: Interval
    /// A device without a verdict is waited for so long.
    public let patience: Interval

    /// The times of a policy, for devices that poll in this interval.
    public init(_ evidence: Policy.Evidence, poll: Interval) {
      soak = evidence.soak
      patience = evidence.patience(poll: poll)
    }

    // A two-hundredth of the time that matters, so that rounding delays nobody noticeably.
    var bucket: Interval {
      Interval(milliseconds: min(60_000, max(100, soak.milliseconds / 200)))
    }
  }

  /// All zero.
  public init(_ terms: Terms) {
    self.terms = terms
    openSince = TimedCounts(bucket: terms.bucket)
    provenSince = TimedCounts(bucket: terms.bucket)
  }

  /// Devices that were granted the release at least once.
  public var granted: Int { exposed + undelivered + unexposed + spared }
  /// Devices that began to install.
  public var exposed: Int { reported + lost + withdrawn + openSince.total + provenSince.total }
  /// Devices that have run the release for the soak time and are heard.
  public var matured: Int { provenSince.settled }
  /// Devices that run the release, for however long.
  public var proven: Int { provenSince.total }
  /// Devices whose verdict is still waited for: they install, or run the release not long enough.
  public var awaited: Int {
    openSince.total - openSince.settled + provenSince.total - provenSince.settled
  }

  /// Hours that devices have run the release, together.
  public func deviceHours(at now: Instant) -> Int {
    Int(provenSince.age(at: now) / 3_600_000)
  }

  /// Moves one device; `from` is nil when it is new.
  mutating func move(from: Mark?, to: Mark) {
    switch from {
    case nil: break
    case .unexposed: unexposed -= 1
    case .undelivered: undelivered -= 1
    case .spared: spared -= 1
    case .open(let since): openSince.remove(since)
    case .failing(let since):
      openSince.remove(since)
      failing -= 1
    case .proven(let since): provenSince.remove(since)
    case .reported: reported -= 1
    case .lost: lost -= 1
    case .withdrawn: withdrawn -= 1
    }
    switch to {
    case .unexposed: unexposed += 1
    case .undelivered: undelivered += 1
    case .spared: spared += 1
    case .open(let since): openSince.add(since)
    case .failing(let since):
      openSince.add(since)
      failing += 1
    case .proven(let since): provenSince.add(since)
    case .reported: reported += 1
    case .lost: lost += 1
    case .withdrawn: withdrawn += 1
    }
    precondition(
      min(min(unexposed, undelivered, spared), failing, reported, lost, withdrawn) >= 0,
      "marks are counted")
  }

  /// Lets time pass: devices ripen, and patience with others ends.
  mutating func pass(to now: Instant) {
    openSince.settle(through: Instant(milliseconds: now.milliseconds - terms.patience.milliseconds))
    provenSince.settle(through: Instant(milliseconds: now.milliseconds - terms.soak.milliseconds))
  }
}
