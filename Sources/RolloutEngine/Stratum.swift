// Stratum: the devices of a rollout that may fail alike, with their own ramp and counters.

public import UpdateModel

/// Devices with the same hardware model, and the same of whatever else the policy divides by.
public struct Stratum: Equatable, Sendable {
  /// The values that its devices share, such as `board-a` or `board-a, tag.revision=B`.
  public let label: String
  /// Devices that belong to it, as far as is known.
  public internal(set) var size: Int
  /// Devices that may have been granted the release so far; grows step by step.
  public internal(set) var opened = 0
  /// The rank up to which it is open; nil before its first step.
  public internal(set) var bound: UInt64?
  /// Why nothing is offered to it any more; nil while it is in good standing.
  public internal(set) var quarantine: Quarantine?
  /// What was known when a person let it take part again; it does not count a second time.
  public internal(set) var excused = Excused()
  /// What its devices say about the release.
  public internal(set) var evidence: EvidenceCounts
  /// What their reported numbers say, in the order of the policy's metrics.
  public internal(set) var metrics: [MetricEvidence]

  /// Evidence that a person has looked at and set aside.
  public struct Excused: Equatable, Sendable {
    /// Devices that had begun to install.
    public var exposed = 0
    /// Of those, devices that had failed.
    public var reported = 0
    /// Of those, devices that were silent.
    public var lost = 0

    /// Nothing was set aside.
    public init() {}
  }

  /// A stratum that was found to fail more than the rest.
  public struct Quarantine: Equatable, Sendable {
    /// Since when.
    public let since: Instant
    /// The reason in words.
    public let reason: String

    /// Joins the facts.
    public init(since: Instant, reason: String) {
      self.since = since
      self.reason = reason
    }
  }

  /// A stratum of which nothing is open.
  public init(label: String, size: Int, evidence: Policy.Evidence, poll: Interval) {
    self.label = label
    self.size = size
    self.evidence = EvidenceCounts(EvidenceCounts.Terms(evidence, poll: poll))
    metrics = evidence.metrics.map(MetricEvidence.init)
  }

  /// Puts back what was stored.
  public mutating func restore(
    opened: Int, bound: UInt64?, quarantine: Quarantine?, excused: Excused
  ) {
    self.excused = excused
    self.opened = opened
    self.bound = bound
    self.quarantine = quarantine
  }

  /// Devices that are not open yet.
  public var left: Int { max(0, size - opened) }
}

/// A part of a stratum that a step opens.
public struct Opening: Equatable, Sendable {
  /// Index of the stratum in its rollout.
  public let stratum: Int
  /// Devices that it takes in.
  public let count: Int
  /// The rank up to which the stratum is open then.
  public let bound: UInt64

  /// Joins the facts.
  public init(stratum: Int, count: Int, bound: UInt64) {
    self.stratum = stratum
    self.count = count
    self.bound = bound
  }
}

/// So many more devices of a stratum.
public struct StepPart: Equatable, Sendable {
  /// Index of the stratum in its rollout.
  public let stratum: Int
  /// Devices to take in; above zero in a verdict.
  public internal(set) var count: Int
}

/// The ranks of all devices of a rollout by stratum, so that "50 devices" means 50.
///
/// It is the shell's, not the rollout's: eight bytes a device, made from the fleet at any time.
public struct RankIndex: Equatable, Sendable {
  private var sorted: [[UInt64]]

  /// Knows nobody.
  public static let empty = RankIndex([])

  /// Takes the ranks of each stratum, in any order.
  public init(_ ranks: [[UInt64]]) { self.init(sorted: ranks.map { $0.sorted() }) }

  /// Takes the ranks of each stratum, in rising order.
  public init(sorted ranks: [[UInt64]]) { sorted = ranks }

  /// Devices known in a stratum.
  public func count(_ stratum: Int) -> Int {
    sorted.indices.contains(stratum) ? sorted[stratum].count : 0
  }

  /// The rank up to which a stratum must be open to take in its first `count` devices.
  public func bound(_ stratum: Int, count: Int) -> UInt64 {
    guard sorted.indices.contains(stratum), count < sorted[stratum].count else { return .max }
    return count <= 0 ? 0 : sorted[stratum][count - 1]
  }

  /// The place of a rank among the devices of a stratum, from 1, whether or not one has it.
  public func position(of rank: UInt64, stratum: Int) -> Int {
    sorted.indices.contains(stratum) ? sorted[stratum].bisect { $0 < rank } + 1 : 1
  }

  /// Notes a device that joins; false when it is known already.
  public mutating func insert(_ rank: UInt64, stratum: Int) -> Bool {
    while sorted.count <= stratum { sorted.append([]) }
    let place = sorted[stratum].bisect { $0 < rank }
    if place < sorted[stratum].count, sorted[stratum][place] == rank { return false }
    sorted[stratum].insert(rank, at: place)
    return true
  }
}
