// ProvisionBatch: places for many devices at once, each with a code that makes a unit that device.
//
// The ledger is taken for a portion at a time, so that polls never wait for a hundred thousand
// devices. All ids are looked at before the first one is touched. A batch counts once it is
// complete: one that a crash or a conflict cut short is undone, and nobody ever saw its codes.
// Places that were there before keep what they had, so that labels in use stay good.

import Crypto
import FleetStore
public import UpdateModel

/// What a batch is made from.
public struct BatchRequest: Sendable {
  /// The ids of its devices.
  public enum Identifiers: Sendable {
    /// Numbers in a pattern, from the first one on.
    case pattern(DeviceIDPattern, from: Int)
    /// Drawn by chance.
    case drawn
    /// These. Places without credentials that are there already get a code; one that they had
    /// before is good for nothing then.
    case listed([DeviceID])
  }

  /// What people call it.
  public var name: String
  /// More words.
  public var note = ""
  /// The colour of its labels.
  public var colour: String?
  /// Devices in it.
  public var count: Int
  /// Their hardware model.
  public var hardware: Name?
  /// Tags they start with.
  public var tags: [String: String] = [:]
  /// Groups they start in.
  public var groups: [Name] = []
  /// How long the codes are good.
  public var lifetime = Batch.usualLifetime
  /// Ways in which they may enrol.
  public var ways: Set<EnrolmentWay> = [.claim]
  /// Their ids.
  public var identifiers = Identifiers.drawn

  /// A batch of so many devices.
  public init(name: String, count: Int) {
    self.name = name
    self.count = count
  }
}

/// A device and its code.
public struct ProvisionedDevice: Sendable {
  /// The device.
  public let device: DeviceID
  /// Makes one unit this device; kept nowhere.
  public let code: ClaimCode
}

extension ControlPlane {
  /// Devices put in under one hold of the ledger; about a millisecond.
  private static let portion = 500
  /// Portions that may wait for the disk before the next one is made.
  private static let portionsAhead = 20

  /// Makes a batch; all of it or nothing. Takes seconds for many devices: not for event loops.
  public func provision(
    _ request: BatchRequest, by label: String, in room: Room
  ) throws(Problem) -> (batch: Batch, devices: [ProvisionedDevice], ticket: UInt64) {
    try requireStore()
    let now = clock.now
    let ids = try ids(for: request)
    // Two batches by the same pattern are a mistake, and would void the labels of the first.
    let isListed = if case .listed = request.identifiers { true } else { false }
    for id in ids {
      guard let known = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device else {
        continue
      }
      try ControlPlane.requirePlace(known, isListed: isListed, at: now)
    }
    var batch = try open(request, count: ids.count, by: label, in: room, at: now)
    var places: [ProvisionedDevice] = []
    places.reserveCapacity(ids.count)
    do throws(Problem) {
      for id in ids {
        places.append(ProvisionedDevice(device: id, code: try newClaimCode()))
      }
      var tickets: [UInt64] = []
      for start in stride(from: 0, to: places.count, by: ControlPlane.portion) {
        let portion = places[start..<min(start + ControlPlane.portion, places.count)]
        tickets.append(try put(portion, of: batch, isListed: isListed, in: room, at: now))
        // The line to the disk is shared with everybody.
        if tickets.count > ControlPlane.portionsAhead {
          try wait(for: tickets[tickets.count - ControlPlane.portionsAhead])
        }
      }
    } catch {
      discard(batch.id, in: room)
      throw error
    }
    batch.isComplete = true
    let complete = batch
    let ticket = room.ledger.withLock { ledger in
      ledger.enrolment.batches[complete.id] = complete
      ledger.lastTicket = store.enqueue(ControlPlane.change(complete, room))
      return ledger.lastTicket
    }
    room.noteChange()
    return (batch, places, ticket)
  }

  private func ids(for request: BatchRequest) throws(Problem) -> [DeviceID] {
    var ids: [DeviceID]
    do throws(InvalidValue) {
      switch request.identifiers {
      case .listed(let listed): ids = listed
      case .pattern(let pattern, let start):
        guard (1...Batch.countMax).contains(request.count) else {
          throw InvalidValue(field: "count", reason: "give 1 to \(Batch.countMax) devices")
        }
        ids = try pattern.ids(from: start, count: request.count)
      case .drawn:
        guard (1...Batch.countMax).contains(request.count) else {
          throw InvalidValue(field: "count", reason: "give 1 to \(Batch.countMax) devices")
        }
        ids = []
        while ids.count < request.count { ids.append(try DeviceID(try drawnName())) }
      }
    } catch { throw Problem(error) }
    guard Set(ids).count == ids.count else {
      throw Problem(.conflict, "an id is in the list twice; nothing was provisioned")
    }
    return ids
  }

  // 80 bits, so that none is drawn twice.
  private func drawnName() throws(InvalidValue) -> String {
    do throws(CryptoError) { return "device-" + Hex.encode(try randomness.bytes(10)) } catch {
      throw InvalidValue(field: "id", reason: "cannot be drawn: \(error)")
    }
  }

