// QueryEvaluation: whether a device meets a query.

extension Query {
  /// Whether a device meets the query.
  public func matches(_ subject: some QuerySubject, at now: Instant) -> Bool {
    expression.matches(at: now) { subject.value(of: $0) }
  }
}

extension QueryExpression {
  /// Whether the values of a device make it true.
  func matches(at now: Instant, values: (QueryField) -> QueryValue?) -> Bool {
    switch self {
    case .constant(let value): value
    case .test(let test): test.holds(for: values(test.field), at: now) == true
    case .not(let part): !part.matches(at: now, values: values)
    case .all(let parts): parts.allSatisfy { $0.matches(at: now, values: values) }
    case .any(let parts): parts.contains { $0.matches(at: now, values: values) }
    }
  }
}

extension QueryTest {
  /// Whether a value meets the condition; nil when there is none, or one of a type that cannot be
  /// compared. Only `true` matches.
  public func holds(for value: QueryValue?, at now: Instant) -> Bool? {
    if field == .group, case .json(.array(let names)) = value, let holds = holds(amongst: names) {
      return holds
    }
    let value = reading.value(value)
    switch relation {
    case .exists: return value != nil
    case .compares(.equal, .null): return value == nil
    case .compares(.different, .null): return value != nil
    case .compares(let comparison, let literal):
      guard let order = literal.order(of: value, at: now) else { return nil }
      return comparison.holds(order)
    case .isIn(let literals): return isIn(literals, value, at: now)
    case .isNotIn(let literals): return isIn(literals, value, at: now).map { !$0 }
    case .isLike(let pattern): return value?.string.map(pattern.matches)
    case .isUnlike(let pattern): return value?.string.map { !pattern.matches($0) }
    case .contains(let literal):
      guard case .json(.array(let elements)) = value else { return nil }
      return elements.contains { literal.order(of: .json($0), at: now) == .same }
    }
  }

  // Nil when no literal can be compared with the value.
  private func isIn(
    _ literals: [QueryLiteral], _ value: QueryValue?, at now: Instant
  ) -> Bool? {
    var isComparable = false
    for literal in literals {
      guard let order = literal.order(of: value, at: now) else { continue }
      if order == .same { return true }
      isComparable = true
    }
    return isComparable ? false : nil
  }

  // A device may be in several groups, and each counts; nil where the list itself is asked about.
  private func holds(amongst names: [JSON]) -> Bool? {
    func anyIs(_ accepted: (String) -> Bool) -> Bool {
      names.contains { $0.string.map(accepted) == true }
    }
    switch relation {
    case .compares(.equal, .text(let text)): return anyIs { ExactText($0) == text }
    case .compares(.different, .text(let text)): return !anyIs { ExactText($0) == text }
    case .compares(let comparison, .text(let text)):
      return anyIs { comparison.holds(QueryOrder(ExactText($0), text)) }
    case .isIn(let literals): return anyIs { literals.contains(.text(ExactText($0))) }
    case .isNotIn(let literals): return !anyIs { literals.contains(.text(ExactText($0))) }
    case .isLike(let pattern): return anyIs(pattern.matches)
    case .isUnlike(let pattern): return !anyIs(pattern.matches)
    case .compares, .contains, .exists: return nil
    }
  }
}

extension QueryTest.Reading {
  /// The value as it is read; nil when it cannot be.
  func value(_ value: QueryValue?) -> QueryValue? {
    guard case .json(let json) = value else { return value }
    switch (self, json) {
    case (_, .null): return nil
    case (.plain, _), (.text, .string), (.number, .integer), (.number, .decimal): return value
    case (.number, .string(let text)):
      return ExactDecimal(literal: text) == nil ? nil : .json(.decimal(text))
    case (.text, .integer(let number)): return .text(String(number))
    case (.text, .decimal(let literal)): return .text(literal)
    case (.text, .bool(let value)): return .text(String(value))
    case (.number, _), (.text, _): return nil
    }
  }
}

extension QueryValue {
  /// The text, when it is one.
  var string: String? { if case .json(let json) = self { json.string } else { nil } }
}

extension QueryLiteral {
  /// How a value stands to this one; nil when the two cannot be compared.
  func order(of value: QueryValue?, at now: Instant) -> QueryOrder? {
    guard let value else { return nil }
    switch self {
    case .null: return nil
    case .bool(let wanted):
      guard case .json(.bool(let found)) = value else { return nil }
      return QueryOrder(found ? 1 : 0, wanted ? 1 : 0)
    case .number(let wanted), .percent(let wanted):
      if case .json(.integer(let number)) = value { return wanted.order(of: number) }
      return value.number.map { QueryOrder($0, wanted) }
    case .text(let wanted): return value.string.map { QueryOrder(ExactText($0), wanted) }
    case .version(let wanted):
      return value.string.flatMap(OrderedVersion.init)?.order(to: wanted)
    case .time(let wanted): return value.instant.map { QueryOrder($0, wanted) }
    case .duration(let wanted): return value.instant.map { QueryOrder(now - $0, wanted) }
    }
  }
}

extension QueryValue {
  /// The number, when it is one.
  var number: ExactDecimal? {
    guard case .json(let json) = self else { return nil }
    switch json {
    case .integer(let number): return ExactDecimal(number)
    case .decimal(let literal): return ExactDecimal(literal: literal)
    case .null, .bool, .string, .array, .object: return nil
    }
  }

  /// The point in time, also one written as RFC 3339.
  var instant: Instant? {
    switch self {
    case .time(let time): time
    case .json(.string(let text)): Instant(rfc3339: text)
    case .json: nil
    }
  }
}
