// PollPacing: when a device should come next: sooner when something can happen, later when nothing
// can, and never more often than the server can take.

public import UpdateModel

/// What is known when a device is told when to come again.
public struct PollPacing: Equatable, Sendable {
  /// The tenant's usual interval, 1 s to 1 d.
  public let usual: Interval
  /// The interval while nothing can happen, at least the usual one.
  public let quiet: Interval
  /// Devices of the server.
  public let fleetSize: Int
  /// Polls per second that the server should get at most, at least 1.
  public let pollsPerSecondMax: Int

  /// Joins the facts.
  public init(usual: Interval, quiet: Interval, fleetSize: Int, pollsPerSecondMax: Int) {
    self.usual = usual
    self.quiet = max(usual, quiet)
    self.fleetSize = fleetSize
    self.pollsPerSecondMax = max(1, pollsPerSecondMax)
  }

  /// What the device can expect.
  public enum Occasion: Equatable, Sendable {
    /// No rollout is under way in its tenant.
    case nothingOpen
    /// A rollout is under way in which it may get its turn at any time.
    case mayGetItsTurn
    /// It gets its turn then, or is looked at anew.
    case turn(Instant)
    /// It was just given something to do.
    case busy
  }

  /// How long to wait before the next poll.
  ///
  /// The salt differs from device to device and from poll to poll; it takes up to a tenth off, so
  /// that devices which start together do not stay together.
  public func wait(for occasion: Occasion, salt: UInt64, now: Instant) -> Interval {
    let interval = max(occasion == .nothingOpen ? quiet : usual, least)
    let seconds = max(1, interval.wholeSeconds)
    let spread = Interval.seconds(seconds - Int64(salt % UInt64(seconds / 10 + 1)))
    guard case .turn(let instant) = occasion else { return spread }
    // A second late rather than a moment early, when it would be sent away again.
    let wait = max(Interval.seconds(1), .seconds((instant - now).wholeSeconds + 1))
    return min(spread, wait)
  }

  /// The interval at which all devices together make as many polls as the server should get.
  private var least: Interval {
    .seconds(Int64((fleetSize + pollsPerSecondMax - 1) / pollsPerSecondMax))
  }
}
