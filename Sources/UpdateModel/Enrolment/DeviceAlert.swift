// DeviceAlert: something about a device that a person should look at.

/// A sign that a device is not, or not only, what it should be.
public struct DeviceAlert: Equatable, Sendable {
  /// What was seen.
  public enum Kind: String, Sendable, CaseIterable {
    /// Two units speak with the same credential.
    case clone
    /// A claim code was used again, with another key.
    case claimReused = "claim-reused"
    /// Something that speaks for a device came with another key than the device has.
    case otherKey = "other-key"
  }

  /// Number within the tenant.
  public let id: Int
  /// Which device.
  public let device: DeviceID
  /// What was seen.
  public let kind: Kind
  /// In words.
  public let text: String
  /// When it was first seen.
  public let since: Instant
  /// When it was last seen.
  public var lastSeen: Instant
  /// How often it was seen.
  public var count: Int
  /// Who looked at it; nil while nobody did.
  public var acknowledgedBy: String?

  /// Alerts that are kept of one tenant; those that somebody looked at go first.
  public static let countMax = 1000

  /// Something that was just seen.
  public init(id: Int, device: DeviceID, kind: Kind, text: String, at now: Instant) {
    self.id = id
    self.device = device
    self.kind = kind
    self.text = text
    since = now
    lastSeen = now
    count = 1
  }

  /// The stored form, and what people see.
  public var document: JSON {
    .members([
      "id": JSON(id), "device": .string(device.text), "kind": .string(kind.rawValue),
      "text": .string(text), "since": .string(since.description),
      "lastSeen": .string(lastSeen.description), "count": JSON(count),
      "acknowledgedBy": acknowledgedBy.map { .string($0) },
    ])
  }

  /// Reads the stored form.
  public init(_ document: JSON) throws(InvalidValue) {
    guard let id = document["id"]?.integer.flatMap({ Int(exactly: $0) }),
      let device = document["device"]?.string, let text = document["text"]?.string,
      let kind = document["kind"]?.string.flatMap(Kind.init),
      let since = document["since"]?.string.flatMap(Instant.init(rfc3339:)),
      let lastSeen = document["lastSeen"]?.string.flatMap(Instant.init(rfc3339:)),
      let count = document["count"]?.integer.flatMap({ Int(exactly: $0) })
    else { throw InvalidValue(field: "alert", reason: "cannot be read") }
    self.init(id: id, device: try DeviceID(device), kind: kind, text: text, at: since)
    self.lastSeen = lastSeen
    self.count = count
    acknowledgedBy = document["acknowledgedBy"]?.string
  }
}
