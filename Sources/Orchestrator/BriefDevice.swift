// BriefDevice: everything that one poll of the native protocol tells a device.

public import Crypto
import FleetStore
public import RolloutEngine
public import UpdateModel

/// What a device is told.
public struct Briefing: Sendable {
  /// Which device.
  public let device: DeviceID
  /// Whether it gets recovery releases only.
  public let isQuarantined: Bool
  /// How long to wait before the next poll.
  public let pollAfter: Interval
  /// Whether it is to describe itself.
  public let wantsReport: Bool
  /// What it should be.
  public let desired: TwinSection
  /// What it is told to do and did not acknowledge, the oldest first.
  public let commands: [Command]
  /// What it holds a lease for, or stands by with; nil for nothing.
  public let offer: Offer?
  /// The lease that it is to give up; nil for none.
  public let cancelling: ActionID?
  /// The answer may leave once this is durable; 0 for at once.
  public let ticket: UInt64
  /// An answer that shows the desired properties may leave once this is durable; 0 for at once.
  public let desiredTicket: UInt64

  /// A lease and what it is for.
  public struct Offer: Sendable {
    /// The attempt, its number and whether it goes forward or back.
    public let action: Action
    /// What is to be installed.
    public let release: Release
    /// One image per component.
    public let artifacts: [Artifact]
    /// What the device may do with it now.
    public let permission: Permission
  }
}

/// The answer to a poll of the native protocol.
public enum BriefingAnswer: Sendable {
  /// Wrong or no credentials, or no such device.
  case refused
  /// The device knows all there is; what it waits for and for how long.
  case unchanged(PollTerms)
  /// There may be something new.
  case briefing(Briefing)
}

/// A moment at which a device had nothing new to hear; an equal one later means that it still has
/// not, unless time alone brings something.
public struct QuietMark: Equatable, Sendable {
  fileprivate let epoch: UInt32
  fileprivate let looked: UInt32
}

extension ControlPlane {
  /// Answers a poll. `known` names what the device was told before; when nothing can have changed
  /// since, this takes one lock and touches neither store nor heap.
  public func brief(
    _ room: Room, device id: UnsafeRawBufferPointer, token: UnsafeRawBufferPointer,
    key: SHA256.Value? = nil, known: UInt32?
  ) -> BriefingAnswer {
    switch poll(room, device: id, token: token, key: key, isPatient: true) {
    case .refused: return .refused
    case .idle(let terms):
      if let known, known != 0, known == terms.briefing { return .unchanged(terms) }
      return briefing(room, id, terms, action: nil, isToStop: false)
    case .deployment(let action, let terms):
      return briefing(room, id, terms, action: action, isToStop: false)
    case .cancel(let action, let terms):
      return briefing(room, id, terms, action: action, isToStop: true)
    }
  }

  private func briefing(
    _ room: Room, _ id: UnsafeRawBufferPointer, _ terms: PollTerms, action: ActionID?,
    isToStop: Bool
  ) -> BriefingAnswer {
    // It was found in the table, so it is valid.
    guard let device = try? DeviceID(String(decoding: id, as: UTF8.self)),
      let known = room.fleet.device(DeviceKey(tenant: room.tenant, device: device))?.device
    else { return .refused }
    let now = clock.now
    let pending = pendingCommands(for: device, in: room, now: now)
    let offer = isToStop ? nil : action.flatMap { self.offer($0, to: known, in: room) }
    let pollAfter = pending.askAgain.map { min(terms.sleep, max(.seconds(1), $0 - now)) }
    return .briefing(
      Briefing(
        device: device, isQuarantined: known.state == .quarantined,
        pollAfter: pollAfter ?? terms.sleep, wantsReport: terms.wantsAttributes,
        desired: known.twin.desired, commands: pending.commands, offer: offer,
        cancelling: isToStop ? action : nil, ticket: max(terms.ticket, pending.ticket),
        // A version that is lost again would come back with other properties, and the device would
        // take them for those that it has.
        desiredTicket: known.twin.desired.version > 0 ? lastTicket(in: room) : 0))
  }

  private func offer(_ id: ActionID, to device: Device, in room: Room) -> Briefing.Offer? {
    let now = clock.now
    return room.ledger.withLock { ledger in
      guard let (book, action) = ledger.book(of: device.key.device, action: id), action.id == id,
        action.isLeased || (action.standby != nil && book.rollout.status.grantsUpdates),
        !book.isToStop(action), let release = ledger.releases[action.release],
        let hardware = device.hardware,
        let permission = permission(
          for: action, of: device, in: book, ledger, room, now: now)
      else { return nil }
      return Briefing.Offer(
        action: action, release: release,
        artifacts: ledger.artifacts(of: action.release, for: hardware), permission: permission)
    }
  }

  /// Once this is durable, all is that a reader sees now.
  public func lastTicket(in room: Room) -> UInt64 { room.ledger.withLock { $0.lastTicket } }

  /// Keeps the name of what a device was told; to be called before the answer leaves.
  public func noteBriefing(_ tag: UInt32, of device: DeviceID, in room: Room) {
    room.fleet.noteBriefing(device, tag)
  }

  /// Marks the present moment for a device that was told all; nil when there is news already.
  public func quiet(of device: DeviceID, in room: Room) -> QuietMark? {
    let epoch = room.epoch
    let looked = room.fleet.idleEpoch(of: device)
    guard looked == epoch || looked == Fleet.waits else { return nil }
    return QuietMark(epoch: epoch, looked: looked)
  }
}
