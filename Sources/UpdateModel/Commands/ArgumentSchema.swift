// ArgumentSchema: the part of JSON Schema that arguments of commands are checked against.
//
// Understood are: type, enum, const, properties, required, additionalProperties, items, minItems,
// maxItems, minimum, maximum, minLength, maxLength, and true and false in place of a schema, as in
// JSON Schema 2020-12. What only describes is passed over. Everything else, `pattern` and `$ref`
// included, is listed as not checked: a schema never promises more than it keeps.

/// What arguments may be, as a device advertises it.
public struct ArgumentSchema: Equatable, Sendable {
  /// The schema as it was advertised.
  public let document: JSON
  /// JSON pointers of the keywords that are not checked, such as `/properties/colour/pattern`.
  public let unchecked: [String]
  let root: Node

  /// Bytes of compact JSON that a schema may have.
  public static let bytesMax = 8 * 1024
  /// Levels of schemas in schemas.
  public static let depthMax = 12
  /// Schemas in a schema, itself included.
  public static let nodesMax = 500
  /// Values that one `enum` lists.
  public static let choicesMax = 256

  /// One schema of the tree.
  indirect enum Node: Equatable, Sendable {
    /// Everything is allowed.
    case anything
    /// Nothing is.
    case nothing
    /// What these rules allow.
    case rules(Rules)
  }

  /// What one schema asks for; what is empty or nil asks for nothing.
  struct Rules: Equatable, Sendable {
    var types: [ValueType] = []
    var choices: [JSON]?
    var constant: JSON?
    var properties: [Property] = []
    var required: [String] = []
    var others = Node.anything
    var items = Node.anything
    var elements = Bounds()
    var characters = Bounds()
    var minimum: JSON?
    var maximum: JSON?
  }

  /// A member that an object may have.
  struct Property: Equatable, Sendable {
    let name: String
    let schema: Node
  }

  /// Counts from and to; nil is without limit.
  struct Bounds: Equatable, Sendable {
    var least: Int64?
    var most: Int64?
  }

  /// The types of JSON Schema.
  enum ValueType: String, Equatable, Sendable, CaseIterable {
    case null, boolean, integer, number, string, array, object
  }

  /// Reads a schema; throws with the pointer of the first thing that is no schema.
  public init(_ document: JSON) throws(InvalidValue) {
    let size = document.text.count
    guard size <= ArgumentSchema.bytesMax else {
      throw InvalidValue(
        field: "arguments",
        reason: "the schema has \(size) bytes; at most \(ArgumentSchema.bytesMax) are read")
    }
    var reader = SchemaReader()
    root = try reader.node(document, at: "", depth: 1)
    unchecked = reader.unchecked
    self.document = document
  }
}

/// Walks over a schema once.
private struct SchemaReader {
  private(set) var unchecked: [String] = []
  private var nodes = 0

  // What describes and asks for nothing (JSON Schema 2020-12: Validation section 9, Core 8).
  private static let descriptive: Set<String> = [
    "$schema", "$id", "$comment", "title", "description", "default", "examples", "deprecated",
    "readOnly", "writeOnly",
  ]

  mutating func node(
    _ value: JSON, at pointer: String, depth: Int
  ) throws(InvalidValue) -> ArgumentSchema.Node {
    nodes += 1
    guard depth <= ArgumentSchema.depthMax, nodes <= ArgumentSchema.nodesMax else {
      throw refuse(
        pointer,
        "is nested deeper than \(ArgumentSchema.depthMax) or has more than "
          + "\(ArgumentSchema.nodesMax) parts")
    }
    if let isAllowed = value.bool { return isAllowed ? .anything : .nothing }
    guard let members = value.members else {
      throw refuse(pointer, "is \(value.kind) where a schema is expected")
    }
    var rules = ArgumentSchema.Rules()
    for member in members {
      let place = "\(pointer)/\(member.key)"
      if try readTree(member, &rules, at: place, depth: depth) { continue }
      if try readValue(member, &rules, at: place) { continue }
      if !SchemaReader.descriptive.contains(member.key) { unchecked.append(place) }
    }
    return .rules(rules)
  }

  // Keywords that hold schemas; false for any other.
  private mutating func readTree(
    _ member: JSON.Member, _ rules: inout ArgumentSchema.Rules, at place: String, depth: Int
  ) throws(InvalidValue) -> Bool {
    switch member.key {
    case "properties":
      guard let members = member.value.members else {
        throw refuse(place, "is \(member.value.kind) where an object of schemas is expected")
      }
      for property in members {
        let schema = try node(
          property.value, at: "\(place)/\(property.key)", depth: depth + 1)
        rules.properties.append(ArgumentSchema.Property(name: property.key, schema: schema))
      }
    case "additionalProperties": rules.others = try node(member.value, at: place, depth: depth + 1)
    case "items": rules.items = try node(member.value, at: place, depth: depth + 1)
    default: return false
    }
    return true
  }

  // Keywords that hold values; false for any other.
  private func readValue(
    _ member: JSON.Member, _ rules: inout ArgumentSchema.Rules, at place: String
  ) throws(InvalidValue) -> Bool {
    let value = member.value
    switch member.key {
    case "type": rules.types = try types(value, at: place)
    case "enum":
      guard let choices = value.array, (1...ArgumentSchema.choicesMax).contains(choices.count)
      else {
        throw refuse(place, "give an array of 1 to \(ArgumentSchema.choicesMax) values")
      }
      rules.choices = choices
    case "const": rules.constant = value
    case "required": rules.required = try names(value, at: place)
    case "minItems": rules.elements.least = try count(value, at: place)
    case "maxItems": rules.elements.most = try count(value, at: place)
    case "minLength": rules.characters.least = try count(value, at: place)
    case "maxLength": rules.characters.most = try count(value, at: place)
    case "minimum": rules.minimum = try number(value, at: place)
    case "maximum": rules.maximum = try number(value, at: place)
    default: return false
    }
    return true
  }

  private func types(
    _ value: JSON, at place: String
  ) throws(InvalidValue) -> [ArgumentSchema.ValueType] {
    let words = value.array ?? [value]
    let types = words.compactMap { $0.string.flatMap(ArgumentSchema.ValueType.init(rawValue:)) }
    guard !types.isEmpty, types.count == words.count else {
      let known = ArgumentSchema.ValueType.allCases.map(\.rawValue).joined(separator: ", ")
      throw refuse(place, "is \(value.kind); give one or several of \(known)")
    }
    return types
  }

  private func names(_ value: JSON, at place: String) throws(InvalidValue) -> [String] {
    let names = (value.array ?? []).compactMap(\.string)
    guard let elements = value.array, names.count == elements.count else {
      throw refuse(place, "is \(value.kind) where an array of names is expected")
    }
    return names
  }

  private func count(_ value: JSON, at place: String) throws(InvalidValue) -> Int64 {
    guard let number = value.integer, number >= 0 else {
      throw refuse(place, "is \(value.kind) where a whole number from 0 is expected")
    }
    return number
  }

  private func number(_ value: JSON, at place: String) throws(InvalidValue) -> JSON {
    guard value.number != nil else {
      throw refuse(place, "is \(value.kind) where a number is expected")
    }
    return value
  }

  private func refuse(_ pointer: String, _ reason: String) -> InvalidValue {
    InvalidValue(
      field: "arguments\(pointer.prefix(120))", reason: "the schema cannot be read: \(reason)")
  }
}
