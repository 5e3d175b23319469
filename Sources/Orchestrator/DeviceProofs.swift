// DeviceProofs: the credentials of a device as a poll needs them: in its record, under its shard's
// lock, so that what was revoked counts for no request any more.

import Crypto
import UpdateModel

/// A credential beside the permanent token.
struct CredentialProof: Sendable {
  /// SHA-256 of the token, or of the key's SubjectPublicKeyInfo.
  let digest: SHA256.Value
  let isToken: Bool
  let from: Instant
  let until: Instant
  /// Its first use ends what it follows.
  let isUnused: Bool

  /// Nil for a credential that does not count, whatever the time.
  init?(_ credential: Credential) {
    guard credential.status == .active || credential.status == .rotating,
      let digest = SHA256.Value(credential.fingerprint.bytes)
    else { return nil }
    self.digest = digest
    isToken = credential.kind == .token
    from = credential.notBefore
    until = credential.notAfter ?? .distantFuture
    isUnused = credential.status == .active && credential.usedAt == nil
  }

  func counts(at now: Instant) -> Bool { from <= now && now < until }
}

/// A session that was opened with a key.
struct SessionProof: Sendable {
  /// SHA-256 of its token.
  let digest: SHA256.Value
  /// Fingerprint of the key it was opened with.
  let key: SHA256.Value
  /// The number of the challenge that was answered; each is good once.
  let challenge: UInt64
  let until: Instant
  var isUsed = false
  /// How often it was used after a newer one had been.
  var returns: UInt8 = 0

  /// Sessions of one device: the present one and the one it takes the place of.
  static let countMax = 2
  /// A unit goes on to its new session at once. Requests that were under way may come late, but not
  /// so many; two units with one key take turns.
  static let returnsOfClone: UInt8 = 5
}

/// What a credential that was accepted brought to light.
enum AccessNews {
  case nothing
  /// The device speaks for the first time.
  case firstWord
  /// A credential is used for the first time.
  case firstUse(SHA256.Value)
  /// Two units seem to speak in turns.
  case clone
}

extension DeviceRecord {
  /// Judges a session's or a rotating token, and a key; nil when neither counts.
  mutating func accepts(
    token: SHA256.Value?, key: SHA256.Value?, at now: Instant
  ) -> AccessNews? {
    if let token {
      for index in sessions.indices
      where now < sessions[index].until && token.matchesInConstantTime(sessions[index].digest) {
        guard let proof = proofs.first(where: { $0.digest == sessions[index].key }),
          proof.counts(at: now)
        else { return nil }
        return use(session: index)
      }
      for proof in proofs
      where proof.isToken && proof.counts(at: now) && token.matchesInConstantTime(proof.digest) {
        return news(of: proof)
      }
    }
    guard let key else { return nil }
    // A fingerprint is no secret; the handshake proved the key.
    return proofs.first { !$0.isToken && $0.digest == key && $0.counts(at: now) }.map(news)
  }

  private func news(of proof: CredentialProof) -> AccessNews {
    if proof.isUnused { return .firstUse(proof.digest) }
    return flags.contains(.isFresh) ? .firstWord : .nothing
  }

  private mutating func use(session index: Int) -> AccessNews {
    sessions[index].isUsed = true
    guard index < sessions.count - 1, sessions[sessions.count - 1].isUsed else { return .nothing }
    // Counted once: the alert stays until a person looks at it.
    guard sessions[index].returns < SessionProof.returnsOfClone else { return .nothing }
    sessions[index].returns += 1
    return sessions[index].returns == SessionProof.returnsOfClone ? .clone : .nothing
  }

  /// Takes a new session in; false when its key does not count or its challenge was answered.
  mutating func open(_ session: SessionProof, at now: Instant) -> Bool {
    let isGood = proofs.contains {
      !$0.isToken && $0.digest == session.key && $0.counts(at: now)
    }
    let isFirst = sessions.allSatisfy { $0.challenge < session.challenge }
    guard isGood, isFirst else { return false }
    sessions.append(session)
    if sessions.count > SessionProof.countMax { sessions.removeFirst() }
    return true
  }

  /// Takes over what the device's record says now; sessions end with their keys.
  mutating func take(_ proofs: [CredentialProof], life: Flags) {
    let isLess = self.proofs.contains { old in !proofs.contains { $0.digest == old.digest } }
    let isDistrusted = !life.isSubset(of: flags.union(.isFresh))
    if isLess || isDistrusted { accessMark &+= 1 }
    self.proofs = proofs
    if !sessions.isEmpty {
      sessions.removeAll { session in !proofs.contains { $0.digest == session.key } }
    }
    flags.subtract(.ofLife)
    flags.formUnion(life)
  }
}

extension DeviceRecord.Flags {
  /// What a state means for those who look at a record only.
  init(_ state: Lifecycle) {
    switch state {
    case .provisioned: self = .isAbsent
    case .retired: self = [.isAbsent, .isRetired]
    case .enrolled: self = .isFresh
    case .active: self = []
    case .quarantined: self = .isQuarantined
    }
  }

  /// The state that they were made from.
  var state: Lifecycle {
    if contains(.isAbsent) { return contains(.isRetired) ? .retired : .provisioned }
    return contains(.isQuarantined) ? .quarantined : contains(.isFresh) ? .enrolled : .active
  }
}
