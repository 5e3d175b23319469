// DeviceRun: one entry in the history of what a device ran.

/// What a device runs, and since when it says so.
///
/// Version and image are one entry even when a device reports them apart: the digest that comes
/// after its version fills in the entry that has none.
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

  /// What a device runs now; nil when that is what it ran before.
  ///
  /// With `isImageTold` false only the version was reported, so the digest that is known is that of
  /// the version before and is not taken over.
  public init?(of device: Device, after before: Device, isImageTold: Bool, at now: Instant) {
    let (version, image) = (device.reportedVersion, device.reportedImage)
    guard version != before.reportedVersion || image != before.reportedImage else { return nil }
    self.init(
      device: device.key, since: now, version: version, image: isImageTold ? image : nil)
  }
}
