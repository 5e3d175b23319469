// Enrolment: what a device's record says about its life and its credentials.

/// The right to become one certain device, given away as a code.
public struct DeviceClaim: Equatable, Sendable {
  /// SHA-256 of the code; the code itself is kept nowhere.
  public let digest: Digest
  /// From when on the code is good for nothing.
  public let expires: Instant
  /// When it was used; a code is good for one use.
  public var usedAt: Instant?

  /// Joins the facts.
  public init(digest: Digest, expires: Instant, usedAt: Instant? = nil) {
    self.digest = digest
    self.expires = expires
    self.usedAt = usedAt
  }
}

/// What a place had before a batch took it over, for the case that the batch is undone.
public struct FormerPlace: Equatable, Sendable {
  /// The batch it was in.
  public let batch: Int?
  /// The code it had.
  public let claim: DeviceClaim?
  /// Whether it was there before that batch.
  public let precedesBatch: Bool

  /// Joins the facts.
  public init(batch: Int?, claim: DeviceClaim?, precedesBatch: Bool) {
    self.batch = batch
    self.claim = claim
    self.precedesBatch = precedesBatch
  }
}

/// A device's life and its credentials, beside the token in `Device.tokenDigest`.
public struct Enrolment: Equatable, Sendable {
  /// Where it is in its life.
  public var state: Lifecycle
  /// The batch it was provisioned with; nil without one.
  public var batch: Int?
  /// Whether its place was there before the batch, and stays when that is undone.
  public var precedesBatch = false
  /// What it had before its batch; nil when that was neither a batch nor a code.
  public private(set) var former: FormerPlace?
  /// The code that makes a unit this device; nil without one.
  public var claim: DeviceClaim?
  /// Oldest first, at most `Credential.countMax`.
  public var credentials: [Credential]
  /// The device whose place it took.
  public var replaces: DeviceID?
  /// The device that took its place.
  public var replacedBy: DeviceID?

  /// A device that was registered with a token is active at once: nobody else has its token.
  public init(state: Lifecycle = .active) {
    self.state = state
    credentials = []
  }

  /// Whether there is a credential of the list that counts, or is awaited to follow one that does.
  public func hasCredential(at now: Instant) -> Bool {
    credentials.contains { $0.counts(at: now) }
  }

  /// Gives a place that is there already to a batch, with a new code; what it had is noted.
  public mutating func join(batch new: Int, with code: DeviceClaim) {
    former =
      batch == nil && claim == nil
      ? nil : FormerPlace(batch: batch, claim: claim, precedesBatch: precedesBatch)
    (batch, claim, precedesBatch) = (new, code, true)
  }

  /// Gives a place back what it had before its batch.
  public mutating func leaveBatch() {
    (batch, claim) = (former?.batch, former?.claim)
    precedesBatch = former?.precedesBatch ?? false
    former = nil
  }

  /// The credential with this fingerprint.
  public subscript(fingerprint: Digest) -> Credential? {
    get { credentials.first { $0.fingerprint == fingerprint } }
    set {
      credentials.removeAll { $0.fingerprint == fingerprint }
      guard let newValue else { return }
      credentials.append(newValue)
      // What counts no more makes room first.
      while credentials.count > Credential.countMax {
        let index = credentials.firstIndex { $0.status == .revoked } ?? 0
        credentials.remove(at: index)
      }
    }
  }
}

extension Enrolment {
  /// The stored form; nil for a device of which nothing but the usual is known.
  public var document: JSON? {
    guard self != Enrolment() else { return nil }
    return .members([
      "state": .string(state.rawValue), "batch": batch.map { JSON($0) },
      "precedes": precedesBatch ? true : nil,
      "former": former.map { former in
        .members([
          "batch": former.batch.map { JSON($0) }, "claim": former.claim?.document,
          "precedes": former.precedesBatch ? true : nil,
        ])
      },
      "claim": claim?.document,
      "credentials": credentials.isEmpty ? nil : .array(credentials.map(\.document)),
      "replaces": replaces.map { .string($0.text) },
      "replacedBy": replacedBy.map { .string($0.text) },
    ])
  }

  /// Reads the stored form; throws for anything else.
  public init(_ document: JSON) throws(InvalidValue) {
    guard let state = document["state"]?.string.flatMap(Lifecycle.init(rawValue:)) else {
      throw InvalidValue(field: "enrolment.state", reason: "is missing or unknown")
    }
    self.init(state: state)
    batch = document["batch"]?.integer.flatMap { Int(exactly: $0) }
    precedesBatch = document["precedes"]?.bool ?? false
    claim = try DeviceClaim(stored: document["claim"])
    former = try document["former"].map { (stored) throws(InvalidValue) in
      FormerPlace(
        batch: stored["batch"]?.integer.flatMap { Int(exactly: $0) },
        claim: try DeviceClaim(stored: stored["claim"]),
        precedesBatch: stored["precedes"]?.bool ?? false)
    }
    let stored = document["credentials"]?.array ?? []
    credentials = stored.compactMap(Credential.init)
    guard credentials.count == stored.count else {
      throw InvalidValue(field: "enrolment.credentials", reason: "cannot be read")
    }
    replaces = try document["replaces"]?.string.map { (text) throws(InvalidValue) in
      try DeviceID(text)
    }
    replacedBy = try document["replacedBy"]?.string.map { (text) throws(InvalidValue) in
      try DeviceID(text)
    }
  }
}

extension DeviceClaim {
  fileprivate var document: JSON {
    .members([
      "id": .string(digest.description), "until": .integer(expires.milliseconds),
      "used": usedAt.map { .integer($0.milliseconds) },
    ])
  }

  // Nil for none.
  fileprivate init?(stored: JSON?) throws(InvalidValue) {
    guard let stored else { return nil }
    guard let digest = stored["id"]?.string.flatMap(Digest.init(hex:)),
      let until = stored["until"]?.integer
    else { throw InvalidValue(field: "enrolment.claim", reason: "cannot be read") }
    self.init(
      digest: digest, expires: Instant(milliseconds: until),
      usedAt: stored["used"]?.integer.map(Instant.init(milliseconds:)))
  }
}
