// ApproveEnrolment: devices that wait for a person, and what the person says.

import Crypto
import FleetStore
public import UpdateModel

extension ControlPlane {
  /// Puts a request in line; throws when the line is full.
  ///
  /// To be called with the ledger's lock held.
  func queue(
    _ request: EnrolmentRequest, as device: DeviceID?, _ reason: String, in room: Room,
    _ ledger: inout Ledger, at now: Instant
  ) throws(Problem) {
    let key = request.key.key
    if ledger.enrolment.pending[key.digest] != nil {
      // Asking again changes nothing that has to be stored.
      ledger.enrolment.pending[key.digest]?.lastAsked = now
      return
    }
    var changes = dropOld(in: room, &ledger, at: now)
    guard ledger.enrolment.pending.count < PendingEnrolment.countMax else {
      throw Problem(
        .limitReached,
        "\(PendingEnrolment.countMax) devices wait for a person already; come again later")
    }
    let waiting = PendingEnrolment(
      kind: key.kind.credentialKind, publicKey: key.derBytes, fingerprint: key.digest,
      device: device, hardware: request.hardware, reason: reason, since: now)
    ledger.enrolment.pending[key.digest] = waiting
    changes.append(
      .document(
        room.tenant, StoredDocument(.pending, id: key.digest.description, waiting.document)))
    if let device, room.fleet.contains(device) {
      let owner = DeviceKey(tenant: room.tenant, device: device)
      changes.append(
        note(.credential, "key \(key.digest.short) asks to be this device: \(reason)", of: owner))
    }
    room.noteChange()
    ledger.lastTicket = store.enqueue(changes)
  }

  private func dropOld(
    in room: Room, _ ledger: inout Ledger, at now: Instant
  ) -> [Change] {
    guard ledger.enrolment.pending.count >= PendingEnrolment.countMax else { return [] }
    let old = ledger.enrolment.pending.values.filter {
      $0.lastAsked + PendingEnrolment.lifetime < now
    }
    return old.map { request in
      ledger.enrolment.pending[request.fingerprint] = nil
      return .deleteDocument(room.tenant, .pending, request.fingerprint.description)
    }
  }

  /// The devices that wait, oldest first.
  public func pendingEnrolments(in room: Room) -> [PendingEnrolment] {
    let now = clock.now
    return room.ledger.withLock { Array($0.enrolment.pending.values) }
      .filter { now < $0.lastAsked + PendingEnrolment.lifetime }
      .sorted { ($0.since, $0.fingerprint.description) < ($1.since, $1.fingerprint.description) }
  }

  /// Lets a device in: as the one that it asked to be, or as another one. A device that has
  /// credentials loses them: its place is taken.
  public func approve(
    _ fingerprint: String, as wanted: DeviceID? = nil, by label: String, in room: Room
  ) throws(Problem) -> (device: DeviceID, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let waiting = try ControlPlane.find(fingerprint, ledger)
      let asked = wanted ?? waiting.device
      let id: DeviceID
      if let asked { id = asked } else { id = try ControlPlane.drawnID(waiting.fingerprint) }
      let known = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device
      guard known?.state != .retired else {
        throw Problem(.conflict, "device \(id) is retired; approve the request as another one")
      }
      // Its key may have become another device's meanwhile.
      if let owner = ledger.enrolment.keys[waiting.fingerprint], owner != id {
        throw Problem(.conflict, "this key is known as device \(owner) already; reject the request")
      }
      admit(
        Credential(
          kind: waiting.kind, fingerprint: waiting.fingerprint, publicKey: waiting.publicKey,
          notBefore: now, createdAt: now),
        as: id, hardware: waiting.hardware,
        "enrolled with key \(waiting.fingerprint.short), approved by \(label)", in: room, &ledger,
        at: now)
      return (id, ledger.lastTicket)
    }
  }

  /// Turns a device away. It may ask again.
  public func reject(
    _ fingerprint: String, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      let waiting = try ControlPlane.find(fingerprint, ledger)
      ledger.enrolment.pending[waiting.fingerprint] = nil
      var changes: [Change] = [
        .deleteDocument(room.tenant, .pending, waiting.fingerprint.description)
      ]
      if let device = waiting.device, room.fleet.contains(device) {
        changes.append(
          note(
            .credential, "key \(waiting.fingerprint.short) was turned away by \(label)",
            of: DeviceKey(tenant: room.tenant, device: device)))
      }
      room.noteChange()
      ledger.lastTicket = store.enqueue(changes)
      return ledger.lastTicket
    }
  }

  private static func drawnID(_ fingerprint: Digest) throws(Problem) -> DeviceID {
    do throws(InvalidValue) { return try DeviceID("device-\(fingerprint.short)") } catch {
      throw Problem(error)
    }
  }

  // By the fingerprint or a start of it that no other has.
  private static func find(_ text: String, _ ledger: Ledger) throws(Problem) -> PendingEnrolment {
    let wanted = text.lowercased()
    let found = ledger.enrolment.pending.values.filter {
      wanted.utf8.count >= 8 && $0.fingerprint.description.hasPrefix(wanted)
    }
    guard let only = found.first, found.count == 1 else {
      throw Problem(
        found.isEmpty ? .notFound : .conflict,
        found.isEmpty
          ? "no device waits with a key \(text.prefix(80)); it may have been let in or turned away"
          : "several keys start with \(text.prefix(80)); give more digits")
    }
    return only
  }
}
