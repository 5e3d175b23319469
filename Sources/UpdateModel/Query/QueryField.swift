// QueryField: what a query can look at: facts the server keeps, tags, and both sides of the twin.

/// A way into a JSON document.
public struct QueryPath: Hashable, Sendable {
  /// One step of a way.
  public enum Step: Hashable, Sendable {
    /// A member of an object.
    case member(ExactText)
    /// An element of an array, from 0.
    case element(Int)
  }

  /// From the outside in.
  public let steps: [Step]

  /// Joins the steps.
  public init(_ steps: [Step]) { self.steps = steps }

  /// Goes by members only.
  public init(members: String...) { steps = members.map { .member(ExactText($0)) } }

  /// Names joined by dots are several members, or one that has this very name: devices of protocols
  /// that know no objects report `battery.percent` so. See `TwinSection.text(_:)`.
  public init(dotted key: String) {
    let names = key.split(separator: ".", omittingEmptySubsequences: false)
    let isPath = names.count <= Query.pathMembersMax && names.allSatisfy { !$0.isEmpty }
    steps = isPath ? names.map { .member(ExactText(String($0))) } : [.member(ExactText(key))]
  }

  /// What lies at the end of the way; nil when it leads nowhere or to `null`, which RFC 7396 makes
  /// the same as nothing. One member named like the whole way, with dots, comes first.
  public func value(in document: JSON) -> JSON? {
    if let dottedName, let value = document[dottedName] { return value == .null ? nil : value }
    var value = document
    for step in steps {
      switch step {
      case .member(let name):
        guard let next = value[name.text] else { return nil }
        value = next
      case .element(let position):
        guard case .array(let elements) = value, position < elements.count else { return nil }
        value = elements[position]
      }
    }
    return value == .null ? nil : value
  }

  /// The name of one member that stands for the whole way; nil for a single step or with an index.
  public var dottedName: String? {
    guard steps.count > 1 else { return nil }
    var names: [String] = []
    for step in steps {
      guard case .member(let name) = step else { return nil }
      names.append(name.text)
    }
    return names.joined(separator: ".")
  }
}

/// Something of a device that a query can look at.
public enum QueryField: Hashable, Sendable, CustomStringConvertible {
  /// The id.
  case device
  /// The hardware model.
  case hardware
  /// The version the device reports, under whatever name.
  case version
  /// The state of its life: `provisioned`, `enrolled`, `active`, `quarantined` or `retired`.
  case state
  /// The groups it belongs to.
  case group
  /// When it was last heard.
  case lastSeen
  /// When it was registered.
  case createdAt
  /// A tag that people gave it.
  case tag(QueryPath)
  /// A property that it is to have.
  case desired(QueryPath)
  /// A property that it says it has.
  case reported(QueryPath)

  /// Fields by the one word that names them.
  static let plain: [String: QueryField] = [
    "device": .device, "hardware": .hardware, "version": .version, "state": .state,
    "group": .group, "lastSeen": .lastSeen, "createdAt": .createdAt,
  ]

  /// As it is written in queries: `reported.battery.percent`, `tags."a b"`.
  public var description: String {
    switch self {
    case .device: "device"
    case .hardware: "hardware"
    case .version: "version"
    case .state: "state"
    case .group: "group"
    case .lastSeen: "lastSeen"
    case .createdAt: "createdAt"
    case .tag(let path): "tags" + QueryField.written(path)
    case .desired(let path): "desired" + QueryField.written(path)
    case .reported(let path): "reported" + QueryField.written(path)
    }
  }

  /// As people call it: as `description`, without `reported.`.
  var spoken: String {
    guard case .reported = self else { return description }
    return String(description.dropFirst("reported.".count))
  }

  private static func written(_ path: QueryPath) -> String {
    path.steps.map { step in
      switch step {
      case .member(let name):
        QueryScanner.isName(name.text) ? ".\(name.text)" : ".\(QueryLiteral.quoted(name.text))"
      case .element(let position): "[\(position)]"
      }
    }.joined()
  }

  /// What values of the field are.
  enum Kind: Equatable {
    case text, version, time, number, bool, anything

    /// In words, with an article.
    var words: String {
      switch self {
      case .text: "text"
      case .version: "a version"
      case .time: "a time"
      case .number: "a number"
      case .bool: "true or false"
      case .anything: "anything"
      }
    }
  }

  /// What is known about its values without looking at a device.
  var kind: Kind {
    switch self {
    case .device, .hardware, .state, .group: .text
    case .version: .version
    case .lastSeen, .createdAt: .time
    case .tag: .anything
    case .desired(let path): path == QueryPath(members: "version") ? .version : .anything
    case .reported(let path): QueryField.kind(ofReported: path)
    }
  }

  /// The way below the reported property `update`, which the server makes when somebody looks at
  /// how the update of a device goes; nil for all other fields.
  public var updatePath: QueryPath? {
    guard case .reported(let path) = self, path.steps.first == .member("update") else { return nil }
    return QueryPath(Array(path.steps.dropFirst()))
  }

  // The properties that mean the same on every device. A gateway that knows only texts may still
  // bring a number as text; `number(...)` and `text(...)` read such.
  private static func kind(ofReported path: QueryPath) -> Kind {
    switch path {
    case QueryPath(members: "version"): .version
    case QueryPath(members: "battery", "percent"), QueryPath(members: "storage", "freeBytes"),
      QueryPath(members: "temperature"), QueryPath(members: "location", "latitude"),
      QueryPath(members: "location", "longitude"), QueryPath(members: "boot", "attempts"),
      QueryPath(members: "update", "percent"), QueryPath(members: "update", "bytes"),
      QueryPath(members: "update", "attempt"), QueryPath(members: "update", "rollout"),
      QueryPath(members: "update", "error", "code"):
      .number
    case QueryPath(members: "battery", "charging"), QueryPath(members: "inUse"),
      QueryPath(members: "network", "metered"), QueryPath(members: "safeMode"),
      QueryPath(members: "boot", "trial"):
      .bool
    case QueryPath(members: "hardware"), QueryPath(members: "image_sha256"),
      QueryPath(members: "slot"), QueryPath(members: "power"),
      QueryPath(members: "network", "type"), QueryPath(members: "location", "country"),
      QueryPath(members: "location", "site"), QueryPath(members: "timeZone"),
      QueryPath(members: "update", "phase"), QueryPath(members: "update", "action"),
      QueryPath(members: "update", "error", "class"), QueryPath(members: "update", "error", "text"):
      .text
    case QueryPath(members: "lastSeen"), QueryPath(members: "update", "since"): .time
    default: .anything
    }
  }
}

/// What a field of a device holds.
public enum QueryValue: Equatable, Sendable {
  /// A value from a document.
  case json(JSON)
  /// A point in time that the server keeps.
  case time(Instant)

  /// A text.
  public static func text(_ text: String) -> QueryValue { .json(.string(text)) }
  /// Several texts, such as the groups of a device.
  public static func texts(_ texts: [String]) -> QueryValue {
    .json(.array(texts.map { .string($0) }))
  }
}

/// A device as far as queries look at it.
public protocol QuerySubject {
  /// What the device has there; nil when it has nothing.
  func value(of field: QueryField) -> QueryValue?
}
