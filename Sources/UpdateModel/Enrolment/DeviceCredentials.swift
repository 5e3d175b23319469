// DeviceCredentials: how the credentials of a device follow each other.

extension Device {
  /// Where it is in its life.
  public var state: Lifecycle { enrolment.state }

  /// Whether somebody can prove to be this device.
  public func hasCredential(at now: Instant) -> Bool {
    tokenDigest != nil || enrolment.hasCredential(at: now)
  }

  /// Takes a credential in place of all others: those count no more, and a claim is used up.
  public mutating func enrol(with credential: Credential, at now: Instant) {
    revokeAll()
    if enrolment.claim?.usedAt == nil { enrolment.claim?.usedAt = now }
    enrolment[credential.fingerprint] = credential
    enrolment.state = enrolment.state.after(.enrol) ?? enrolment.state
  }

  /// Takes a successor of the present credentials, which count for `overlap` more at most.
  public mutating func rotate(to credential: Credential, overlap: Interval, at now: Instant) {
    let end = now + overlap
    if let token = tokenDigest {
      // From here on the token has an end, so it stands among the others.
      enrolment[token] = Credential(
        kind: .token, fingerprint: token, publicKey: nil, notBefore: createdAt,
        createdAt: createdAt)
      tokenDigest = nil
    }
    // As things were before: what becomes one that ends here makes no other a successor.
    let isRotating = enrolment.credentials.contains { $0.status == .rotating }
    for index in enrolment.credentials.indices {
      switch enrolment.credentials[index].status {
      case .active, .rotating:
        // A successor that was never used is dropped: two in line would never end.
        let isUnused = isRotating && enrolment.credentials[index].status == .active
        enrolment.credentials[index].status = isUnused ? .revoked : .rotating
        enrolment.credentials[index].notAfter = min(
          enrolment.credentials[index].notAfter ?? end, end)
      case .expected, .revoked: break
      }
    }
    enrolment[credential.fingerprint] = credential
  }

  /// Notes that a credential was used; its predecessors count no more. Returns those.
  public mutating func noteUse(of fingerprint: Digest, at now: Instant) -> [Credential] {
    enrolment.state = enrolment.state.after(.speak) ?? enrolment.state
    guard var used = enrolment[fingerprint], used.status == .active, used.usedAt == nil else {
      return []
    }
    used.usedAt = now
    var ended: [Credential] = []
    for index in enrolment.credentials.indices {
      if enrolment.credentials[index].fingerprint == fingerprint {
        enrolment.credentials[index] = used
      } else if enrolment.credentials[index].status == .rotating {
        enrolment.credentials[index].status = .revoked
        ended.append(enrolment.credentials[index])
      }
    }
    return ended
  }

  /// Takes a credential away; false when it has none of this fingerprint that counts.
  public mutating func revoke(_ fingerprint: Digest, at now: Instant) -> Bool {
    if tokenDigest == fingerprint {
      tokenDigest = nil
    } else {
      guard
        let index = enrolment.credentials.firstIndex(where: {
          $0.fingerprint == fingerprint && $0.status != .revoked
        })
      else { return false }
      enrolment.credentials[index].status = .revoked
    }
    // Without its successor a credential is not on its way out any more, but keeps its end.
    if !hasCredential(at: now) { enrolment.state = enrolment.state.after(.disown) ?? state }
    return true
  }

  /// Takes all credentials away. Keys stay known as revoked, so that none comes back.
  public mutating func revokeAll() {
    tokenDigest = nil
    for index in enrolment.credentials.indices { enrolment.credentials[index].status = .revoked }
  }

  /// Ends the device's life: no credential, no claim and nothing to be.
  public mutating func retire() {
    revokeAll()
    enrolment.claim = nil
    enrolment.credentials.removeAll { $0.kind == .token }
    enrolment.state = .retired
  }
}
