// BootStatus: what the boot loader and the agent tell each other, in the words of U-Boot.

/// The boot record.
///
/// The boot loader adds one to `bootCount` before it starts a slot on trial, and takes `previous`
/// when the count exceeds `bootLimit`; it then sets `ustate` to 3 and clears the trial.
public struct BootStatus: Equatable, Sendable {
  /// The slot to start (`slot`).
  public var slot: Slot
  /// The slot to fall back to (`previous`).
  public var previous: Slot
  /// Whether `slot` is on trial (`upgrade_available`).
  public var isTrial: Bool
  /// Starts of the present trial (`bootcount`).
  public var bootCount: Int
  /// Starts that a trial may take (`bootlimit`), 1 to 100.
  public var bootLimit: Int
  /// How the latest trial went (`ustate`, as SWUpdate counts it).
  public var state: UpdateState

  /// Values of `ustate`.
  public enum UpdateState: Int, CaseIterable, Sendable {
    /// Nothing to tell.
    case none = 0
    /// Installed, not tried yet.
    case installed = 1
    /// On trial.
    case testing = 2
    /// The trial failed.
    case failed = 3
  }

  /// A record of a device that never updated.
  public init(
    slot: Slot, previous: Slot, isTrial: Bool = false, bootCount: Int = 0, bootLimit: Int = 3,
    state: UpdateState = .none
  ) {
    self.slot = slot
    self.previous = previous
    self.isTrial = isTrial
    self.bootCount = bootCount
    self.bootLimit = bootLimit
    self.state = state
  }

  /// The record that starts `slot` on trial and falls back to `running`.
  public func arming(_ target: Slot, from running: Slot) -> BootStatus {
    BootStatus(
      slot: target, previous: running, isTrial: true, bootCount: 0, bootLimit: bootLimit,
      state: .installed)
  }

  /// The record after the trial of `slot` passed.
  public func confirming(_ slot: Slot) -> BootStatus {
    BootStatus(
      slot: slot, previous: previous == slot ? slot.other : previous, bootLimit: bootLimit)
  }

  /// The record that gives up the trial and starts `target`.
  public func reverting(to target: Slot) -> BootStatus {
    BootStatus(slot: target, previous: target, bootLimit: bootLimit, state: .failed)
  }
}