  private func open(
    _ request: BatchRequest, count: Int, by label: String, in room: Room, at now: Instant
  ) throws(Problem) -> Batch {
    guard Batch.lifetimes.contains(request.lifetime) else {
      throw Problem(
        InvalidValue(field: "expires", reason: "codes are good for 1m to 3650d; give such a time"))
    }
    return try room.ledger.withLock { ledger throws(Problem) in
      for group in request.groups {
        guard let known = ledger.groups[group], known.group.membership != .explicit else {
          continue
        }
        throw Problem(.conflict, "group \(group) has a filter; its members follow from it")
      }
      let id = (ledger.enrolment.batches.keys.max() ?? 0) + 1
      let batch: Batch
      do throws(InvalidValue) {
        batch = try Batch(
          id: id, name: request.name, note: request.note, colour: request.colour, count: count,
          hardware: request.hardware, tags: request.tags, groups: request.groups,
          expires: now + request.lifetime, ways: request.ways, createdAt: now, createdBy: label)
      } catch { throw Problem(error) }
      ledger.enrolment.batches[id] = batch
      ledger.lastTicket = store.enqueue(ControlPlane.change(batch, room))
      return batch
    }
  }

  private func put(
    _ places: ArraySlice<ProvisionedDevice>, of batch: Batch, isListed: Bool, in room: Room,
    at now: Instant
  ) throws(Problem) -> UInt64 {
    try requireStore()
    // Most places are new, and made where nobody waits for them.
    let fresh = places.map { place -> (device: Device, entry: Fleet.Entry) in
      var device = Device(
        key: DeviceKey(tenant: room.tenant, device: place.device), hardware: batch.hardware,
        tokenDigest: nil, tags: batch.tags, attributes: [:], createdAt: now)
      device.enrolment = Enrolment(state: .provisioned)
      device.enrolment.batch = batch.id
      device.enrolment.claim = ControlPlane.claim(of: place, in: batch)
      return (device, Fleet.Entry(device))
    }
    return try room.ledger.withLock { ledger throws(Problem) in
      var made: [(device: Device, entry: Fleet.Entry, before: Device?)] = []
      for (place, new) in zip(places, fresh) {
        guard var known = room.fleet.device(new.device.key)?.device else {
          made.append((new.device, new.entry, nil))
          continue
        }
        // It may have become a device meanwhile.
        try ControlPlane.requirePlace(known, isListed: isListed, at: now)
        let before = known
        known.enrolment.join(batch: batch.id, with: ControlPlane.claim(of: place, in: batch))
        made.append((known, Fleet.Entry(known), before))
      }
      var changes: [Change] = []
      for (device, entry, before) in made {
        ledger.enrolment.index(before, device)
        room.fleet.put(entry, lastSeen: nil, wantsAttributes: true, versionReportedAt: nil)
        changes.append(.device(device))
        for group in batch.groups { changes += join(device.key.device, group, room, &ledger) }
      }
      changes.append(
        contentsOf: made.map { note(.lifecycle, "provisioned in batch \(batch.id)", of: $0.0.key) })
      room.noteChange()
      ledger.lastTicket = store.enqueue(changes)
      return ledger.lastTicket
    }
  }

  private static func claim(of place: ProvisionedDevice, in batch: Batch) -> DeviceClaim {
    DeviceClaim(digest: place.code.digest, expires: batch.expires)
  }

  // What is there already has to be a place without anybody in it.
  private static func requirePlace(
    _ known: Device, isListed: Bool, at now: Instant
  ) throws(Problem) {
    guard known.state == .provisioned, !known.hasCredential(at: now),
      isListed || known.enrolment.batch == nil
    else {
      let id = known.key.device
      throw Problem(
        .conflict, "device \(id) exists; nothing was provisioned",
        faults: [Problem.Fault(field: "id", reason: "\(id) exists")])
    }
  }

  private static func change(_ batch: Batch, _ room: Room) -> Change {
    .document(room.tenant, StoredDocument(.batch, id: String(batch.id), batch.document))
  }

  /// Undoes the batches that are not complete: nobody has their codes.
  func discardUnfinished(in room: Room) {
    let unfinished = room.ledger.withLock { ledger in
      ledger.enrolment.batches.values.filter { !$0.isComplete }.map(\.id)
    }
    for id in unfinished { discard(id, in: room) }
  }

  private func discard(_ batch: Int, in room: Room) {
    var found: [DeviceKey] = []
    room.fleet.forEach(in: room.tenant) { device, _ in
      if device.enrolment.batch == batch { found.append(device.key) }
    }
    for start in stride(from: 0, to: found.count, by: ControlPlane.portion) {
      let portion = found[start..<min(start + ControlPlane.portion, found.count)]
      room.ledger.withLock { ledger in
        for key in portion {
          // Another batch may have taken it over meanwhile, or a unit its place.
          guard let device = room.fleet.device(key)?.device, device.state == .provisioned,
            device.enrolment.batch == batch
          else { continue }
          guard !device.enrolment.precedesBatch else {
            var kept = device
            kept.enrolment.leaveBatch()
            keep(
              kept, before: device, .lifecycle, "batch \(batch) was undone", in: room, &ledger)
            continue
          }
          guard room.fleet.remove(device.key.device) else { continue }
          ledger.enrolment.index(device, nil)
          for name in ledger.groups.keys {
            ledger.groups[name]?.members.remove(device.key.device)
          }
          ledger.lastTicket = store.enqueue(.deleteDevice(device.key))
        }
      }
    }
    room.ledger.withLock { ledger in
      ledger.enrolment.batches[batch] = nil
      ledger.lastTicket = store.enqueue(.deleteDocument(room.tenant, .batch, String(batch)))
    }
  }

  func newClaimCode() throws(Problem) -> ClaimCode {
    do throws(CryptoError) {
      return ClaimCode(entropy: try randomness.bytes(ClaimCode.entropyByteCount))
    } catch { throw Problem(.internalError, "no randomness for a claim code: \(error)") }
  }
}

extension ClaimCode {
  /// What is kept of it.
  var digest: Digest {
    guard let digest = Digest(SHA256.value(of: digestInput).bytes) else {
      preconditionFailure("SHA-256 has 32 bytes")
    }
    return digest
  }
}
