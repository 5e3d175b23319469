// Capability: what a device says that it can be told to do, and what every device may be told.

/// One command that a device understands.
public struct Capability: Equatable, Sendable {
  /// The name that commands carry.
  public let name: Name
  /// For people; nil when the device gives none.
  public let title: String?
  /// What its arguments may be; nil when the device does not say.
  public let arguments: ArgumentSchema?
  /// Whether it takes the device out of service for a while.
  public let isDisruptive: Bool

  /// Bytes of a title.
  public static let titleBytesMax = 200

  /// Joins the facts.
  public init(name: Name, title: String?, arguments: ArgumentSchema?, isDisruptive: Bool) {
    self.name = name
    self.title = title
    self.arguments = arguments
    self.isDisruptive = isDisruptive
  }

  /// Reads `{"name", "title"?, "arguments"?, "disruptive"?}`; other members are ignored.
  public init(_ document: JSON) throws(InvalidValue) {
    guard document.members != nil else {
      throw InvalidValue(field: "", reason: "is \(document.kind) where an object is expected")
    }
    guard let name = document["name"]?.string else {
      throw InvalidValue(field: "name", reason: "missing, or not a text")
    }
    let title = document["title"]
    if let title, title.string.map({ $0.utf8.count <= Capability.titleBytesMax }) != true {
      throw InvalidValue(
        field: "title", reason: "is no text of at most \(Capability.titleBytesMax) bytes")
    }
    let disruptive = document["disruptive"] ?? false
    guard let isDisruptive = disruptive.bool else {
      throw InvalidValue(field: "disruptive", reason: "is \(disruptive.kind); give true or false")
    }
    var arguments: ArgumentSchema?
    if let schema = document["arguments"] { arguments = try ArgumentSchema(schema) }
    self.init(
      name: try Name(name), title: title?.string, arguments: arguments, isDisruptive: isDisruptive)
  }
}

/// The commands of one device: what it advertises, and the standard ones that it does not.
public struct CapabilityList: Equatable, Sendable {
  /// What the device advertises, in its order.
  public let advertised: [Capability]
  /// The standard commands that it does not advertise itself.
  public let standard: [Capability]
  /// What was ignored and why, by its place such as `capabilities[3].title`.
  public let ignored: [InvalidValue]

  /// Capabilities of one device that are read.
  public static let countMax = 64

  /// Reads the reported property `capabilities`; nil, null and what is malformed advertise nothing.
  public init(reported: JSON?) {
    var advertised: [Capability] = []
    var ignored: [InvalidValue] = []
    let elements = reported?.array ?? []
    if let reported, reported != .null, reported.array == nil {
      ignored.append(
        InvalidValue(
          field: "capabilities", reason: "is \(reported.kind) where an array is expected"))
    }
    for (position, element) in elements.prefix(CapabilityList.countMax).enumerated() {
      let place = "capabilities[\(position)]"
      do throws(InvalidValue) {
        let capability = try Capability(element)
        guard !advertised.contains(where: { $0.name == capability.name }) else {
          throw InvalidValue(field: "name", reason: "\(capability.name) was there before")
        }
        advertised.append(capability)
      } catch {
        let field = error.field.isEmpty ? place : "\(place).\(error.field)"
        ignored.append(InvalidValue(field: field, reason: error.reason))
      }
    }
    if elements.count > CapabilityList.countMax {
      ignored.append(
        InvalidValue(
          field: "capabilities[\(CapabilityList.countMax)]",
          reason: "\(elements.count) are too many: only the first \(CapabilityList.countMax) count")
      )
    }
    self.advertised = advertised
    self.ignored = ignored
    standard = StandardCommand.capabilities.filter { capability in
      !advertised.contains { $0.name == capability.name }
    }
  }

  /// What the device says about a command before what is standard; nil for one that is neither.
  public subscript(name: Name) -> Capability? {
    advertised.first { $0.name == name } ?? standard.first { $0.name == name }
  }
}
