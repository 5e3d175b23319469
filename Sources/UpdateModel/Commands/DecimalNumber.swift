// DecimalNumber: numbers as JSON writes them, compared exactly; 0.1 stays one tenth.

/// An exact decimal number: `0.DIGITS` times ten to the power of `point`.
struct DecimalNumber: Equatable, Sendable {
  private let isNegative: Bool
  // Without zeros at either end; empty for zero.
  private let digits: [UInt8]
  private let point: Int

  // Larger exponents count as this one; two such numbers may compare as equal, and none occurs.
  private static let exponentMax = 1_000_000_000

  /// The number in a JSON value; nil when it is none.
  init?(_ value: JSON) {
    switch value {
    case .integer(let number): self.init(literal: String(number))
    case .decimal(let literal): self.init(literal: literal)
    case .null, .bool, .string, .array, .object: return nil
    }
  }

  /// Reads a number that the scanner has accepted (RFC 8259 section 6).
  private init(literal: String) {
    var rest = Array(literal.utf8)[...]
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest = rest.dropFirst() }
    let mantissa = rest.prefix { $0 | 0x20 != UInt8(ascii: "e") }
    let exponent = DecimalNumber.exponent(rest.dropFirst(mantissa.count + 1))
    let whole = mantissa.prefix { $0 != UInt8(ascii: ".") }
    let all = whole + mantissa.dropFirst(whole.count + 1)
    let significant = all.drop { $0 == UInt8(ascii: "0") }
    let trailing = significant.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    digits = Array(significant.dropLast(trailing))
    point = digits.isEmpty ? 0 : whole.count - (all.count - significant.count) + exponent
    self.isNegative = isNegative && !digits.isEmpty
  }

  private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
    guard !text.isEmpty else { return 0 }
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = text.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
      .drop { $0 == UInt8(ascii: "0") }
    guard digits.count <= 9 else { return isNegative ? -exponentMax : exponentMax }
    let size = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    return isNegative ? -size : size
  }

  /// Whether there is no fraction: JSON Schema counts 1.0 as an integer.
  var isInteger: Bool { digits.count <= max(0, point) }

  /// Numeric order.
  static func < (left: DecimalNumber, right: DecimalNumber) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative ? right.isSmallerInSize(than: left) : left.isSmallerInSize(than: right)
  }

  private func isSmallerInSize(than other: DecimalNumber) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if point != other.point { return point < other.point }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}

extension JSON {
  /// Whether two values mean the same: numbers by value, objects whatever the order of members.
  func means(_ other: JSON) -> Bool {
    switch (self, other) {
    case (.null, .null): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
    case (.array(let left), .array(let right)):
      return left.count == right.count && zip(left, right).allSatisfy { $0.means($1) }
    case (.object(let left), .object(let right)):
      return left.count == right.count
        && left.allSatisfy { member in other[member.key].map { member.value.means($0) } ?? false }
    default:
      guard let left = DecimalNumber(self), let right = DecimalNumber(other) else { return false }
      return left == right
    }
  }
}
