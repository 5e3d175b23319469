// AgentDemand: what the disk side asks of the side that has the network and ends the process.

public import UpdateModel

/// Work that is done outside of `DeviceUpdater`; each may be asked for again after a restart.
public enum AgentDemand: Equatable, Sendable {
  /// Fetch the rest of the image with `PartFile` and call `DeviceUpdater.finishDownload`.
  case download(UpdateImage)
  /// Deliver `state.outbox` in order, and then `reportDelivered` for each.
  case deliverReports
  /// Call `DeviceUpdater.checkTrial`; for `agent`, send `trialPassed` after an answered poll.
  case checkTrial(Place)
  /// After this time, deliver what can be delivered soon, tell `rebootAsked`, and then call
  /// `DeviceUpdater.reboot`.
  case reboot(after: Interval = .zero)
  /// End the process with status 0 so that the service starts the present version again.
  case restartAgent
}
