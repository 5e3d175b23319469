// DeviceRun: one entry in the history of what a device ran.

/// What a device runs, and since when it says so.
public struct DeviceRun: Equatable, Sendable {
  /// Which device.
  public let device: DeviceKey
  /// Since when.
  public let since: Instant
  /// The version it reports; nil when it reports none.
  public let version: String?
  /// SHA-256 of the image it reports; nil when it reports none.
  public let image: Digest?

  /// Joins the facts.
  public init(device: DeviceKey, since: Instant, version: String?, image: Digest?) {
    self.device = device
    self.since = since
    self.version = version
    self.image = image
  }
}
