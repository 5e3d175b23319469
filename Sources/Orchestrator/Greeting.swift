// Greeting: what is known of a device right after it proved who it is.

public import UpdateModel

/// What an authenticated device is, copied out of its record.
public struct DeviceView: Sendable {
  /// Which device.
  public let device: DeviceID
  /// Hardware model; nil while unknown.
  public let hardware: String?
  /// The version it reports; nil when it never did.
  public let version: String?
  /// When it last reported its version.
  public let versionReportedAt: Instant
  /// When it was last heard.
  public let lastSeen: Instant
  /// Whether it is to be asked for its attributes.
  public let wantsAttributes: Bool
  /// Whether it gets recovery releases only.
  public let isQuarantined: Bool
  /// Whether it can wait with the images at hand until it may install; not known after a restart
  /// until it is heard.
  public let isPatient: Bool
}

/// How a device's credentials were judged.
enum Authentication {
  case accepted
  case wrongToken
  case unknownDevice
}

/// How a device was received.
struct Greeting {
  let result: Authentication
  /// The epoch at which it had nothing to do.
  let idleEpoch: UInt32
  /// Whether it is to be asked for attributes.
  let wantsAttributes: Bool
  /// What it was last told, see `DeviceRecord.briefing`.
  let briefing: UInt32
  /// What its credential brought to light.
  let news: AccessNews

  init(
    _ result: Authentication, idleEpoch: UInt32 = 0, wantsAttributes: Bool = false,
    briefing: UInt32 = 0, news: AccessNews = .nothing
  ) {
    self.result = result
    self.idleEpoch = idleEpoch
    self.wantsAttributes = wantsAttributes
    self.briefing = briefing
    self.news = news
  }
}
