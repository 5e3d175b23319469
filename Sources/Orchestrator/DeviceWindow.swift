// DeviceWindow: a device's maintenance window by its own clocks, and when it is to call again.

import RolloutEngine
import UpdateModel

/// Where a device stands in the windows of a policy.
struct DeviceWindow {
  /// What the engine decides on.
  var state = WindowState.open(until: nil)
  /// When the device is to ask again if its window is what it waits for: soon after the opening,
  /// not all devices of a zone in the same second.
  var opening: Instant?
  /// When it is to ask again if it waits in its window for something without a time, so that it
  /// does not sleep until the window has closed; nil when nothing closes.
  var recheck: Instant?
  /// A device that waits in its window asks once a minute at the most.
  private static let recheckMin = Interval.minutes(1)

  /// No windows: always open.
  init() {}

  /// Finds out how things stand. `spread` is how far apart devices should call after an opening;
  /// a quarter of the window is the most they get.
  init(
    _ hours: OpenHours, in zone: ZoneInUse, _ rules: TimeZoneRules, spread: Interval, salt: UInt64,
    now: Instant
  ) {
    state = WindowState(hours, in: zone, rules, at: now)
    switch state {
    case .open(let until):
      recheck = until.map { end in
        now
          + max(DeviceWindow.recheckMin, Interval(milliseconds: (end - now).milliseconds / 2))
      }
    case .closed(let until, _):
      opening = until.map { start in
        let length = hours.closes(at: start, in: rules).map { $0 - start } ?? OpenHours.horizon
        let room = min(spread.milliseconds, length.milliseconds / 4)
        return start + Interval(milliseconds: Int64(salt % UInt64(max(1, room))))
      }
    }
  }

  /// The zone cannot be told: nothing is granted, and it is looked again at the next poll.
  init(unreadable zone: ZoneInUse) {
    state = .closed(
      until: nil, by: WindowState.LocalClock(zone, offset: .zero, isReadable: false))
  }
}

extension ControlPlane {
  /// Where a device stands in the windows of a policy. Touches no disk: zones that were not loaded
  /// count as unreadable, see `missingZone`.
  func window(
    of device: Device, in schedule: MaintenanceSchedule?, _ room: Room, now: Instant
  ) -> DeviceWindow {
    guard let schedule else { return DeviceWindow() }
    let (zone, entry) = zone(of: device, in: schedule, now: now)
    guard case .rules(let rules) = entry else { return DeviceWindow(unreadable: zone) }
    var id = device.key.device.text
    let salt = id.withUTF8 { DeviceTable.hash(UnsafeRawBufferPointer($0)) }
    return DeviceWindow(
      schedule.hours, in: zone, rules, spread: .seconds(room.pollSeconds / 10), salt: salt,
      now: now)
  }

  /// A zone that must be loaded before a device's window can be told; nil when all are at hand.
  func missingZone(
    for device: Device, in schedule: MaintenanceSchedule?, now: Instant
  ) -> TimeZoneName? {
    guard let schedule else { return nil }
    let (zone, entry) = zone(of: device, in: schedule, now: now)
    return entry == nil ? zone.name : nil
  }

  /// Loads the zones that a device's window needs: not to be called with any lock held.
  func loadZones(for device: Device, in schedule: MaintenanceSchedule?, now: Instant) {
    // The device's own and, when there is no such zone, the one in its place.
    for _ in 0..<2 {
      guard let name = missingZone(for: device, in: schedule, now: now) else { return }
      timeZones.load(name, at: now)
    }
  }

  private func zone(
    of device: Device, in schedule: MaintenanceSchedule, now: Instant
  ) -> (ZoneInUse, TimeZoneShelf.Entry?) {
    let fallback: TimeZoneName
    switch schedule.zone {
    case .fixed(let name): return (ZoneInUse(name, .policy), timeZones.known(name, at: now))
    case .device(let name): fallback = name
    }
    guard let text = device.timeZone else {
      return (ZoneInUse(fallback, .noneNamed), timeZones.known(fallback, at: now))
    }
    if let name = TimeZoneName(text) {
      let entry = timeZones.known(name, at: now)
      if entry != .unknown { return (ZoneInUse(name, .device), entry) }
    }
    return (ZoneInUse(fallback, .unknown(text)), timeZones.known(fallback, at: now))
  }
}
