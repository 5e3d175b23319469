// Device: what the server keeps about one device beyond its live state.

/// A device as it was registered and as it last described itself.
public struct Device: Equatable, Sendable {
  /// Tenant and id.
  public let key: DeviceKey
  /// Hardware model: decides which artifact fits. Nil until the device has said it.
  public var hardware: Name?
  /// SHA-256 of the device's token; nil when no token was issued.
  public var tokenDigest: Digest?
  /// What operators say about it, what it should be, what it reports.
  public var twin: Twin
  /// When it was registered.
  public let createdAt: Instant
  /// Releases with an anti-rollback floor that it verifiably ran, in order; it keeps them for good.
  public var ran: [ReleaseID]
  /// Where it is in its life, and its credentials besides the token.
  public var enrolment: Enrolment

  /// Joins the facts of a registration.
  public init(
    key: DeviceKey, hardware: Name?, tokenDigest: Digest?, twin: Twin, createdAt: Instant,
    ran: [ReleaseID] = [], enrolment: Enrolment = Enrolment()
  ) {
    self.key = key
    self.hardware = hardware
    self.tokenDigest = tokenDigest
    self.twin = twin
    self.createdAt = createdAt
    self.ran = ran
    self.enrolment = enrolment
  }

  /// Joins the facts of a registration with tags and reported properties that are plain texts.
  public init(
    key: DeviceKey, hardware: Name?, tokenDigest: Digest?, tags: [String: String],
    attributes: [String: String], createdAt: Instant, ran: [ReleaseID] = []
  ) {
    let twin = Twin(
      tags: TwinSection(texts: tags, at: createdAt),
      reported: TwinSection(texts: attributes, at: createdAt))
    self.init(
      key: key, hardware: hardware, tokenDigest: tokenDigest, twin: twin, createdAt: createdAt,
      ran: ran)
  }

  /// The tags that are plain values, as texts.
  public var tags: [String: String] { twin.tags.texts }

  /// The reported properties that are plain values, as texts: what DDI calls attributes.
  public var attributes: [String: String] { twin.reported.texts }

  /// The version the device says it runs; nil when it never said.
  public var reportedVersion: String? { ReportedAttribute.version.value(in: twin.reported) }

  /// The SHA-256 of the image the device says it runs, lower case; nil when it never said.
  public var reportedImage: Digest? {
    ReportedAttribute.imageDigest.value(in: twin.reported).flatMap(Digest.init(hex:))
  }
}

/// Reported properties that mean something to the server, under the names that clients use.
public struct ReportedAttribute: Sendable {
  /// Spellings, the preferred one first.
  public let spellings: [String]

  /// What the device runs: `version`, SWUpdate's and gooseBit's `sw_version`, and relatives.
  public static let version = ReportedAttribute(
    spellings: ["version", "sw_version", "swVersion", "firmware_version", "firmwareVersion"])
  /// SHA-256 of what the device runs.
  public static let imageDigest = ReportedAttribute(spellings: ["image_sha256", "imageSha256"])
  /// The hardware model: `hardware`, SWUpdate's `hw_boardname`, RAUC's `compatible`, Mender's
  /// `device_type`.
  public static let hardware = ReportedAttribute(
    spellings: ["hardware", "hw_boardname", "compatible", "device_type"])

  /// The first spelling that has a value.
  public func value(in reported: TwinSection) -> String? {
    for spelling in spellings {
      if let value = reported.text(spelling), !value.isEmpty { return value }
    }
    return nil
  }
}

/// Limits on plain tags and attributes, after those that hawkBit documents; see `Twin` for others.
public enum DeviceLimits {
  /// Attributes or tags per device.
  public static let attributeCount = 100
  /// Bytes of the name of an attribute, a tag or any property of a twin.
  public static let keyBytes = 128
  /// Bytes of a value.
  public static let valueBytes = 512

  /// Why a text cannot name a property; nil when it can.
  static func fault(ofName name: String) -> String? {
    let isPrintable = name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
    guard (1...keyBytes).contains(name.utf8.count), isPrintable else {
      return "a name has 1 to \(keyBytes) bytes and no white space"
    }
    return nil
  }

  /// Checks one attribute or tag.
  public static func check(key: String, value: String) throws(InvalidValue) {
    if let fault = fault(ofName: key) {
      throw InvalidValue(field: key.isEmpty ? "key" : String(key.prefix(40)), reason: fault)
    }
    guard value.utf8.count <= valueBytes, !value.unicodeScalars.contains(where: { $0.value == 0 })
    else {
      throw InvalidValue(
        field: key, reason: "a value has at most \(valueBytes) bytes and no NUL character")
    }
  }

  /// Checks how many attributes or tags there are.
  public static func check(count: Int) throws(InvalidValue) {
    guard count <= attributeCount else {
      throw InvalidValue(
        field: "attributes", reason: "\(count) are too many: at most \(attributeCount) are kept")
    }
  }
}

/// A named set of devices: listed one by one, or all that match a filter.
public struct DeviceGroup: Equatable, Sendable {
  /// Who belongs to the group.
  public enum Membership: Equatable, Sendable {
    /// The devices that were added by name; kept by the fleet, not here.
    case explicit
    /// Every device that matches.
    case filter(DeviceFilter)
    /// Every device that meets a query, which is a steady one.
    case query(Query)
  }

  /// Name within the tenant.
  public let name: Name
  /// How members are found.
  public let membership: Membership

  /// Joins a name and a rule of membership.
  public init(name: Name, membership: Membership) {
    self.name = name
    self.membership = membership
  }
}
