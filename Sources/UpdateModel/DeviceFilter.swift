// DeviceFilter: a conjunction of simple conditions on hardware, version, tags and attributes.

/// Conditions that all must hold, written as `hardware=board-a, tag.site!=lab, attr.region=eu-*`.
public struct DeviceFilter: Equatable, Sendable, CustomStringConvertible {
  /// One condition.
  public struct Condition: Equatable, Sendable {
    /// What is looked at.
    public enum Field: Equatable, Sendable {
      /// The device id.
      case device
      /// The hardware model.
      case hardware
      /// The version the device reports.
      case version
      /// A tag, by key.
      case tag(String)
      /// A reported attribute, by key.
      case attribute(String)
    }

    /// What is looked at.
    public let field: Field
    /// Whether the value must differ instead of agree.
    public let negated: Bool
    /// The value; a final `*` stands for any rest.
    public let pattern: String
  }

  /// All of these must hold; an empty list matches every device.
  public let conditions: [Condition]
  private let text: String

  /// Reads the written form; at most 2,000 bytes and 32 conditions.
  public init(_ text: String) throws(InvalidValue) {
    func refuse(_ reason: String) -> InvalidValue {
      InvalidValue(
        field: "filter",
        reason: reason
          + "; write conditions such as hardware=board-a, tag.site!=lab, attr.region=eu-*"
      )
    }
    guard text.utf8.count <= 2000 else { throw refuse("the filter is longer than 2000 bytes") }
    var conditions: [Condition] = []
    for part in text.split(separator: ",") {
      guard let sign = part.firstIndex(of: "=") else {
        throw refuse("'\(part.prefix(40))' has no '='")
      }
      let negated = sign > part.startIndex && part[part.index(before: sign)] == "!"
      let nameEnd = negated ? part.index(before: sign) : sign
      let name = String(part[..<nameEnd].trimmed)
      let pattern = String(part[part.index(after: sign)...].trimmed)
      guard let field = Condition.Field(name) else {
        throw refuse(
          "'\(name.prefix(40))' is no field: use device, hardware, version, tag.KEY or attr.KEY")
      }
      conditions.append(Condition(field: field, negated: negated, pattern: pattern))
    }
    guard conditions.count <= 32 else { throw refuse("more than 32 conditions") }
    self.conditions = conditions
    self.text = text
  }

  /// Whether a device meets all conditions.
  public func matches(_ device: Device) -> Bool {
    conditions.allSatisfy { condition in
      DeviceFilter.agrees(condition.field.value(of: device), with: condition.pattern)
        != condition.negated
    }
  }

  private static func agrees(_ value: String?, with pattern: String) -> Bool {
    guard let value else { return false }
    return pattern.hasSuffix("*") ? value.hasPrefix(pattern.dropLast()) : value == pattern
  }

  /// The written form.
  public var description: String { text }
}

extension DeviceFilter.Condition.Field {
  /// What a device has there; nil when it has nothing.
  public func value(of device: Device) -> String? {
    switch self {
    case .device: device.key.device.text
    case .hardware: device.hardware?.text
    case .version: device.reportedVersion
    case .tag(let key): device.twin.tags.text(key)
    case .attribute(let key): device.twin.reported.text(key)
    }
  }

  /// As it is written in filters and policies.
  public var name: String {
    switch self {
    case .device: "device"
    case .hardware: "hardware"
    case .version: "version"
    case .tag(let key): "tag.\(key)"
    case .attribute(let key): "attr.\(key)"
    }
  }

  init?(_ name: String) {
    switch name {
    case "device": self = .device
    case "hardware": self = .hardware
    case "version": self = .version
    default:
      if name.hasPrefix("tag."), name.count > 4 {
        self = .tag(String(name.dropFirst(4)))
      } else if name.hasPrefix("attr."), name.count > 5 {
        self = .attribute(String(name.dropFirst(5)))
      } else {
        return nil
      }
    }
  }
}

extension Substring {
  /// The text without white space at both ends.
  var trimmed: Substring {
    guard let first = firstIndex(where: { !$0.isWhitespace }),
      let last = lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return self[first...last]
  }
}
