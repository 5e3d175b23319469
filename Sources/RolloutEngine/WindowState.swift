// WindowState: whether a device is in its maintenance window, and what it is told when it is not.

public import UpdateModel

/// Where a device stands in the maintenance windows of a policy.
public enum WindowState: Equatable, Sendable {
  /// It may be granted; until then, or for as long as anybody can see when nil.
  case open(until: Instant?)
  /// It may not be granted before then; nil when that is not known.
  case closed(until: Instant?, by: LocalClock)

  /// Whose clocks a closed window was read from.
  public struct LocalClock: Equatable, Sendable {
    /// The zone, and why that one.
    public let zone: ZoneInUse
    /// How far these clocks are ahead of UTC when the window opens.
    public let offset: Interval
    /// Whether what the zone's clocks show could be found out.
    public let isReadable: Bool

    /// Joins a zone, its offset and whether that could be read.
    public init(_ zone: ZoneInUse, offset: Interval, isReadable: Bool = true) {
      self.zone = zone
      self.offset = offset
      self.isReadable = isReadable
    }
  }

  /// Finds out where a device stands.
  public init(_ hours: OpenHours, in zone: ZoneInUse, _ rules: TimeZoneRules, at now: Instant) {
    guard !hours.isOpen(at: now, in: rules) else {
      self = .open(until: hours.closes(at: now, in: rules))
      return
    }
    let opening = hours.nextOpening(after: now, in: rules)
    self = .closed(
      until: opening, by: LocalClock(zone, offset: rules.offset(at: opening ?? now)))
  }

  /// Why a device is not granted now; nil when its window does not forbid it.
  var refusal: Eligibility? {
    switch self {
    case .open: nil
    case .closed(let until, let clock): .deferred(.maintenanceWindow(until: until, by: clock))
    }
  }
}

extension WindowState.LocalClock {
  /// What a waiting device's page says: when its window opens, by its clocks.
  func sentence(until opening: Instant?) -> String {
    let reason =
      switch zone.origin {
      case .policy, .device: ""
      case .noneNamed: ", as the device names no time zone"
      case .unknown(let text): ", as the device's time zone '\(text)' is unknown"
      }
    guard isReadable else {
      return "waits: the time zone \(zone.name)\(reason) cannot be read; is tzdata installed?"
    }
    guard let opening else {
      let days = OpenHours.horizon.description
      return "waits for its maintenance window, which does not open within \(days), "
        + "\(zone.name)\(reason)"
    }
    return "waits for its maintenance window, which opens \(text(of: opening)), "
      + "\(zone.name)\(reason)"
  }

  // Local time with its offset (RFC 3339 section 5.6).
  private func text(of instant: Instant) -> String {
    let local = (instant + offset).description.dropLast()
    let minutes = abs(offset.wholeSeconds) / 60
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(local)\(offset < .zero ? "-" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
  }
}
