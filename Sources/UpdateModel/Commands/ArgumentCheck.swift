// ArgumentCheck: compares arguments with a schema and names the path of everything that is wrong.

extension ArgumentSchema {
  /// What is wrong with a value, in the order of its members; empty when nothing is.
  ///
  /// `path` is how faults call the value. At most `DocumentReader.Faults.limit` are found.
  public func faults(of value: JSON, path: String = "$.arguments") -> [Problem.Fault] {
    var check = ArgumentCheck()
    check.check(value, root, path)
    return check.faults
  }
}

/// Arguments as they may come from a person, whatever the schema says.
public enum CommandArguments {
  /// Bytes of compact JSON.
  public static let bytesMax = 8 * 1024
  /// Levels of arrays and objects.
  public static let depthMax = 8

  /// Checks the size and depth of arguments, and that they are an object.
  public static func check(_ arguments: JSON) throws(InvalidValue) {
    func refuse(_ reason: String) -> InvalidValue {
      InvalidValue(field: "$.arguments", reason: reason)
    }
    guard arguments.members != nil else {
      throw refuse("is \(arguments.kind) where an object is expected")
    }
    guard arguments.depth <= depthMax else {
      throw refuse("is nested \(arguments.depth) levels deep; at most \(depthMax) are sent")
    }
    let size = arguments.text.count
    guard size <= bytesMax else {
      throw refuse("has \(size) bytes; at most \(bytesMax) are sent")
    }
  }
}

// Recurses as deep as the value, which was bounded before.
private struct ArgumentCheck {
  private(set) var faults: [Problem.Fault] = []

  mutating func check(_ value: JSON, _ node: ArgumentSchema.Node, _ path: String) {
    guard faults.count < DocumentReader.Faults.limit else { return }
    switch node {
    case .anything: break
    case .nothing: refuse(path, "is not allowed here")
    case .rules(let rules): check(value, rules, path)
    }
  }

  private mutating func check(_ value: JSON, _ rules: ArgumentSchema.Rules, _ path: String) {
    if !rules.types.isEmpty, !rules.types.contains(where: { $0.includes(value) }) {
      let wanted = rules.types.map(\.rawValue).joined(separator: " or ")
      return refuse(path, "found \(value.kind) where \(wanted) is expected")
    }
    if let choices = rules.choices, !choices.contains(where: { $0.means(value) }) {
      let known = choices.prefix(20).map { String(decoding: $0.text, as: UTF8.self) }
      return refuse(path, "found \(value.kind); allowed: \(known.joined(separator: ", "))")
    }
    if let constant = rules.constant, !constant.means(value) {
      return refuse(path, "found \(value.kind) where \(constant.kind) is expected")
    }
    switch value {
    case .object(let members): check(members, rules, path)
    case .array(let elements): check(elements, rules, path)
    case .string(let text):
      check(Int64(text.unicodeScalars.count), rules.characters, path, "characters")
    case .integer, .decimal: checkRange(value, rules, path)
    case .null, .bool: break
    }
  }

  private mutating func check(
    _ members: [JSON.Member], _ rules: ArgumentSchema.Rules, _ path: String
  ) {
    for name in rules.required where !members.contains(where: { $0.key == name }) {
      refuse("\(path).\(name)", "missing; it is required")
    }
    for member in members {
      let inner = "\(path).\(member.key.prefix(64))"
      if let property = rules.properties.first(where: { $0.name == member.key }) {
        check(member.value, property.schema, inner)
      } else if rules.others == .nothing {
        let known = rules.properties.map(\.name).joined(separator: ", ")
        refuse(inner, "unknown argument; \(known.isEmpty ? "none is" : "allowed: \(known)")")
      } else {
        check(member.value, rules.others, inner)
      }
    }
  }

  private mutating func check(_ elements: [JSON], _ rules: ArgumentSchema.Rules, _ path: String) {
    check(Int64(elements.count), rules.elements, path, "elements")
    for (position, element) in elements.enumerated() {
      check(element, rules.items, "\(path)[\(position)]")
    }
  }

  private mutating func check(
    _ count: Int64, _ bounds: ArgumentSchema.Bounds, _ path: String, _ what: String
  ) {
    if let least = bounds.least, count < least {
      refuse(path, "has \(count) \(what); at least \(least) are needed")
    }
    if let most = bounds.most, count > most {
      refuse(path, "has \(count) \(what); at most \(most) are allowed")
    }
  }

  private mutating func checkRange(
    _ value: JSON, _ rules: ArgumentSchema.Rules, _ path: String
  ) {
    guard let number = value.number else { return }
    if let minimum = rules.minimum, let least = minimum.number, number < least {
      refuse(path, "found \(value.kind); the least is \(least)")
    }
    if let maximum = rules.maximum, let most = maximum.number, most < number {
      refuse(path, "found \(value.kind); the most is \(most)")
    }
  }

  private mutating func refuse(_ path: String, _ reason: String) {
    guard faults.count < DocumentReader.Faults.limit else { return }
    faults.append(Problem.Fault(field: path, reason: reason))
  }
}

extension ArgumentSchema.ValueType {
  fileprivate func includes(_ value: JSON) -> Bool {
    switch (self, value) {
    case (.null, .null), (.boolean, .bool), (.string, .string), (.array, .array),
      (.object, .object), (.number, .integer), (.number, .decimal), (.integer, .integer):
      true
    case (.integer, .decimal): value.number?.isWhole ?? false
    default: false
    }
  }
}
