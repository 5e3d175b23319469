// EnrolDevice: somebody with a key asks to become a device.

public import Crypto
import FleetStore
public import UpdateModel

/// A request to become known, as it was sent.
public struct EnrolmentRequest: Sendable {
  /// The key that is to prove the device from now on.
  public var key: OfferedKey
  /// Proves that the sender has the key, when it came bare; see `message`.
  public var signature: [UInt8]?
  /// The claim code as it was sent.
  public var claim: String?
  /// The device it wants to be.
  public var device: DeviceID?
  /// The model that it says it is.
  public var hardware: Name?
  /// A certificate of an authority for this very key.
  public var certificate: Certificate?
  /// The certificate that the TLS handshake proved the sender to have.
  public var peer: Certificate?
  /// What it says of itself; only checked here, so that nothing is half done.
  public var reported: JSON?

  /// A request with nothing but a key.
  public init(key: OfferedKey) { self.key = key }

  /// What the signature is over.
  public static func message(
    tenant: Name, claim: String, device: String, key: CredentialKey
  ) -> [UInt8] {
    Array("groundswell-enrol\n\(tenant)\n\(claim)\n\(device)\n\(key.fingerprint.hex)".utf8)
  }

  /// Whether the sender showed to have the key.
  func provesPossession(in tenant: Name) -> Bool {
    if key.provesPossession || peer?.publicKey == key.key { return true }
    guard let signature else { return false }
    let message = EnrolmentRequest.message(
      tenant: tenant, claim: claim ?? "", device: device?.text ?? "", key: key.key)
    return key.key.isValid(signature, for: message)
  }
}

/// What a request came to.
public enum EnrolmentAnswer: Sendable {
  /// The sender became this device just now; with a certificate for its key where those are issued.
  case enrolled(DeviceID, certificate: String?, ticket: UInt64)
  /// The key is this device's already. The request may be a copy of an old one, so what else it
  /// says about the device does not count.
  case repeated(DeviceID, certificate: String?, ticket: UInt64)
  /// A person has to look at it.
  case pending(DeviceID?, ticket: UInt64)
}

extension ControlPlane {
  /// Decides about a request and keeps what follows; throws the refusal.
  public func enrol(
    _ request: EnrolmentRequest, in room: Room
  ) throws(Problem) -> EnrolmentAnswer {
    try requireStore()
    let now = clock.now
    var claimDigest: Digest?
    if let text = request.claim {
      do throws(InvalidValue) {
        claimDigest = Digest(bytes: SHA256.value(of: try ClaimCode(text).digestInput).bytes)
      } catch { throw Problem(error) }
    }
    // What takes a tenth of a millisecond is done before the ledger is locked.
    var facts = EnrolmentFacts(provesPossession: request.provesPossession(in: room.tenant))
    guard facts.provesPossession else { throw EnrolmentDecision.Refusal.noProof.problem }
    try ControlPlane.check(reported: request.reported)
    facts.asksFor = request.device
    facts.hardware = request.hardware
    facts.certified = certified(request, in: room, at: now)
    let digest = claimDigest
    let answer = try room.ledger.withLock { ledger throws(Problem) in
      try decide(request, facts, claim: digest, in: room, &ledger, at: now)
    }
    func certificate(of device: DeviceID) throws(Problem) -> String? {
      try self.certificate(for: request.key.key, of: device, in: room, at: now)
    }
    switch answer {
    case .enrolled(let device, _, let ticket):
      return .enrolled(device, certificate: try certificate(of: device), ticket: ticket)
    case .repeated(let device, _, let ticket):
      return .repeated(device, certificate: try certificate(of: device), ticket: ticket)
    case .pending: return answer
    }
  }

  private static func check(reported: JSON?) throws(Problem) {
    guard let reported else { return }
    do throws(InvalidValue) {
      guard reported[Twin.updateProperty] == nil else {
        throw InvalidValue(
          field: "reported.\(Twin.updateProperty)", reason: "is written by the server")
      }
      var twin = Twin()
      try twin.merge(reported, into: .reported, at: .epoch)
    } catch { throw Problem(error) }
  }

  private func decide(
    _ request: EnrolmentRequest, _ given: EnrolmentFacts, claim: Digest?, in room: Room,
    _ ledger: inout Ledger, at now: Instant
  ) throws(Problem) -> EnrolmentAnswer {
    var facts = given
    let fingerprint = request.key.key.digest
    facts.owner = owner(of: fingerprint, in: room, ledger, at: now)
    if let claim { facts.claim = standing(of: claim, in: room, ledger) }
    let decision = EnrolmentDecision.decide(
      facts, under: ledger.enrolment.settings, known: { target($0, in: room, ledger, at: now) },
      at: now)
    switch decision {
    case .repeated(let device):
      return .repeated(device, certificate: nil, ticket: ledger.lastTicket)
    case .accept(let device, let way):
      admit(
        request.key.key.credential(at: now), as: device, hardware: request.hardware,
        "enrolled by \(way.words) with key \(request.key.key.digest.short)", in: room, &ledger,
        at: now)
      return .enrolled(device, certificate: nil, ticket: ledger.lastTicket)
    case .pending(let device, let reason):
      try queue(request, as: device, reason, in: room, &ledger, at: now)
      let speaks = facts.owner != nil || facts.certified != nil || claim != nil
      if speaks, let device {
        raise(
          .otherKey, of: device,
          "something that speaks for it came with another key, "
            + "\(fingerprint.short); look at the request before you approve it",
          in: room, &ledger, at: now)
      }
      return .pending(device, ticket: ledger.lastTicket)
    case .refuse(let refusal):
      if case .usedClaim(let device) = refusal {
        raise(
          .claimReused, of: device,
          "its claim code was used again, with key \(fingerprint.short); "
            + "its label may have been copied",
          in: room, &ledger, at: now)
      }
      throw refusal.problem
    }
  }

