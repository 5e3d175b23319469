// Credential: one means by which a device proves who it is.

/// A means of proof with its time. Only public parts and digests are kept.
public struct Credential: Equatable, Sendable {
  /// What a device has to show.
  public enum Kind: String, Sendable, CaseIterable {
    /// A secret text; its fingerprint is the SHA-256 of it.
    case token
    /// An Ed25519 key; its fingerprint is the SHA-256 of its SubjectPublicKeyInfo.
    case ed25519
    /// A P-256 key; fingerprint as for Ed25519.
    case p256

    /// Whether a device signs with it, or shows a certificate for it.
    public var isKey: Bool { self != .token }
  }

  /// Whether it counts.
  public enum Status: String, Sendable, CaseIterable {
    /// A key that is awaited: it makes its device known when it asks to be enrolled.
    case expected
    /// It counts.
    case active
    /// It counts until its successor is used for the first time, or until `notAfter`.
    case rotating
    /// It counts no more.
    case revoked
  }

  /// What kind of proof.
  public let kind: Kind
  /// Names it: 32 bytes.
  public let fingerprint: Digest
  /// The SubjectPublicKeyInfo of a key (RFC 5280 section 4.1) in DER; nil for a token, and for an
  /// expected key of which only the fingerprint is known.
  public let publicKey: [UInt8]?
  /// Whether it counts.
  public var status: Status
  /// From when on.
  public let notBefore: Instant
  /// Until when; nil without end.
  public var notAfter: Instant?
  /// When it became known.
  public let createdAt: Instant
  /// When it was first used; nil while it was not.
  public var usedAt: Instant?

  /// Credentials that are kept of a device, revoked ones included; the oldest go first.
  public static let countMax = 8

  /// Joins the facts.
  public init(
    kind: Kind, fingerprint: Digest, publicKey: [UInt8]?, status: Status = .active,
    notBefore: Instant, notAfter: Instant? = nil, createdAt: Instant
  ) {
    self.kind = kind
    self.fingerprint = fingerprint
    self.publicKey = publicKey
    self.status = status
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.createdAt = createdAt
  }

  /// Whether a device may prove itself by it at an instant.
  public func counts(at now: Instant) -> Bool {
    switch status {
    case .expected, .revoked: false
    case .active, .rotating: notBefore <= now && notAfter.map { now < $0 } ?? true
    }
  }
}

extension Credential {
  /// The stored form. Keys are written in hexadecimal.
  public var document: JSON {
    .members([
      "kind": .string(kind.rawValue), "id": .string(fingerprint.description),
      "key": publicKey.map { .string(HexText.encode($0)) }, "status": .string(status.rawValue),
      "from": .integer(notBefore.milliseconds), "until": notAfter.map { .integer($0.milliseconds) },
      "at": createdAt == notBefore ? nil : .integer(createdAt.milliseconds),
      "used": usedAt.map { .integer($0.milliseconds) },
    ])
  }

  /// Reads the stored form; nil for anything else.
  public init?(_ document: JSON) {
    func instant(_ key: String) -> Instant? {
      document[key]?.integer.map(Instant.init(milliseconds:))
    }
    guard let kind = document["kind"]?.string.flatMap(Kind.init(rawValue:)),
      let fingerprint = document["id"]?.string.flatMap(Digest.init(hex:)),
      let status = document["status"]?.string.flatMap(Status.init(rawValue:)),
      let from = instant("from")
    else { return nil }
    let key = document["key"]?.string.flatMap(HexText.decode)
    guard document["key"] == nil || key != nil else { return nil }
    self.init(
      kind: kind, fingerprint: fingerprint, publicKey: key, status: status, notBefore: from,
      notAfter: instant("until"), createdAt: instant("at") ?? from)
    usedAt = instant("used")
  }
}

/// Bytes as hexadecimal digits, for documents.
enum HexText {
  static func encode(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8).map(digit)
    guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map {
      (digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0)
    }
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
