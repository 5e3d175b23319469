// QueryExpression: a query as a tree, and its canonical text.

/// A condition or several joined by `and`, `or` and `not`.
public indirect enum QueryExpression: Hashable, Sendable {
  /// Holds for every device, or for none.
  case constant(Bool)
  /// One condition.
  case test(QueryTest)
  /// The opposite.
  case not(QueryExpression)
  /// All must hold; two or more, none of them `all`.
  case all([QueryExpression])
  /// One must hold; two or more, none of them `any`.
  case any([QueryExpression])

  static func all(joining parts: [QueryExpression]) -> QueryExpression {
    let flat = parts.flatMap { part -> [QueryExpression] in
      if case .all(let inner) = part { inner } else { [part] }
    }
    return flat.count == 1 ? flat[0] : .all(flat)
  }

  static func any(joining parts: [QueryExpression]) -> QueryExpression {
    let flat = parts.flatMap { part -> [QueryExpression] in
      if case .any(let inner) = part { inner } else { [part] }
    }
    return flat.count == 1 ? flat[0] : .any(flat)
  }

  /// All conditions from left to right.
  public var tests: [QueryTest] {
    switch self {
    case .constant: []
    case .test(let test): [test]
    case .not(let part): part.tests
    case .all(let parts), .any(let parts): parts.flatMap(\.tests)
    }
  }

  /// The canonical text, with parentheses where the tree needs them and nowhere else.
  var written: String {
    switch self {
    case .constant(let value): "\(value)"
    case .test(let test): test.description
    case .not(let part): "not \(part.writtenTight(orAll: true))"
    case .all(let parts): parts.map { $0.writtenTight(orAll: false) }.joined(separator: " and ")
    case .any(let parts): parts.map(\.written).joined(separator: " or ")
    }
  }

  private func writtenTight(orAll: Bool) -> String {
    switch self {
    case .any: "(\(written))"
    case .all: orAll ? "(\(written))" : written
    case .constant, .test, .not: written
    }
  }
}

/// One condition on one field.
public struct QueryTest: Hashable, Sendable, CustomStringConvertible {
  /// How the value of the field is taken.
  public enum Reading: String, Hashable, Sendable {
    /// As it is.
    case plain
    /// A number, also one that was reported as text.
    case number
    /// Its text: also that of a number, `true` or `false`.
    case text
  }

  /// What the value is compared for.
  public enum Relation: Hashable, Sendable {
    /// `=`, `<` and so on.
    case compares(QueryComparison, QueryLiteral)
    /// `in [...]`.
    case isIn([QueryLiteral])
    /// `not in [...]`: there is a value, and it is none of these.
    case isNotIn([QueryLiteral])
    /// `like "..."`.
    case isLike(QueryPattern)
    /// `not like "..."`: there is a text, and it is unlike.
    case isUnlike(QueryPattern)
    /// `contains`: an array with such an element.
    case contains(QueryLiteral)
    /// `exists(...)`: there is a value.
    case exists
  }

  /// What is looked at.
  public let field: QueryField
  /// How.
  public let reading: Reading
  /// For what.
  public let relation: Relation

  /// The canonical text.
  public var description: String {
    let subject = reading == .plain ? field.description : "\(reading.rawValue)(\(field))"
    func list(_ values: [QueryLiteral]) -> String {
      "[" + values.map(\.description).joined(separator: ", ") + "]"
    }
    return switch relation {
    case .compares(let comparison, let value): "\(subject) \(comparison.rawValue) \(value)"
    case .isIn(let values): "\(subject) in \(list(values))"
    case .isNotIn(let values): "\(subject) not in \(list(values))"
    case .isLike(let pattern): "\(subject) like \(pattern)"
    case .isUnlike(let pattern): "\(subject) not like \(pattern)"
    case .contains(let value): "\(subject) contains \(value)"
    case .exists: "exists(\(field))"
    }
  }
}

/// The signs that compare.
public enum QueryComparison: String, Hashable, Sendable, CaseIterable {
  /// The same value.
  case equal = "="
  /// A value, but another one.
  case different = "!="
  /// Smaller, earlier, older version; for ages: younger.
  case less = "<"
  /// Not more.
  case atMost = "<="
  /// Larger, later, newer version; for ages: older.
  case more = ">"
  /// Not less.
  case atLeast = ">="

  /// Whether the sign is about order, and not only about being the same.
  var isOrder: Bool { self != .equal && self != .different }

  /// Whether it holds for a value that stands like that to the other.
  func holds(_ order: QueryOrder) -> Bool {
    switch self {
    case .equal: order == .same
    case .different: order != .same
    case .less: order == .before
    case .atMost: order != .after
    case .more: order == .after
    case .atLeast: order != .before
    }
  }
}
