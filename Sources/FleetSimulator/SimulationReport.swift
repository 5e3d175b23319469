// SimulationReport: what a simulated rollout came to.

public import RolloutEngine
public import UpdateModel

/// The end of a run, equal for equal scenarios.
public struct SimulationReport: Equatable, Sendable {
  /// Seed of the run.
  public let seed: UInt64
  /// Where the rollout ended.
  public let status: Rollout.Status
  /// Why it stopped; nil when it did not.
  public let stop: Rollout.StopReason?
  /// Devices by standing.
  public let tally: Tally
  /// Devices that were planned for.
  public let size: Int
  /// Sizes of the stages.
  public let stageSizes: [Int]
  /// Index of the last stage that opened; nil when none did.
  public let openStage: Int?
  /// Devices that had begun to install when it stopped; nil when it did not.
  public let exposedAtStop: Int?
  /// Leases that were granted.
  public let grantCount: Int
  /// Events that were simulated.
  public let stepCount: Int
  /// Virtual time from the start to the end.
  public let lasted: Interval
  /// Fingerprint of every change, in order.
  public let digest: UInt64
  /// What must never be, and was; nil when all is well.
  public let violation: Violation?
}
