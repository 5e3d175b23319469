// Identifiers: one type per kind of thing, checked once at the edge, never empty, never too long.

/// What was wrong with a value from outside, in words for the person or device that sent it.
public struct InvalidValue: Error, Equatable, Sendable {
  /// Name or path of the field, for example `hardware` or `$.stages.start`.
  public let field: String
  /// What is wrong and what would be right; one sentence, lower case, no full stop.
  public let reason: String

  /// Describes a value that was refused.
  public init(field: String, reason: String) {
    self.field = field
    self.reason = reason
  }
}

/// Text used as a key: printable ASCII from a small alphabet, so it is safe in paths, logs and SQL.
public struct Name: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The text itself, 1 to 64 characters of `A-Z a-z 0-9 . _ -`, not starting with `.` or `-`.
  public let text: String

  /// Checks a name that a person or device gave; `field` is how an error names the value.
  public init(_ text: String, field: String = "name") throws(InvalidValue) {
    guard Name.isValid(text) else {
      throw InvalidValue(
        field: field,
        reason: "'\(text.prefix(80))' is not a name: use 1 to 64 of A-Z a-z 0-9 . _ - and start "
          + "with a letter, digit or _")
    }
    self.text = text
  }

  private static func isValid(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count) else { return false }
    guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else {
      return false
    }
    return text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        return true
      default: return false
      }
    }
  }

  /// The text itself.
  public var description: String { text }

  /// Byte order of the texts.
  public static func < (left: Name, right: Name) -> Bool { left.text < right.text }
}

/// The name a device goes by: the controller id of hawkBit's DDI, unique within its tenant.
public struct DeviceID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The text itself: 1 to 256 bytes of UTF-8 without white space or control characters.
  public let text: String

  /// Checks a device id. DDI allows at most 256 characters and no white space.
  public init(_ text: String) throws(InvalidValue) {
    let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
    let allowed =
      isPlain
      || text.unicodeScalars.allSatisfy { scalar in
        scalar.value > 0x20 && scalar.value != 0x7F && scalar != "/"
          && !scalar.properties.isWhitespace
      }
    guard (1...256).contains(text.utf8.count), allowed else {
      throw InvalidValue(
        field: "device",
        reason: "'\(text.prefix(80))' is not a device id: use 1 to 256 bytes without white space "
          + "or '/'")
    }
    self.text = text
  }

  /// The text itself.
  public var description: String { text }

  /// Equal bytes: two spellings of the same character are two devices, as they are on the wire.
  public static func == (left: DeviceID, right: DeviceID) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  /// Feeds the text: equal bytes are equal texts, and the hash of a short text is fast.
  public func hash(into hasher: inout Hasher) { hasher.combine(text) }

  /// Byte order of the texts.
  public static func < (left: DeviceID, right: DeviceID) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }
}

/// A device and the tenant it belongs to.
public struct DeviceKey: Hashable, Sendable, CustomStringConvertible {
  /// Whose device it is.
  public let tenant: Name
  /// Which device of the tenant.
  public let device: DeviceID

  /// Joins a tenant and one of its devices.
  public init(tenant: Name, device: DeviceID) {
    self.tenant = tenant
    self.device = device
  }

  /// `tenant/device`, for logs.
  public var description: String { "\(tenant)/\(device)" }
}

/// The number of one attempt to update one device.
///
/// DDI clients keep it in a signed 32-bit integer, and older Zephyr builds misread ids below 11 and
/// ids that end in zero, so those are never used (see `ActionID.following`).
public struct ActionID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// 11 to 2^31 - 1, never a multiple of ten.
  public let number: UInt32

  /// Accepts a number that may be an action id; nil for one that never is.
  public init?(_ number: UInt32) {
    guard number >= 11, number <= UInt32(Int32.max), !number.isMultiple(of: 10) else { return nil }
    self.number = number
  }

  /// Reads the decimal form used in DDI paths; nil for anything else, also for leading zeros.
  public init?(decimal text: some StringProtocol) {
    var number: UInt32 = 0
    for byte in text.utf8 {
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      let (tens, isTooLarge) = number.multipliedReportingOverflow(by: 10)
      let (sum, isTooLargeWithDigit) = tens.addingReportingOverflow(
        UInt32(byte - UInt8(ascii: "0")))
      guard !isTooLarge, !isTooLargeWithDigit else { return nil }
      number = sum
    }
    guard text.utf8.first != UInt8(ascii: "0") else { return nil }
    self.init(number)
  }

  /// The next usable id; wraps to the start of the range after 2^31 - 1.
  public var following: ActionID {
    var next = number
    while true {
      next = next >= UInt32(Int32.max) ? 11 : next + 1
      if let id = ActionID(next) { return id }
    }
  }

  /// The decimal number.
  public var description: String { String(number) }

  /// Numeric order.
  public static func < (left: ActionID, right: ActionID) -> Bool { left.number < right.number }
}

/// A small number that the store gave to an artifact, release or rollout of a tenant.
public struct SerialID<Thing>: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// Positive, unique per tenant and kind.
  public let number: UInt32

  /// Wraps a number that came from the store.
  public init(_ number: UInt32) { self.number = number }

  /// The decimal number.
  public var description: String { String(number) }

  /// Numeric order.
  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// Identifies an artifact within its tenant.
public typealias ArtifactID = SerialID<Artifact>
/// Identifies a release within its tenant.
public typealias ReleaseID = SerialID<Release>
/// Identifies a rollout within its tenant.
public typealias RolloutID = SerialID<RolloutSpecification>
