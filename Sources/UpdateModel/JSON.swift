// JSON: a JSON value that keeps what signatures and exact arithmetic need: key order and literals.

/// One JSON value (RFC 8259). Objects keep the order of their members; numbers that are not plain
/// integers keep their literal, so nothing is rounded on the way through.
public indirect enum JSON: Equatable, Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number without fraction and exponent that fits 64 bits.
  case integer(Int64)
  /// Any other number, as it was written.
  case decimal(String)
  /// A string.
  case string(String)
  /// An array.
  case array([JSON])
  /// An object; keys are unique and in the order of the text.
  case object([Member])

  /// One member of an object.
  public struct Member: Equatable, Sendable {
    /// The key, compared by its bytes: canonically equivalent spellings are different keys.
    public let key: String
    /// The value.
    public let value: JSON

    /// Joins a key and its value.
    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// Builds an object from pairs, leaving out those whose value is nil.
  public static func members(_ pairs: KeyValuePairs<String, JSON?>) -> JSON {
    .object(pairs.compactMap { key, value in value.map { Member(key, $0) } })
  }

  /// The object with these members behind its own, without those whose value is nil; what is no
  /// object stays as it is.
  public func adding(_ more: [(key: String, value: JSON?)]) -> JSON {
    guard case .object(let members) = self else { return self }
    return .object(members + more.compactMap { pair in pair.value.map { Member(pair.key, $0) } })
  }

  /// The member of an object; nil when this is no object or has no such member.
  public subscript(key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The text of a string value.
  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// The value of an integer.
  public var integer: Int64? {
    if case .integer(let number) = self { number } else { nil }
  }

  /// The value of a boolean.
  public var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The elements of an array.
  public var array: [JSON]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  /// The members of an object.
  public var members: [Member]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// What kind of value this is, for error messages: `a string "abc"`, `an array`.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let number): "the number \(number)"
    case .decimal(let literal): "the number \(literal)"
    case .string(let text): "the string \"\(text.prefix(40))\""
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string value.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer value.
  public init(integerLiteral value: Int64) { self = .integer(value) }
  /// A boolean value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array value.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// An object value, members in the order written.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }

  /// An integer value.
  public init(_ number: Int) { self = .integer(Int64(number)) }
}
