// NoticeClones: what the use of a credential and the reports of a device bring to light.
//
// Two units with one identity show themselves in two ways that a single unit does not:
// - Sessions: a unit that opened a new session goes on with it. When an older session keeps being
//   used after the newer one was, somebody else has the key.
// - Boots: each start of a device has an id that was never used before (`bootId`). When ids come
//   back, A after B after A after B, two units are running.
// Not used, because ordinary devices do it too: another address, another port, another network.

import Crypto
import FleetStore
import UpdateModel

/// The boots that a device told of.
struct BootTrail: Equatable {
  // Hashes, because a device may send any text and there may be a million devices.
  private var last: Int?
  private var before: Int?
  private var returns = 0

  /// One return may be a report that was kept and sent late; this many are two units.
  static let returnsOfClone = 2

  /// Notes a boot id; true when it shows, for the first time, that there are two units.
  mutating func note(_ id: String) -> Bool {
    let hash = id.hashValue
    guard hash != last else { return false }
    defer {
      before = last
      last = hash
    }
    guard hash == before else { return false }
    returns += 1
    return returns == BootTrail.returnsOfClone
  }
}

extension ControlPlane {
  /// Acts on what a credential brought to light.
  func heed(
    _ news: AccessNews, of id: UnsafeRawBufferPointer, in room: Room, at now: Instant
  ) {
    switch news {
    case .nothing: return
    case .firstWord, .firstUse, .clone: break
    }
    // What cannot be kept now is noticed again at the next call; an id in the table is valid.
    guard isStoreHealthy, let device = try? DeviceID(String(decoding: id, as: UTF8.self)) else {
      return
    }
    room.ledger.withLock { ledger in
      switch news {
      case .nothing: break
      case .firstWord: noteUse(of: nil, by: device, in: room, &ledger, at: now)
      case .firstUse(let key):
        noteUse(of: Digest(key.bytes), by: device, in: room, &ledger, at: now)
      case .clone:
        raise(
          .clone, of: device,
          "two units take turns with its key: an older session goes on after a newer one began",
          in: room, &ledger, at: now)
      }
    }
  }

  /// Notes the first use of a credential, or the first word of a device; to be called with the
  /// ledger's lock held.
  func noteUse(
    of fingerprint: Digest?, by id: DeviceID, in room: Room, _ ledger: inout Ledger,
    at now: Instant
  ) {
    let key = DeviceKey(tenant: room.tenant, device: id)
    guard let before = room.fleet.device(key)?.device else { return }
    var device = before
    var ended: [Credential] = []
    if let fingerprint {
      ended = device.noteUse(of: fingerprint, at: now)
    } else {
      device.enrolment.state = device.state.after(.speak) ?? device.state
    }
    // Another thread may have been first.
    guard device != before else { return }
    var sentences: [(AuditKind, String)] = []
    if device.state != before.state {
      sentences.append((.lifecycle, "\(device.state.rawValue): it spoke for the first time"))
    }
    for credential in ended {
      sentences.append(
        (.credential, "\(credential.words) revoked: its successor is in use"))
    }
    if sentences.isEmpty, let fingerprint {
      sentences.append((.credential, "key \(fingerprint.short) used for the first time"))
    }
    guard let first = sentences.first else { return }
    keep(
      device, before: before, first.0, first.1,
      and: sentences.dropFirst().map { note($0.0, $0.1, of: key) }, in: room, &ledger)
  }

  /// Looks at the boot id that a device reports; to be called with the ledger's lock held.
  func noticeBoot(_ device: Device, in room: Room, _ ledger: inout Ledger, at now: Instant) {
    guard let boot = device.twin.reported.text("bootId") else { return }
    guard ledger.enrolment.boots[device.key.device, default: BootTrail()].note(boot) else { return }
    raise(
      .clone, of: device.key.device,
      "two units report in turns: boots that were over came back", in: room, &ledger, at: now)
  }
}

extension Credential {
  /// What it is, for histories.
  var words: String {
    "\(kind.isKey ? "key" : "token") \(fingerprint.short)"
  }
}
