// Permissions: what a device may do now with what it was offered, for protocols that can say so.

import RolloutEngine
public import UpdateModel

/// What a device may do with an offered action.
public struct Permission: Equatable, Sendable {
  /// Whether it may download.
  public let download: Decision
  /// Whether it may install.
  public let install: Decision
  /// What it is to do before it installs, as it advertised that; nil for nothing.
  public let prepare: Name?
  /// What it is to do after it installed, as it advertised that; nil for nothing.
  public let resume: Name?
  /// Whether it may not put the update off any more.
  public let isForced: Bool

  /// An answer for one step.
  public enum Decision: Equatable, Sendable {
    /// Now.
    case allowed
    /// Not now: why, and until when if that is known.
    case refused(reason: String, until: Instant?)
  }
}

extension ControlPlane {
  /// Notes that a device can wait with the images at hand until it may install: it speaks a
  /// protocol that tells it so. To be called before its poll or report is looked at; forgotten at
  /// a restart.
  public func noteWaitsToInstall(_ device: DeviceID, in room: Room) {
    room.fleet.notePatience(of: device)
  }

  /// What a device may do now with an action that it was offered; nil when that is not its present
  /// one, or there is nothing to do with it.
  public func permission(
    for id: ActionID, of device: DeviceID, in room: Room
  ) -> Permission? {
    let now = clock.now
    return room.ledger.withLock { ledger -> Permission? in
      guard let (book, action) = ledger.book(of: device, action: id), action.id == id,
        let (known, _) = room.fleet.device(DeviceKey(tenant: room.tenant, device: device))
      else { return nil }
      return permission(for: action, of: known, in: book, ledger, room, now: now)
    }
  }

  /// As `permission(for:of:in:)`, with the ledger at hand.
  func permission(
    for action: Action, of device: Device, in book: RolloutBook, _ ledger: Ledger, _ room: Room,
    now: Instant
  ) -> Permission? {
    let outlook = outlook(of: device, action, in: book, ledger, room, now: now)
    let terms = ledger.releases[action.release]?.terms ?? .usual
    let policy = book.rollout.policy
    func advertised(_ name: Name?) -> Name? { name.flatMap { device.advertises($0) ? $0 : nil } }
    guard let decisions = ControlPlane.decisions(action, outlook, now: now) else { return nil }
    return Permission(
      download: decisions.download, install: decisions.install,
      prepare: advertised(terms.prepare ?? policy.prepare),
      resume: advertised(terms.resume ?? policy.resume),
      isForced: action.standby?.isForced ?? false)
  }

  private static func decisions(
    _ action: Action, _ outlook: DeviceOutlook, now: Instant
  ) -> (download: Permission.Decision, install: Permission.Decision)? {
    func decision(_ hindrance: Hindrance?) -> Permission.Decision {
      hindrance.map { .refused(reason: $0.clause, until: $0.until) } ?? .allowed
    }
    switch action.state {
    case .leased(let phase, _):
      // The way back, and what began with permission, is gone through with.
      guard action.kind == .update, phase < .installing else { return (.allowed, .allowed) }
      return (decision(outlook.beginning), decision(outlook.installation))
    case .retrying(let from):
      guard let standby = action.standby else { return nil }
      let refusal: Permission.Decision
      if standby.isUndecided {
        refusal = .refused(reason: "a person has to decide", until: nil)
      } else if now < from, !outlook.isApproved {
        refusal = .refused(reason: standby.clause, until: from)
      } else {
        let hindrance =
          outlook.hindrance(action) ?? Hindrance(.turn, "other devices have the slots")
        refusal = decision(hindrance)
      }
      return (refusal, refusal)
    case .ended: return nil
    }
  }
}

extension Device {
  /// The reported property in which a device lists what it can do.
  private static let capabilitiesProperty = "capabilities"

  /// Whether a device says that it can do something of a name.
  func advertises(_ name: Name) -> Bool {
    let listed = twin.reported.properties[Device.capabilitiesProperty]?.array ?? []
    return listed.contains { $0["name"]?.string == name.text }
  }
}
