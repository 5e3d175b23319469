// ServiceReport: what a simulated run of the service came to.

public import FleetSimulator
public import UpdateModel

/// The end of a run, equal for equal scenarios.
public struct ServiceReport: Equatable, Sendable {
  /// Seed of the run.
  public let seed: UInt64
  /// Devices at the end.
  public let deviceCount: Int
  /// How the rollouts ended, oldest first.
  public let statuses: [String]
  /// Steps that were simulated.
  public let stepCount: Int
  /// Requests that the service answered.
  public let answerCount: Int
  /// Leases that were granted.
  public let grantCount: Int
  /// Crashes and restarts of the service.
  public let restartCount: Int
  /// Virtual time from the start to the end.
  public let lasted: Interval
  /// Fingerprint of everything that happened, in order.
  public let digest: UInt64
  /// What must never be, and was; nil when all is well.
  public let violation: Violation?
  /// What happened around the service, in order; kept when it is asked for.
  public let story: [String]
}
