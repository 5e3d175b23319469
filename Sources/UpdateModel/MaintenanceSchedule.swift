// MaintenanceSchedule: what a policy says about maintenance windows, and whose clocks count.

/// The windows of a policy: when devices may be granted, and in which time zone.
public struct MaintenanceSchedule: Equatable, Sendable {
  /// When devices may be granted.
  public let hours: OpenHours
  /// Whose clocks count.
  public let zone: Zone
  /// Whether devices wait for their windows on the way back too; the default is that they do not.
  public let appliesToRollback: Bool
  /// Which steps wait for a window.
  public let coverage: Coverage

  /// Which steps of an update wait for a window.
  public enum Coverage: String, Sendable, CaseIterable {
    /// A device is granted, and with it downloads, inside its windows only.
    case downloadAndInstall = "download+install"
    /// It may download at any time. A device that cannot wait with the image at hand is granted
    /// inside its windows only.
    case install
  }

  /// Whose clocks count.
  public enum Zone: Equatable, Sendable {
    /// The device's own, or another zone for a device whose zone is not known.
    case device(fallback: TimeZoneName)
    /// The same for every device.
    case fixed(TimeZoneName)

    /// The zone that must be known before a rollout can begin.
    public var required: TimeZoneName {
      switch self {
      case .device(let fallback): fallback
      case .fixed(let name): name
      }
    }
  }

  /// The zone that counts for a device whose own is not known.
  public var fallback: TimeZoneName { zone.required }

  /// Joins the parts.
  public init(
    hours: OpenHours, zone: Zone, appliesToRollback: Bool, coverage: Coverage = .downloadAndInstall
  ) {
    self.hours = hours
    self.zone = zone
    self.appliesToRollback = appliesToRollback
    self.coverage = coverage
  }
}

/// The zone that decides about one device, and why that one.
public struct ZoneInUse: Equatable, Sendable {
  /// Its name.
  public let name: TimeZoneName
  /// Why it is used.
  public let origin: Origin

  /// Why a zone is used.
  public enum Origin: Equatable, Sendable {
    /// The policy names it.
    case policy
    /// The device is there.
    case device
    /// The device names no zone.
    case noneNamed
    /// The device names a zone that does not exist here.
    case unknown(String)
  }

  /// Joins a zone and the reason for it.
  public init(_ name: TimeZoneName, _ origin: Origin) {
    self.name = name
    if case .unknown(let text) = origin {
      self.origin = .unknown(String(text.prefix(64)))
    } else {
      self.origin = origin
    }
  }
}

extension Device {
  /// The time zone the device is in: its operators' tag `timezone` before what it reports itself
  /// as `timezone`, `timeZone` or `time_zone`; nil when neither says. The text may name no zone.
  public var timeZone: String? {
    if let tag = twin.tags.text("timezone"), !tag.isEmpty { return tag }
    return ReportedAttribute.timeZone.value(in: twin.reported)
  }
}

extension ReportedAttribute {
  /// The IANA name of the zone a device is in.
  public static let timeZone = ReportedAttribute(spellings: ["timezone", "timeZone", "time_zone"])
}
