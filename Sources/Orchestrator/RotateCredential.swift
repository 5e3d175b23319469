// RotateCredential: a device that proved itself brings its next key; for a while both count.

public import Crypto
import FleetStore
public import UpdateModel

/// What a device is told about its new key.
public struct RotatedCredential: Sendable {
  /// A certificate for the key; nil where none are issued.
  public let certificate: String?
  /// The fingerprint of the new key.
  public let fingerprint: Digest
  /// Until when its old credentials count at most.
  public let oldValidUntil: Instant
  /// Answer when this is durable.
  public let ticket: UInt64
}

extension ControlPlane {
  /// The desired property by which a device is asked for a new key: until when.
  public static let rotateProperty = ["credential", "rotateBy"]

  /// Takes a device's next key. The same key again gets the same answer.
  public func rotate(
    to offered: OfferedKey, signature: [UInt8]?, of id: DeviceID, in room: Room
  ) throws(Problem) -> RotatedCredential {
    try requireStore()
    let now = clock.now
    let key = offered.key
    let message = EnrolmentRequest.message(
      tenant: room.tenant, claim: "", device: id.text, key: key)
    guard offered.provesPossession || key.isValid(signature ?? [], for: message) else {
      throw EnrolmentDecision.Refusal.noProof.problem
    }
    let (until, ticket) = try room.ledger.withLock { ledger throws(Problem) in
      try rotate(id, to: key, in: room, &ledger, at: now)
    }
    return RotatedCredential(
      certificate: try certificate(for: key, of: id, in: room, at: now), fingerprint: key.digest,
      oldValidUntil: until, ticket: ticket)
  }

  private func rotate(
    _ id: DeviceID, to key: CredentialKey, in room: Room, _ ledger: inout Ledger, at now: Instant
  ) throws(Problem) -> (until: Instant, ticket: UInt64) {
    guard let before = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device,
      before.state != .retired
    else { throw Problem(.notFound, "there is no device \(id)") }
    if let owner = ledger.enrolment.keys[key.digest] {
      guard owner == id else { throw EnrolmentDecision.Refusal.keyOfAnother.problem }
      guard let present = before.enrolment[key.digest], present.counts(at: now) else {
        throw EnrolmentDecision.Refusal.deadKey.problem
      }
      let end = before.enrolment.credentials.compactMap {
        $0.status == .rotating ? $0.notAfter : nil
      }.max()
      return (end ?? now, ledger.lastTicket)
    }
    var device = before
    let overlap = ledger.enrolment.settings.overlap
    device.rotate(to: key.credential(at: now), overlap: overlap, at: now)
    if device.twin.desired.properties[path: ControlPlane.rotateProperty] != nil {
      // Nothing is added, so no limit is exceeded.
      _ = try? device.twin.merge(["credential": ["rotateBy": .null]], into: .desired, at: now)
    }
    keep(
      device, before: before, .credential,
      "key \(key.digest.short) follows; the old credentials count until it is used, and until "
        + "\(now + overlap) at most",
      in: room, &ledger)
    return (now + overlap, ledger.lastTicket)
  }

  /// Asks a device for a new key by a time; it is told with its desired properties.
  public func requestRotation(
    of id: DeviceID, by time: Instant, from label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    let now = clock.now
    let patch: JSON = ["credential": ["rotateBy": .string(time.description)]]
    _ = try change(id, in: room) { (known) throws(Problem) in
      do throws(InvalidValue) { try known.twin.merge(patch, into: .desired, at: now) } catch {
        throw Problem(error)
      }
    }
    return store.enqueue(
      note(
        .credential, "\(label) asked for a new key by \(time)",
        of: DeviceKey(tenant: room.tenant, device: id)))
  }

  /// Takes a credential away, named by its fingerprint or the start of it; effective for the next
  /// request, also for sessions under way.
  public func revoke(
    _ fingerprint: String, of id: DeviceID, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let before = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device
      else {
        throw Problem(.notFound, "there is no device \(id)")
      }
      let wanted = fingerprint.lowercased()
      var known = before.enrolment.credentials.filter { $0.status != .revoked }.map(\.fingerprint)
      if let token = before.tokenDigest { known.append(token) }
      let found = known.filter {
        wanted.utf8.count >= 8 && $0.description.hasPrefix(wanted)
      }
      var device = before
      guard let only = found.first, found.count == 1, device.revoke(only, at: now) else {
        throw Problem(
          .notFound,
          "device \(id) has no credential \(fingerprint.prefix(80)) that counts; list what it has"
        )
      }
      keep(
        device, before: before, .credential, "credential \(only.short) revoked by \(label)",
        in: room, &ledger)
      return ledger.lastTicket
    }
  }
}
