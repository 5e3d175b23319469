// Policy: how a rollout widens, how fast, when it stops and what happens then.

/// The decoded, valid form of a policy file; `Policies/README.md` describes each field for people.
public struct Policy: Equatable, Sendable {
  /// Name of the policy, as given when a rollout is created.
  public let name: Name
  /// One sentence for people.
  public let summary: String
  /// The group that goes first; nil when no group does.
  public let canary: Canary?
  /// How the rest of the fleet is divided.
  public let stages: Stages
  /// Terms of the gate that decides by evidence; nil where only the quorum of each stage counts.
  public let evidence: Evidence?
  /// When the rollout stops by a plain count; nil where the evidence alone decides.
  public let failureLimit: FailureLimit?
  /// What may happen at the same time.
  public let limits: GrantLimits
  /// How long each phase of an update may take on a device.
  public let timeouts: Timeouts
  /// What happens after a failed attempt.
  public let retry: Retry
  /// What happens when the rollout stops by itself or is aborted.
  public let onAbort: AbortAction
  /// When devices may be granted, by their own clocks; nil for at any time.
  public let windows: MaintenanceSchedule?
  /// Where a person must approve, beside the stages that say so themselves.
  public let approve: ApprovalPoints
  /// What happens to devices that put their update off.
  public let postpone: Postponing
  /// What is asked of a device before it downloads and before it installs.
  public let conditions: UpdateConditions
  /// Whether devices are updated when they wish to be.
  public let wish: WishRule
  /// Whether a security release passes over comfort and wishes.
  public let securityOverrides: Bool
  /// What devices that can do it do before they install, such as an orderly shutdown of motors.
  public let prepare: Name?
  /// What they do after they installed.
  public let resume: Name?

  /// The group that goes first.
  public struct Canary: Equatable, Sendable {
    /// Name of the device group.
    public let group: Name
    /// Whether a person must approve before the first stage opens.
    public let signOff: Bool
    /// What must hold before the next stage.
    public let gate: StageGate
  }

  /// What must hold before the stage after this one opens.
  public struct StageGate: Equatable, Sendable {
    /// The share of the stage's devices that must have a verdict.
    public let quorum: Share
    /// Time that must pass after the quorum was reached.
    public let soak: Interval
    /// When the stage has been open so long, the verdicts there are count as a quorum.
    public let waitAtMost: Interval

    /// Waits for nothing.
    public static let none = StageGate(quorum: .whole, soak: .zero, waitAtMost: .days(1))
  }

  /// How the devices outside the canary group are divided. With evidence, the sizes that follow
  /// from it are ceilings: no more is opened than the evidence allows.
  public enum Stages: Equatable, Sendable {
    /// The evidence alone decides how much is opened.
    case adaptive
    /// `start`, then each stage `growth` times the one before, never more than `cap`.
    case exponential(start: StageSize, growthHundredths: Int, cap: StageSize?, gate: StageGate)
    /// Shares of the fleet reached at the end of each stage, growing to 100 %.
    case shares([ShareStage])
  }

  /// One explicit stage.
  public struct ShareStage: Equatable, Sendable {
    /// Share of the devices outside the canary group that is open once this stage is.
    public let upTo: Share
    /// What must hold before the next stage.
    public let gate: StageGate
    /// Whether a person must approve before the next stage opens.
    public let signOff: Bool
  }

  /// A number of devices, or a share of those outside the canary group.
  public enum StageSize: Equatable, Sendable {
    /// So many devices.
    case devices(Int)
    /// So large a part.
    case share(Share)

    /// The number of devices this means in a fleet; at least 1.
    public func count(of population: Int) -> Int {
      switch self {
      case .devices(let count): max(1, count)
      case .share(let share): max(1, share.roundedUp(of: population))
      }
    }
  }

  /// The rollout stops when there are at least `minimum` failures and they are more than `share` of
  /// the devices that began to install.
  public struct FailureLimit: Equatable, Sendable {
    /// Tolerated share of failures.
    public let share: Share
    /// Fewer failures than this never stop a rollout.
    public let minimum: Int
  }

  /// Deadlines of a lease, one per phase.
  public struct Timeouts: Equatable, Sendable {
    /// From the offer until the device takes it up.
    public let accept: Interval
    /// Until the image is fetched.
    public let download: Interval
    /// Until the device reports the end of the installation.
    public let install: Interval
    /// Until the device, after reporting success, proves that it runs the release.
    public let verify: Interval
    /// How long after its success report a device may still name its old version.
    public let reboot: Interval
  }

  /// What a stopped rollout does.
  public enum AbortAction: String, Equatable, Sendable, CaseIterable {
    /// Offers nothing more; devices keep what they run.
    case stop
    /// Brings devices that took the release back to what they ran before.
    case rollback
  }

  /// Whether devices are brought back.
  public var returns: Bool { onAbort == .rollback }

  /// The number of devices at which nothing may be left out: the last stage takes all that remain.
  public static let stageCountMax = 100
}
