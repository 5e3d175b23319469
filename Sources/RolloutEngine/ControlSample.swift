// ControlSample: how the devices fare that the rollout has not reached; without them silence means
// nothing.

public import UpdateModel

/// What a look at the control cohort found.
///
/// The cohort is made of devices that were not granted the release. Those that were alive at the
/// start tell how much silence is ordinary; those that were alive when the present step opened tell
/// whether there is an outage.
public struct ControlSample: Equatable, Sendable {
  /// Devices of the cohort that were alive at the start.
  public let devices: Int
  /// Those of them that have been silent for longer than is normal, on the healthy clock.
  public let lost: Int
  /// The share that was heard within one and a half poll intervals, of those that were alive when
  /// the present step opened.
  public let heard: Share
  /// When they were looked at.
  public let at: Instant

  /// Joins the facts.
  public init(devices: Int, lost: Int, heard: Share, at: Instant) {
    self.devices = devices
    self.lost = lost
    self.heard = heard
    self.at = at
  }
}
