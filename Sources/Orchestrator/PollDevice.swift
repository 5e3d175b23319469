// PollDevice: a device asks whether there is something to do.

public import Crypto
import FleetStore
import RolloutEngine
import Synchronization
public import UpdateModel

/// What a device is told.
public enum PollAnswer: Sendable {
  /// Wrong or no credentials, or no such device.
  case refused
  /// Nothing to do.
  case idle(PollTerms)
  /// There is something to install.
  case deployment(ActionID, PollTerms)
  /// What was offered is to be stopped.
  case cancel(ActionID, PollTerms)
}

/// What goes with every answer to a poll.
public struct PollTerms: Sendable {
  /// How long to wait before the next poll.
  public let sleep: Interval
  /// Whether the device is to describe itself.
  public let wantsAttributes: Bool
  /// The answer may leave once this is durable; 0 for at once.
  public let ticket: UInt64
  /// What the device was last told, when nothing can have changed since; 0 otherwise.
  public let briefing: UInt32

  init(sleep: Interval, wantsAttributes: Bool, ticket: UInt64, briefing: UInt32 = 0) {
    self.sleep = sleep
    self.wantsAttributes = wantsAttributes
    self.ticket = ticket
    self.briefing = briefing
  }
}

extension ControlPlane {
  /// Zones that are loaded for one poll: the device's own and the fallback of some policies.
  private static let zonesPerPollMax = 4

  /// Answers a poll. The hot path, nothing to do, takes one lock and touches neither store nor
  /// heap.
  ///
  /// `key` is the fingerprint of the key that a TLS handshake proved the device to have. With
  /// `isPatient` the device may be told to stay away longer while nothing can happen, and can wait
  /// with the images at hand until it may install.
  public func poll(
    _ room: Room, device id: UnsafeRawBufferPointer, token: UnsafeRawBufferPointer,
    key: SHA256.Value? = nil, isPatient: Bool = false
  ) -> PollAnswer {
    let now = clock.now
    let digest = token.isEmpty ? nil : SHA256.value(of: token)
    let epoch = room.epoch
    let greeting = room.fleet.greet(id, token: digest, key: key, now: now)
    heed(greeting.news, of: id, in: room, at: now)
    switch greeting.result {
    case .wrongToken: return .refused
    case .unknownDevice:
      guard registerOnContact(room, id, token: digest, now: now) else { return .refused }
      return look(room, id, now: now, epoch: epoch, isPatient)
    case .accepted:
      guard greeting.idleEpoch != epoch else {
        return .idle(
          PollTerms(
            sleep: sleep(room, id, .mayGetItsTurn, now: now, isPatient),
            wantsAttributes: greeting.wantsAttributes, ticket: 0,
            briefing: greeting.briefing))
      }
      return look(room, id, now: now, epoch: epoch, isPatient)
    }
  }

  /// Checks a device's token or key, see `poll`, and notes that it was heard.
  public func authenticate(
    _ room: Room, device id: UnsafeRawBufferPointer, token: UnsafeRawBufferPointer,
    key: SHA256.Value? = nil
  ) -> DeviceID? {
    guard !token.isEmpty || key != nil else { return nil }
    let now = clock.now
    let digest = token.isEmpty ? nil : SHA256.value(of: token)
    let greeting = room.fleet.greet(id, token: digest, key: key, now: now)
    guard case .accepted = greeting.result else { return nil }
    heed(greeting.news, of: id, in: room, at: now)
    // A device in the table has a valid id.
    return try? DeviceID(String(decoding: id, as: UTF8.self))
  }

  private func sleep(
    _ room: Room, _ id: UnsafeRawBufferPointer, _ occasion: PollPacing.Occasion, now: Instant,
    _ isPatient: Bool
  ) -> Interval {
    let usual = Interval.seconds(room.pollSeconds)
    let pacing = PollPacing(
      usual: usual, quiet: isPatient ? .seconds(room.quietPollSeconds) : usual,
      fleetSize: fleetSize.load(ordering: .relaxed), pollsPerSecondMax: pollsPerSecondMax)
    let salt = DeviceTable.hash(id) &+ UInt64(bitPattern: now.milliseconds)
    let isQuiet = occasion == .mayGetItsTurn && room.isQuiet
    return pacing.wait(for: isQuiet ? .nothingOpen : occasion, salt: salt, now: now)
  }

  private func look(
    _ room: Room, _ id: UnsafeRawBufferPointer, now: Instant, epoch: UInt32, _ isPatient: Bool
  ) -> PollAnswer {
    // It was found in the table, so it is valid.
    guard let device = try? DeviceID(String(decoding: id, as: UTF8.self)) else { return .refused }
    if isPatient { room.fleet.notePatience(of: device) }
    var finding = consider(device, room, now: now, epoch: epoch)
    for _ in 0..<ControlPlane.zonesPerPollMax {
      guard case .needsZone(let zone) = finding else { break }
      // The first device of a zone has its few kilobytes read, once a day.
      timeZones.load(zone, at: now)
      finding = consider(device, room, now: now, epoch: epoch)
    }
    guard let finding else { return .refused }
    let wants = room.fleet.view(device)?.wantsAttributes ?? false
    func terms(_ ticket: UInt64, _ occasion: PollPacing.Occasion = .mayGetItsTurn) -> PollTerms {
      PollTerms(
        sleep: sleep(room, id, occasion, now: now, isPatient), wantsAttributes: wants,
        ticket: ticket)
    }
    switch finding {
    case .nothing(let ticket): return .idle(terms(ticket))
    case .needsZone: return .idle(terms(0))
    case .later(let until, let ticket):
      return .idle(terms(ticket, until.map { .turn($0) } ?? .mayGetItsTurn))
    case .standing(let action, let until, let ticket):
      return .deployment(action, terms(ticket, until.map { .turn($0) } ?? .busy))
    case .leased(let action, let ticket): return .deployment(action, terms(ticket, .busy))
    case .cancelling(let action, let ticket): return .cancel(action, terms(ticket, .busy))
    }
  }

  private func consider(
    _ device: DeviceID, _ room: Room, now: Instant, epoch: UInt32
  ) -> Finding? {
    room.ledger.withLock { ledger -> Finding? in
      // All in one: what changes a device holds this lock too, so neither is an old state decided
      // on nor a device marked that has just changed.
      guard let (known, _) = room.fleet.device(DeviceKey(tenant: room.tenant, device: device)),
        let view = room.fleet.view(device)
      else { return nil }
      let finding = consider(known, view, room, &ledger, now: now)
      room.noteQuiet(ledger.isQuiet(at: now))
      if case .nothing = finding {
        room.fleet.markIdle(device, epoch: epoch)
      } else {
        room.fleet.markIdle(device, epoch: Fleet.waits)
      }
      return finding
    }
  }
}

/// What the ledger has for a device.
enum Finding {
  /// Nothing, until the ledger's epoch changes.
  case nothing(ticket: UInt64)
  /// Nothing yet: the rules of a time zone must be loaded first, without the ledger's lock.
  case needsZone(TimeZoneName)
  /// Nothing now, maybe later.
  case later(until: Instant?, ticket: UInt64)
  /// What it stands by with, shown to a device that can wait; when that may be over.
  case standing(ActionID, until: Instant?, ticket: UInt64)
  /// A lease.
  case leased(ActionID, ticket: UInt64)
  /// A lease that is to be stopped.
  case cancelling(ActionID, ticket: UInt64)
}