  private func owner(
    of key: Digest, in room: Room, _ ledger: Ledger, at now: Instant
  ) -> EnrolmentFacts.KeyOwner? {
    guard let id = ledger.enrolment.keys[key],
      let device = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device,
      let credential = device.enrolment[key]
    else { return nil }
    return EnrolmentFacts.KeyOwner(
      device: id, state: device.state, status: credential.status,
      hasEnded: credential.notAfter.map { $0 <= now } ?? false)
  }

  private func standing(
    of claim: Digest, in room: Room, _ ledger: Ledger
  ) -> EnrolmentFacts.ClaimStanding {
    guard let id = ledger.enrolment.claims[claim],
      let found = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device,
      let claim = found.enrolment.claim
    else { return .unknown }
    return .made(for: id, claim)
  }

  private func target(
    _ id: DeviceID, in room: Room, _ ledger: Ledger, at now: Instant
  ) -> EnrolmentTarget? {
    guard let device = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device else {
      return nil
    }
    return EnrolmentTarget(
      state: device.state, hasCredential: device.hasCredential(at: now),
      hardware: device.hardware, ways: ledger.enrolment.ways(of: device))
  }

  // The device that a trusted authority says the sender is.
  private func certified(
    _ request: EnrolmentRequest, in room: Room, at now: Instant
  ) -> DeviceID? {
    let authorities = room.ledger.withLock { $0.enrolment.authorities }
    guard !authorities.isEmpty else { return nil }
    let seconds = now.milliseconds / 1000
    let own = request.certificate.flatMap { $0.publicKey == request.key.key ? $0 : nil }
    for certificate in [own, request.peer].compactMap({ $0 })
    where authorities.contains(where: { certificate.fault(under: $0, at: seconds) == nil }) {
      // A name that is no device id names no device.
      if let device = certificate.commonName.flatMap({ try? DeviceID($0) }) { return device }
    }
    return nil
  }

  /// Makes somebody a device; to be called with the ledger's lock held.
  func admit(
    _ credential: Credential, as id: DeviceID, hardware: Name?, _ sentence: String,
    in room: Room, _ ledger: inout Ledger, at now: Instant
  ) {
    let key = DeviceKey(tenant: room.tenant, device: id)
    let before = room.fleet.device(key)?.device
    var device =
      before
      ?? Device(
        key: key, hardware: nil, tokenDigest: nil, twin: Twin(), createdAt: now,
        enrolment: Enrolment(state: .provisioned))
    if device.hardware == nil { device.hardware = hardware }
    device.enrol(with: credential, at: now)
    var changes: [Change] = []
    if ledger.enrolment.pending.removeValue(forKey: credential.fingerprint) != nil {
      changes.append(
        .deleteDocument(room.tenant, .pending, credential.fingerprint.description))
    }
    keep(device, before: before, .lifecycle, sentence, and: changes, in: room, &ledger)
  }

  /// A certificate for a device's key in PEM; nil where none are issued.
  func certificate(
    for key: CredentialKey, of device: DeviceID, in room: Room, at now: Instant
  ) throws(Problem) -> String? {
    guard let authority else { return nil }
    let days = room.ledger.withLock { $0.enrolment.settings.certificateDays }
    do throws(CryptoError) {
      return try authority.issue(
        for: key, device: device.text, tenant: room.tenant.text, serial: try randomness.bytes(16),
        validity: try CertificateValidity(days: days, at: now.milliseconds / 1000)
      ).pem
    } catch { throw Problem(.internalError, "no certificate could be issued: \(error)") }
  }
}

extension CredentialKey {
  /// The fingerprint as the model has it.
  var digest: Digest {
    guard let digest = Digest(fingerprint.bytes) else {
      preconditionFailure("SHA-256 has 32 bytes")
    }
    return digest
  }

  /// The key as a credential that counts from now on.
  func credential(at now: Instant) -> Credential {
    Credential(
      kind: kind.credentialKind, fingerprint: digest, publicKey: derBytes, notBefore: now,
      createdAt: now)
  }
}

extension CredentialKeyKind {
  var credentialKind: Credential.Kind {
    switch self {
    case .ed25519: .ed25519
    case .p256: .p256
    }
  }
}

extension EnrolmentWay {
  fileprivate var words: String {
    switch self {
    case .claim: "a claim code"
    case .preauthorised: "a key that was named beforehand"
    case .ca: "a certificate of a trusted authority"
    case .manual: "a person's approval"
    }
  }
}
