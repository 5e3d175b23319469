// SameValue: whether two JSON values mean the same, however they are written.

extension JSON {
  /// The number that this is, exactly; nil when it is none.
  var number: ExactDecimal? {
    switch self {
    case .integer(let number): ExactDecimal(number)
    case .decimal(let literal): ExactDecimal(literal: literal)
    case .null, .bool, .string, .array, .object: nil
    }
  }

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
      guard let left = number, let right = other.number else { return false }
      return left == right
    }
  }
}

extension ExactDecimal {
  /// Whether there is no fraction: JSON Schema counts 1.0 as an integer.
  var isWhole: Bool { digits.count <= max(0, magnitude) }
}
