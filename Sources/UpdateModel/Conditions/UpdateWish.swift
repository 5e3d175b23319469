// UpdateWish: when a device, or the person who uses it, wants to be updated.

/// What a device reports as `autoUpdate`.
public enum UpdateWish: Equatable, Sendable {
  /// At any time; also when it says nothing.
  case always
  /// Only after somebody approved it there.
  case manual
  /// Each day between two readings of its clocks.
  case at(MaintenanceWindow)
  /// Something that cannot be read; counts as `always`, and is shown wherever the device is.
  ///
  /// A wish is for comfort; what protects a device are conditions. Held back until somebody
  /// corrects it, a device whose firmware writes its wish wrongly would never get the firmware that
  /// does not.
  case malformed(String)

  /// The reported property.
  public static let property = "autoUpdate"
  /// The reported property by which the user of a device approves: `true`, or the version.
  public static let approvalProperty = "updateApproved"

  /// Reads `always`, `manual` or `at 02:00-04:00`.
  public init(_ text: String?) {
    switch text {
    case nil, "always", "": self = .always
    case "manual": self = .manual
    case let text?:
      self = UpdateWish.window(text).map(UpdateWish.at) ?? .malformed(String(text.prefix(64)))
    }
  }

  /// The wish of a device.
  public init(of device: Device) {
    switch device.twin.reported.properties[UpdateWish.property] {
    case .array?: self = .malformed("an array")
    case .object?: self = .malformed("an object")
    case nil, .null?, .bool?, .integer?, .decimal?, .string?:
      self.init(device.twin.reported.text(UpdateWish.property))
    }
  }

  /// Why the wish cannot be read, to follow the name of a device or "it"; nil for one that can.
  public var fault: String? {
    guard case .malformed(let text) = self else { return nil }
    let shape =
      text.hasPrefix("at ")
      ? "a time of its day is two different readings of 24 hours, as in at 02:00-04:00"
      : "it is none of always, manual, and a time of its day such as at 02:00-04:00"
    return "reports a wish that cannot be read, \(UpdateWish.property) \(text), and counts as "
      + "always: \(shape)"
  }

  private static func window(_ text: String) -> MaintenanceWindow? {
    guard text.hasPrefix("at "), text.utf8.count == 14 else { return nil }
    let times = text.dropFirst(3).split(separator: "-", omittingEmptySubsequences: false)
    guard times.count == 2, let from = MaintenanceWindow.minutes(String(times[0])),
      let to = MaintenanceWindow.minutes(String(times[1])), from < 1440
    else { return nil }
    return MaintenanceWindow(days: Set(Weekday.allCases), from: from, to: to)
  }

  /// The wish as windows by the device's own clocks; nil when it names no times.
  public func schedule(fallback: TimeZoneName) -> MaintenanceSchedule? {
    guard case .at(let window) = self, let hours = OpenHours([window]) else { return nil }
    return MaintenanceSchedule(
      hours: hours, zone: .device(fallback: fallback), appliesToRollback: false)
  }

  /// Whether the user of a device approved a version there.
  public static func isApproved(_ version: FirmwareVersion, on device: Device) -> Bool {
    guard let text = device.twin.reported.text(approvalProperty) else { return false }
    return text == "true" || text == version.text
  }
}

/// Whether a policy does what devices wish.
public enum WishRule: String, Sendable, CaseIterable {
  /// It does, for as long as `postpone` lets a device put its update off.
  case honour
  /// It does not.
  case ignore
}
