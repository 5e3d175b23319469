// LocalConditions: what the device itself demands before it downloads or installs. Pure.

/// What the device measured of itself; nothing where it cannot know.
public struct LocalFacts: Equatable, Sendable {
  /// Whether somebody uses the device.
  public var isInUse: Bool?
  /// Charge in percent, 0 to 100; nothing without a battery.
  public var batteryPercent: Int?
  /// Whether it is fed from outside.
  public var isCharging: Bool?
  /// Bytes free for downloads.
  public var freeBytes: Int64?
  /// Local time in minutes after midnight, 0 to 1439.
  public var minuteOfDay: Int?

  /// Joins what is known.
  public init(
    isInUse: Bool? = nil, batteryPercent: Int? = nil, isCharging: Bool? = nil,
    freeBytes: Int64? = nil, minuteOfDay: Int? = nil
  ) {
    self.isInUse = isInUse
    self.batteryPercent = batteryPercent
    self.isCharging = isCharging
    self.freeBytes = freeBytes
    self.minuteOfDay = minuteOfDay
  }
}

/// Why the device waits, in words for the server and its people.
public enum LocalVerdict: Equatable, Sendable {
  /// Nothing is in the way.
  case allowed
  /// Not now; the server hears the reason with `postponed`.
  case postponed(reason: String)
  /// Never as things are; the update fails with this.
  case refused(UpdateFailure)
}

/// The rules of the device.
public struct LocalConditions: Equatable, Sendable {
  /// Least charge to install on battery, in percent; 0 to 100. Losing power while writing is
  /// survived, but costs a whole write.
  public var batteryPercentMin = 20
  /// Bytes that stay free whatever is downloaded.
  public var reserveBytes: Int64 = 4 << 20
  /// The wish of the owner.
  public var autoUpdate = AutoUpdate.always

  /// The rules of a device without any of its own.
  public init() {}

  /// Whether an update may be downloaded. `missingBytes` are those of its images that are not in
  /// part files yet.
  public func download(
    missingBytes: Int64, isSafeMode: Bool, _ facts: LocalFacts
  ) -> LocalVerdict {
    precondition(missingBytes >= 0, "what is missing has a length")
    if let free = facts.freeBytes, free - reserveBytes < missingBytes {
      return .refused(
        UpdateFailure(
          .storage,
          "\(missingBytes) bytes are to be downloaded and only \(max(0, free - reserveBytes)) are "
            + "free for them"))
    }
    if isSafeMode { return .allowed }
    return battery(facts)
  }

  /// Whether a verified update may be installed. A forced one, and one that a person at the device
  /// allowed, waits for no use and no window, but for energy. In safe mode nothing is waited for.
  public func install(
    isForced: Bool, isAllowedByPerson: Bool, isSafeMode: Bool, _ facts: LocalFacts
  ) -> LocalVerdict {
    if isSafeMode { return .allowed }
    let energy = battery(facts)
    guard energy == .allowed, !isForced, !isAllowedByPerson else { return energy }
    if facts.isInUse == true { return .postponed(reason: "the device is in use") }
    switch autoUpdate {
    case .always: return .allowed
    case .manual: return .postponed(reason: "the owner installs updates by hand")
    case .daily:
      // A device that does not know the time of day cannot keep the window; it waits for a person.
      guard let minute = facts.minuteOfDay else {
        return .postponed(reason: "the device does not know its local time")
      }
      return autoUpdate.contains(minuteOfDay: minute)
        ? .allowed : .postponed(reason: "the owner wants updates \(autoUpdate)")
    }
  }

  private func battery(_ facts: LocalFacts) -> LocalVerdict {
    guard let percent = facts.batteryPercent, facts.isCharging != true,
      percent < batteryPercentMin
    else { return .allowed }
    return .postponed(
      reason: "the battery is at \(percent) % and \(batteryPercentMin) % are needed")
  }
}
