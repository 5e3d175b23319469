// PendingEnrolment: a device that asks to become known and waits for a person.

/// A request that a person has to look at. It gives access to nothing.
public struct PendingEnrolment: Equatable, Sendable {
  /// The key that it came with.
  public let kind: Credential.Kind
  /// The key in DER.
  public let publicKey: [UInt8]
  /// SHA-256 of the key: names the request.
  public let fingerprint: Digest
  /// The device it wants to be; nil when it leaves that to us.
  public let device: DeviceID?
  /// The model that it says it is.
  public let hardware: Name?
  /// Why it waits.
  public let reason: String
  /// When it first came.
  public let since: Instant
  /// When it last came.
  public var lastAsked: Instant

  /// Requests that may wait in one tenant.
  public static let countMax = 1000
  /// How long a request waits.
  public static let lifetime = Interval.days(7)

  /// Joins the facts.
  public init(
    kind: Credential.Kind, publicKey: [UInt8], fingerprint: Digest, device: DeviceID?,
    hardware: Name?, reason: String, since: Instant
  ) {
    self.kind = kind
    self.publicKey = publicKey
    self.fingerprint = fingerprint
    self.device = device
    self.hardware = hardware
    self.reason = reason
    self.since = since
    lastAsked = since
  }

  /// The stored form.
  public var document: JSON {
    .members([
      "kind": .string(kind.rawValue), "key": .string(HexText.encode(publicKey)),
      "device": device.map { .string($0.text) }, "hardware": hardware.map { .string($0.text) },
      "reason": .string(reason), "since": .integer(since.milliseconds),
    ])
  }

  /// Reads the stored form, kept under its fingerprint.
  public init(_ document: JSON, fingerprint: String) throws(InvalidValue) {
    guard let kind = document["kind"]?.string.flatMap(Credential.Kind.init), kind.isKey,
      let key = document["key"]?.string.flatMap(HexText.decode),
      let fingerprint = Digest(hex: fingerprint), let since = document["since"]?.integer
    else { throw InvalidValue(field: "pending", reason: "cannot be read") }
    self.init(
      kind: kind, publicKey: key, fingerprint: fingerprint,
      device: try document["device"]?.string.map { (text) throws(InvalidValue) in
        try DeviceID(text)
      },
      hardware: try document["hardware"]?.string.map { (text) throws(InvalidValue) in
        try Name(text)
      },
      reason: document["reason"]?.string ?? "", since: Instant(milliseconds: since))
  }
}
