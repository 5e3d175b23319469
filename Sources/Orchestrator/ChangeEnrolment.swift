// ChangeEnrolment: a tenant's rules of enrolment, and what people may look at.

import Crypto
import FleetStore
public import UpdateModel

/// A batch and how far its devices are.
public struct BatchView: Sendable {
  /// What it was made with.
  public let batch: Batch
  /// Devices by where they are in their life.
  public let counts: [Lifecycle: Int]
}

extension ControlPlane {
  /// The rules of a tenant.
  public func enrolmentSettings(in room: Room) -> EnrolmentSettings {
    room.ledger.withLock { $0.enrolment.settings }
  }

  /// Changes the rules; `body` changes a copy and may throw.
  public func changeEnrolment(
    in room: Room, _ body: (inout EnrolmentSettings) throws(Problem) -> Void
  ) throws(Problem) -> (settings: EnrolmentSettings, ticket: UInt64) {
    try requireStore()
    var settings = enrolmentSettings(in: room)
    try body(&settings)
    for (position, text) in settings.authorities.enumerated() {
      do throws(CryptoError) { _ = try Certificate(pem: text) } catch {
        throw Problem(InvalidValue(field: "authorities[\(position)]", reason: "\(error)"))
      }
    }
    let changed = settings
    let ticket = room.ledger.withLock { ledger in
      ledger.enrolment.settings = changed
      ledger.lastTicket = store.enqueue(
        .document(room.tenant, StoredDocument(.enrolment, id: "settings", changed.document)))
      return ledger.lastTicket
    }
    return (changed, ticket)
  }

  /// All batches, newest first.
  public func batches(in room: Room) -> [BatchView] {
    room.ledger.withLock { ledger in
      ledger.enrolment.batches.values.map {
        BatchView(batch: $0, counts: ledger.enrolment.counts[$0.id] ?? [:])
      }
    }.sorted { $0.batch.id > $1.batch.id }
  }

  /// One batch; nil when there is none.
  public func batch(_ id: Int, in room: Room) -> BatchView? {
    room.ledger.withLock { ledger in
      ledger.enrolment.batches[id].map {
        BatchView(batch: $0, counts: ledger.enrolment.counts[id] ?? [:])
      }
    }
  }

  /// The credentials of a device that are kept, its permanent token first.
  public func credentials(of id: DeviceID, in room: Room) throws(Problem) -> [Credential] {
    guard
      let (device, lastSeen) = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))
    else { throw Problem(.notFound, "there is no device \(id)") }
    guard let token = device.tokenDigest else { return device.enrolment.credentials }
    var permanent = Credential(
      kind: .token, fingerprint: token, publicKey: nil, notBefore: device.createdAt,
      createdAt: device.createdAt)
    permanent.usedAt = lastSeen == .epoch ? nil : lastSeen
    return [permanent] + device.enrolment.credentials
  }
}
