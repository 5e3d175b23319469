// EnrolmentBook: what a tenant's ledger knows of keys, claims, batches, requests and alerts.
//
// Keys and claims stand in the records of their devices; here they are only found. So this follows
// from the devices and can be made again from them.

import Crypto
import FleetStore
import UpdateModel

/// How devices become known, beside what their records say.
struct EnrolmentBook {
  var settings = EnrolmentSettings() {
    // Those that cannot be read were refused when they were set.
    didSet { authorities = settings.authorities.compactMap { try? Certificate(pem: $0) } }
  }
  /// The authorities of the settings; those were checked when they were set.
  private(set) var authorities: [Certificate] = []
  /// The device that has, had or awaits a key, by the key's fingerprint.
  private(set) var keys: [Digest: DeviceID] = [:]
  /// The device that a code makes a unit, by the code's digest; used ones stay.
  private(set) var claims: [Digest: DeviceID] = [:]
  var batches: [Int: Batch] = [:]
  /// Devices of each batch by where they are in their life.
  private(set) var counts: [Int: [Lifecycle: Int]] = [:]
  var pending: [Digest: PendingEnrolment] = [:]
  var alerts: [Int: DeviceAlert] = [:]
  /// The last boots of devices that said so since the start, see `NoticeClones`.
  var boots: [DeviceID: BootTrail] = [:]

  /// Follows a device from one record to the next.
  mutating func index(_ before: Device?, _ after: Device?) {
    if let before {
      for credential in before.enrolment.credentials where credential.kind.isKey {
        if keys[credential.fingerprint] == before.key.device {
          keys[credential.fingerprint] = nil
        }
      }
      if let claim = before.enrolment.claim { claims[claim.digest] = nil }
      if let batch = before.enrolment.batch { counts[batch]?[before.state, default: 0] -= 1 }
      if after == nil { boots[before.key.device] = nil }
    }
    guard let after else { return }
    for credential in after.enrolment.credentials where credential.kind.isKey {
      keys[credential.fingerprint] = after.key.device
    }
    if let claim = after.enrolment.claim { claims[claim.digest] = after.key.device }
    if let batch = after.enrolment.batch {
      counts[batch, default: [:]][after.state, default: 0] += 1
    }
  }

  /// Takes in what was stored.
  mutating func restore(_ document: StoredDocument) throws(InvalidValue) {
    switch document.kind {
    case .batch:
      let batch = try Batch(document.content)
      batches[batch.id] = batch
    case .alert:
      let alert = try DeviceAlert(document.content)
      alerts[alert.id] = alert
    case .enrolment:
      let faults = DocumentReader.Faults()
      var read = EnrolmentSettings()
      read.apply(DocumentReader(document.content, faults: faults))
      if let fault = faults.list.first {
        throw InvalidValue(field: fault.field, reason: fault.reason)
      }
      settings = read
    case .pending:
      let request = try PendingEnrolment(document.content, fingerprint: document.id)
      pending[request.fingerprint] = request
    case .command, .job, .jobPart: break
    }
  }

  /// The ways of a device's batch; nil outside of one.
  func ways(of device: Device) -> Set<EnrolmentWay>? {
    device.enrolment.batch.flatMap { batches[$0]?.ways }
  }
}

extension ControlPlane {
  /// Keeps what changed about a device's life or credentials, with a sentence for its history.
  ///
  /// To be called with the ledger's lock held.
  func keep(
    _ device: Device, before: Device?, _ kind: AuditKind, _ sentence: String,
    and changes: [Change] = [], lastSeen: Instant? = nil, in room: Room, _ ledger: inout Ledger
  ) {
    let kept = changesKeeping(
      device, before: before, kind, sentence, lastSeen: lastSeen, in: room, &ledger)
    ledger.lastTicket = store.enqueue(changes + kept)
  }

  /// As `keep`, for what must not become durable apart from other changes: the caller hands the
  /// changes to the store, all at once and before it lets the ledger go.
  func changesKeeping(
    _ device: Device, before: Device?, _ kind: AuditKind, _ sentence: String,
    lastSeen: Instant? = nil, in room: Room, _ ledger: inout Ledger
  ) -> [Change] {
    let wants = room.fleet.view(device.key.device)?.wantsAttributes ?? true
    ledger.enrolment.index(before, device)
    room.fleet.put(device, lastSeen: lastSeen, wantsAttributes: wants, versionReportedAt: nil)
    room.noteChange()
    return [.device(device), note(kind, sentence, of: device.key)]
  }

  /// A sentence for a device's history.
  func note(_ kind: AuditKind, _ sentence: String, of device: DeviceKey) -> Change {
    .report(
      Report(
        device: device, rollout: nil, action: nil, at: clock.now, kind: kind.rawValue,
        text: sentence, code: nil))
  }
}

/// Kinds of entries that a device's history has as an audit of decisions about it.
enum AuditKind: String {
  /// Where it is in its life.
  case lifecycle
  /// How it proves who it is.
  case credential
  /// What looked wrong.
  case alert
}

extension Digest {
  /// The first digits, for people.
  var short: String { String(description.prefix(16)) }
}
