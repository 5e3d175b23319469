// OpenSession: a device signs a challenge and gets a token for an hour.

import Crypto
public import UpdateModel

extension ControlPlane {
  /// How long a session lasts.
  public static let sessionLifetime = Interval.hours(1)

  /// A text for a device to sign; given for devices that nobody knows, too, so that it tells
  /// nothing.
  public func challenge(for device: DeviceID, in room: Room) throws(Problem) -> String {
    try challenges.next(for: device, of: room.tenant, at: clock.now)
  }

  /// What a device signs to open a session.
  public static func sessionMessage(
    tenant: Name, device: DeviceID, challenge: String
  ) -> [UInt8] {
    Array("groundswell-session\n\(tenant)\n\(device)\n\(challenge)".utf8)
  }

  /// Opens a session; nil when anything is wrong, and nobody is told what. The token is kept
  /// nowhere.
  public func openSession(
    for id: DeviceID, challenge: String, signature: [UInt8], in room: Room
  ) throws(Problem) -> (token: String, lifetime: Interval, ticket: UInt64)? {
    let now = clock.now
    guard
      let number = try challenges.number(of: challenge, for: id, of: room.tenant, at: now),
      let device = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device
    else { return nil }
    let message = ControlPlane.sessionMessage(
      tenant: room.tenant, device: id, challenge: challenge)
    // A device has at most a few keys, see `Credential.countMax`.
    let signer = device.enrolment.credentials.first { credential in
      // A key that was stored reads back.
      guard credential.counts(at: now), let der = credential.publicKey,
        let key = try? CredentialKey(der: der)
      else { return false }
      return key.isValid(signature, for: message)
    }
    guard let signer, let key = SHA256.Value(signer.fingerprint.bytes) else { return nil }
    let token = try newToken()
    let until = min(now + ControlPlane.sessionLifetime, signer.notAfter ?? .distantFuture)
    // The record is asked again here: the key may have been revoked since it was read.
    let session = SessionProof(
      digest: SHA256.value(of: token), key: key, challenge: number, until: until)
    guard room.fleet.open(session, for: id, at: now) else { return nil }
    let ticket = room.ledger.withLock { ledger in
      if signer.usedAt == nil, isStoreHealthy {
        noteUse(of: signer.fingerprint, by: id, in: room, &ledger, at: now)
        return ledger.lastTicket
      }
      return 0
    }
    return (token, until - now, ticket)
  }
}
