// AgentState: everything the agent must still know after a power failure.

public import UpdateModel

/// The durable state. A change of it is on the medium before any effect of that change begins.
public struct AgentState: Equatable, Sendable {
  /// Reports that wait at once; the oldest progress goes first when there are more, ends stay.
  public static let outboxMax = 32

  /// How far the update at work is.
  public var phase = UpdatePhase.idle
  /// What each slot holds; nothing known of a slot that was never written or is being written.
  public var contents: [Slot: SlotContent] = [:]
  /// The slot that proved itself last; nothing before the first start.
  public var confirmed: Slot?
  /// The agent program that proved itself last, by the digest of its file.
  public var confirmedAgent: Digest?
  /// The slot that runs, as found at the latest start; nothing for a recovery system.
  public var running: Slot?
  /// The agent program that runs, as found at the latest start; nothing for one from a system.
  public var runningAgent: Digest?
  /// Reports that were not delivered yet, oldest first.
  public var outbox: [UpdateReport] = []
  /// Number of the latest report.
  public var latestReport = 0
  /// The last update that ended, so that the same offer is answered and not installed again.
  public var latestEnd: UpdateEnd?
  /// Declared action that is still owed after an installation.
  public var owedResume: Name?
  /// Why the agent is in safe mode; nothing when it is not.
  public var safeMode: SafeModeReason?
  /// Names one run of the kernel, so that a restart of the agent is told from a boot.
  public var bootIdentifier = ""
  /// Why the latest trial failed.
  public var latestFallback: UpdateFailure?
  /// What the checks of the present trial found, when the boot loader is left to count.
  public var trialFailure: UpdateFailure?
  /// How often the device was asked to start again since it last did, for the present update.
  public var rebootsAsked = 0
  /// How often images of the present update were lost after they had been verified.
  public var imagesLost = 0

  /// The state of a device that has never run the agent.
  public init() {}
}

/// How an update ended.
public struct UpdateEnd: Equatable, Sendable {
  /// The action.
  public let action: Name
  /// The try within it.
  public let attempt: Int
  /// `installed`, `failed`, `reverted` or `cancelled`.
  public let phase: UpdateReport.Phase
  /// Why, when it ended badly.
  public let failure: UpdateFailure?

  /// Joins an end.
  public init(
    action: Name, attempt: Int, phase: UpdateReport.Phase, failure: UpdateFailure? = nil
  ) {
    self.action = action
    self.attempt = attempt
    self.phase = phase
    self.failure = failure
  }
}

/// Why the agent does only the least.
public enum SafeModeReason: String, CaseIterable, Sendable {
  /// Neither slot runs; ends by itself when one does.
  case recoverySystem = "recovery-system"
  /// No slot but the running one is intact, and that one failed its trial; or both are spoilt.
  case noGoodSlot = "no-good-slot"
  /// The configuration cannot be read.
  case configuration
  /// The stored state of the agent cannot be read in either generation.
  case stateLost = "state-lost"
  /// A person or the server ordered it.
  case ordered
}
