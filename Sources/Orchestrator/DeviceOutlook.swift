// DeviceOutlook: what the windows, conditions and wishes of the moment mean for one device.

import RolloutEngine
import UpdateModel

/// Whether a device may download and whether it may install, as things are now.
struct DeviceOutlook {
  /// Where it stands in the maintenance windows of the policy.
  var window = DeviceWindow()
  /// What of its state keeps it from downloading.
  var download: [Hindrance] = []
  /// What of its state, or its wish, keeps it from installing.
  var install: [Hindrance] = []
  /// Whether its user approved the release.
  var isApproved = false
  /// Whether it can wait with the images at hand until it may install.
  var isPatient = false
  /// Whether a window only has to be open for the installation.
  var isWindowForInstall = false
  /// What a security update passes over.
  var overridden: [Hindrance] = []

  /// What keeps it from installing, its window included; what protects the device comes first.
  var installation: Hindrance? {
    DeviceOutlook.first(install + [closedWindow].compactMap(\.self))
  }

  /// Its maintenance window while that is closed.
  var closedWindow: Hindrance? {
    guard case .closed(let until, _) = window.state else { return nil }
    return Hindrance(.window, "it is outside of its maintenance window", until: until)
  }

  /// What keeps it from beginning to download, apart from windows.
  var beginning: Hindrance? { DeviceOutlook.first(isPatient ? download : download + install) }

  /// Whether its next step is to install images that it has.
  func installs(_ action: Action?) -> Bool { isPatient && action?.standby?.hasImage ?? false }

  /// The window that counts for its next step.
  func grantWindow(_ action: Action?) -> DeviceWindow {
    // With the images at hand the window is one of the hindrances.
    if installs(action) || (isPatient && isWindowForInstall) { return DeviceWindow() }
    return window
  }

  /// What keeps it from its next step.
  func hindrance(_ action: Action?) -> Hindrance? { installs(action) ? installation : beginning }

  private static func first(_ all: [Hindrance]) -> Hindrance? {
    all.first { !$0.kind.isComfort } ?? all.first
  }
}

extension ControlPlane {
  /// How things stand for a device in a rollout; `action` is its part so far. Touches no disk:
  /// zones that were not loaded count as unreadable, see `missingZone`.
  func outlook(
    of device: Device, _ action: Action?, in book: RolloutBook, _ ledger: Ledger, _ room: Room,
    now: Instant
  ) -> DeviceOutlook {
    let policy = book.rollout.policy
    let release = ledger.releases[action?.release ?? book.release.id] ?? book.release
    let isUrgent =
      book.release.terms.isSecurity || book.rollout.specification.terms.isSecurity
    let isOverriding = overrides(release, policy, isUrgent: isUrgent)
    let isForced = action?.standby?.isForced ?? false
    var outlook = outlook(
      of: device, release, policy, sparesNobody: isForced || isOverriding, ledger, room, now: now)
    outlook.isPatient = room.fleet.isPatient(device.key.device)
    if isOverriding, !isForced {
      let usual = self.outlook(
        of: device, release, policy, sparesNobody: false, ledger, room, now: now)
      outlook.overridden =
        (usual.download + usual.install).filter(\.kind.isComfort)
        + [usual.closedWindow].compactMap(\.self)
    }
    return outlook
  }

  /// Whether a security update passes over comfort and wishes under a policy.
  func overrides(_ release: Release, _ policy: Policy, isUrgent: Bool = false) -> Bool {
    policy.securityOverrides && (isUrgent || release.terms.isSecurity)
  }

  /// How things stand under a policy. Nothing is looked up that neither policy nor release asks
  /// for: this is asked at most polls that are not idle.
  func outlook(
    of device: Device, _ release: Release, _ policy: Policy, sparesNobody: Bool, _ ledger: Ledger,
    _ room: Room, now: Instant
  ) -> DeviceOutlook {
    var outlook = DeviceOutlook()
    if let schedule = policy.windows, !sparesNobody {
      outlook.window = window(of: device, in: schedule, room, now: now)
      outlook.isWindowForInstall = schedule.coverage == .install
    }
    outlook.isApproved = UpdateWish.isApproved(release.version, on: device)
    if policy.wish == .honour, !sparesNobody, !outlook.isApproved,
      let wish = wish(of: device, release, policy, room, now: now)
    {
      outlook.install.append(wish)
    }
    let asked = [release.terms.conditions, policy.conditions]
    guard asked.contains(where: { !$0.isEmpty }) else { return outlook }
    let bytes =
      asked.contains(where: \.asksForImageBytes) ? ledger.bytes(of: release.id, for: device) : 0
    let subject = ConditionSubject(device, imageBytes: bytes, now: now)
    for conditions in asked {
      outlook.download += conditions.download.hindrances(of: subject, sparesNobody: sparesNobody)
      outlook.install += conditions.install.hindrances(of: subject, sparesNobody: sparesNobody)
    }
    return outlook
  }

  private func wish(
    of device: Device, _ release: Release, _ policy: Policy, _ room: Room, now: Instant
  ) -> Hindrance? {
    switch UpdateWish(of: device) {
    case .always, .malformed: return nil
    case .manual:
      return Hindrance(
        .wish, "its user wants to approve updates, and has not approved \(release.version)")
    case .at(let times):
      let schedule = UpdateWish.at(times).schedule(fallback: policy.windows?.fallback ?? .utc)
      let found = window(of: device, in: schedule, room, now: now)
      // A wish whose clocks nobody can read counts as none.
      guard case .closed(let until, let clock) = found.state, clock.isReadable else { return nil }
      return Hindrance(
        .wish,
        "it wants to be updated at another time of its day, by the clocks of \(clock.zone.name)",
        until: until)
    }
  }

  /// The windows that count for a device in a rollout: those of the policy, and those that the
  /// device wishes for.
  func schedules(for device: Device, in book: RolloutBook) -> [MaintenanceSchedule] {
    let policy = book.rollout.policy
    let own =
      policy.wish == .honour
      ? UpdateWish(of: device).schedule(fallback: policy.windows?.fallback ?? .utc) : nil
    return [policy.windows, own].compactMap(\.self)
  }
}

/// What would keep devices from beginning now, for a plan.
struct HindranceOutlook {
  private let plane: ControlPlane
  private let room: Room
  private let release: Release
  private let policy: Policy
  private let ledger: Ledger
  private let now: Instant

  init(_ plane: ControlPlane, _ room: Room, _ release: Release, _ policy: Policy, now: Instant) {
    self.plane = plane
    self.room = room
    self.release = release
    self.policy = policy
    self.now = now
    ledger = room.ledger.withLock { $0.selectionCopy() }
  }

  /// What keeps a device from downloading or installing. Loads the zones of wishes: not to be
  /// called with a lock held.
  func hindrance(of device: Device) -> Hindrance? {
    let wish = UpdateWish(of: device).schedule(fallback: policy.windows?.fallback ?? .utc)
    if policy.wish == .honour { plane.loadZones(for: device, in: wish, now: now) }
    return plane.outlook(
      of: device, release, policy, sparesNobody: plane.overrides(release, policy), ledger, room,
      now: now
    ).beginning
  }
}

extension Ledger {
  /// What the engine needs to know about a device whose outlook is known.
  func candidate(
    _ device: Device, _ action: Action?, in book: RolloutBook, _ outlook: DeviceOutlook
  ) -> Candidate {
    var candidate = candidate(device, in: book, window: outlook.grantWindow(action).state)
    candidate.hindrance = outlook.hindrance(action)
    candidate.isApproved = outlook.isApproved
    return candidate
  }
}
