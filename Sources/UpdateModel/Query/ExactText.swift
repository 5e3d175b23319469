// ExactText: text that is itself only byte by byte, so that look-alikes are never taken for one.

/// A text compared and ordered by its UTF-8 bytes: canonically equivalent spellings differ, as the
/// members of JSON do.
public struct ExactText: Hashable, Comparable, Sendable, ExpressibleByStringLiteral {
  /// The text.
  public let text: String

  /// Wraps a text.
  public init(_ text: String) { self.text = text }

  /// Wraps a text.
  public init(stringLiteral text: String) { self.text = text }

  /// Whether all bytes agree.
  public static func == (left: ExactText, right: ExactText) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  /// Byte order.
  public static func < (left: ExactText, right: ExactText) -> Bool {
    left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
  }

  /// Feeds the bytes.
  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
    hasher.combine(text.utf8.count)
  }
}

/// How a first value stands to a second one.
public enum QueryOrder: Sendable {
  /// The first is smaller, earlier or younger.
  case before
  /// Neither comes first.
  case same
  /// The first is larger, later or older.
  case after

  /// Orders two values of one type.
  public init<Value: Comparable>(_ first: Value, _ second: Value) {
    self = first < second ? .before : first == second ? .same : .after
  }

  /// Seen from the second value.
  var reversed: QueryOrder {
    switch self {
    case .before: .after
    case .same: .same
    case .after: .before
    }
  }
}
