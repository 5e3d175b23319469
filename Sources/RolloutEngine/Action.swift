// Action: one device's part in one rollout, from the first offer to its end.

public import UpdateModel

/// What is known about one device in one rollout. A device has at most one action per rollout; each
/// attempt within it has its own `ActionID`, so that a late report cannot be taken for a new one.
public struct Action: Equatable, Sendable {
  /// The rollout it belongs to.
  public let rollout: RolloutID
  /// Whose action it is.
  public let device: DeviceID
  /// Index of the stage in which the device was granted.
  public let stage: Int
  /// Whether the device is being updated or brought back.
  public var kind: Kind
  /// The present or last attempt.
  public var id: ActionID
  /// The attempt before; nil in the first.
  public var previousID: ActionID?
  /// Number of the attempt within its kind, from 1.
  public var attempt: Int
  /// What the device is given.
  public var release: ReleaseID
  /// What the device verifiably ran when it was first granted; nil when that is not known here.
  public let fallback: ReleaseID?
  /// Where the attempt stands.
  public var state: State
  /// Whether the device has been or is to be asked to stop.
  public var cancel: Cancellation
  /// When the attempt was granted.
  public var grantedAt: Instant
  /// When `state` last changed.
  public var changedAt: Instant
  /// When the device reported that it had installed; nil before.
  public var installedAt: Instant?
  /// The last failure, kept while it is retried.
  public var failure: Failure?
  /// Index of the device's stratum; nil for canaries and where no evidence is gathered.
  public var stratum: Int?
  /// When the device first began to install the release; nil before.
  public var exposedAt: Instant?
  /// Since when it runs the release, verified; nil before.
  public var provenAt: Instant?
  /// Whether it failed on the release, for good; stays when it is brought back.
  public var isReported = false
  /// Whether it fell silent after it began to install, while others are heard.
  public var isSilent = false
  /// Why it stands aside without having failed; nil when it does not.
  public var aside: Aside?

  /// Direction of an action.
  public enum Kind: UInt8, Sendable {
    /// To the rollout's release.
    case update = 0
    /// Back to the fallback.
    case rollback = 1
  }

  /// Phase of a lease; each has its own deadline.
  public enum Phase: UInt8, Sendable, CaseIterable {
    /// The device was told that there is something.
    case offered = 0
    /// The device fetched its instructions.
    case downloading = 1
    /// All bytes were served, or the device says that it installs.
    case installing = 2
    /// The device says that it is done; it has yet to prove it.
    case verifying = 3
  }

  /// How an action ended.
  public enum Outcome: UInt8, Sendable, CaseIterable {
    /// Runs the release, verified.
    case succeeded = 0
    /// Says so and polls, but cannot report what it runs.
    case unverified = 1
    /// Ended with a failure after all attempts.
    case failed = 2
    /// Fell silent while it held a lease.
    case lost = 3
    /// Was stopped before it installed.
    case cancelled = 4
    /// Was brought back.
    case returned = 5
    /// Could not be brought back.
    case returnFailed = 6
    /// Needs to go back, but nothing is known to go back to.
    case stranded = 7
    /// Never took the release in the time it was given, which says nothing about the release.
    case undelivered = 8
    /// A newer rollout took its place before it installed.
    case superseded = 9
  }

  /// Where an attempt stands.
  public enum State: Equatable, Sendable {
    /// A lease: the device is expected to finish the phase before the deadline.
    case leased(Phase, deadline: Instant)
    /// No lease; another attempt may be granted from `from` on.
    case retrying(from: Instant)
    /// Closed; only evidence of what the device really runs can change it.
    case ended(Outcome)
  }

  /// Progress of a request to stop.
  public enum Cancellation: UInt8, Sendable {
    /// Not asked.
    case none = 0
    /// The device is asked at each poll.
    case requested = 1
    /// The device answered that it goes on.
    case refused = 2
  }

  /// Why an attempt failed.
  public struct Failure: Equatable, Sendable {
    /// Kind of failure, for policies and statistics.
    public let cause: Cause
    /// The device's own words, or ours; at most 512 bytes.
    public let detail: String

    /// Describes a failure.
    public init(_ cause: Cause, _ detail: String) {
      self.cause = cause
      self.detail = String(decoding: detail.utf8.prefix(512), as: UTF8.self)
    }
  }

  /// Kinds of failure.
  public enum Cause: String, Sendable, CaseIterable {
    /// Failed before all bytes were served.
    case download
    /// The device reports that the installation failed.
    case install
    /// The device runs something else than it was given.
    case wrongVersion = "wrong-version"
    /// The device ran the release and then went back by itself.
    case reverted
    /// A phase took longer than the policy allows.
    case timeout
    /// The device put it off for longer than the policy allows; says nothing about the release.
    case postponed
    /// The device runs a floor of the release but cannot say so; it is not given more.
    case unproven
    /// There is nothing that the device may go back to.
    case noWayBack = "no-way-back"
  }

  /// Creates the first attempt of an update.
  public init(
    rollout: RolloutID, device: DeviceID, stage: Int, id: ActionID, release: ReleaseID,
    fallback: ReleaseID?, deadline: Instant, now: Instant, stratum: Int? = nil
  ) {
    self.init(
      rollout: rollout, device: device, stage: stage, kind: .update, id: id, previousID: nil,
      attempt: 1, release: release, fallback: fallback,
      state: .leased(.offered, deadline: deadline),
      cancel: .none, grantedAt: now, changedAt: now, installedAt: nil, failure: nil)
    self.stratum = stratum
  }

  /// Restores an action from its stored parts.
  public init(
    rollout: RolloutID, device: DeviceID, stage: Int, kind: Kind, id: ActionID,
    previousID: ActionID?, attempt: Int, release: ReleaseID, fallback: ReleaseID?, state: State,
    cancel: Cancellation, grantedAt: Instant, changedAt: Instant, installedAt: Instant?,
    failure: Failure?, aside: Aside? = nil
  ) {
    self.rollout = rollout
    self.device = device
    self.stage = stage
    self.kind = kind
    self.id = id
    self.previousID = previousID
    self.attempt = attempt
    self.release = release
    self.fallback = fallback
    self.state = state
    self.cancel = cancel
    self.grantedAt = grantedAt
    self.changedAt = changedAt
    self.installedAt = installedAt
    self.failure = failure
    self.aside = aside
  }

  /// Whether the action holds a lease.
  public var isLeased: Bool {
    if case .leased = state { true } else { false }
  }

  /// The phase of the lease; nil without one.
  public var phase: Phase? {
    if case .leased(let phase, _) = state { phase } else { nil }
  }

  /// When the lease expires; nil without one.
  public var deadline: Instant? {
    if case .leased(_, let deadline) = state { deadline } else { nil }
  }
}
