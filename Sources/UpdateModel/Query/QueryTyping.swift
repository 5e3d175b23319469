// QueryTyping: which values may stand beside which field; what can never match is refused at once.

extension QueryParser {
  /// Reads any value.
  private mutating func value(_ expected: String) throws(QueryFault) -> (QueryLiteral, QueryToken) {
    let token = try current()
    let literal: QueryLiteral
    switch token.kind {
    case .literal(let value): literal = value
    case .quoted(let raw): literal = .text(ExactText(try text(raw, of: token)))
    case .word("true"), .word("TRUE"): literal = .bool(true)
    case .word("false"), .word("FALSE"): literal = .bool(false)
    case .word("null"), .word("NULL"): literal = .null
    case .word(let word):
      throw fault(
        at: token, found: words(for: token),
        expected: "\(expected); text stands in quotes, \"\(word.prefix(40))\"")
    case .sign, .end: throw try unexpected(expected)
    }
    advance()
    return (literal, token)
  }

  /// Reads the right side of a comparison.
  mutating func value(
    comparedBy comparison: QueryComparison, with operand: Operand
  ) throws(QueryFault) -> QueryLiteral {
    let (literal, token) = try value("a value")
    func refuse(_ expected: String) -> QueryFault {
      fault(at: token, found: literal.words, expected: expected)
    }
    switch literal {
    case .null:
      guard !comparison.isOrder else { throw refuse("a value that has an order") }
      return .null
    case .bool:
      guard !comparison.isOrder else { throw refuse("a value that has an order, or = or !=") }
    case .duration:
      guard comparison.isOrder else { throw refuse("< <= > or >= before the age of a time") }
    case .number, .percent, .text, .version, .time: break
    }
    try check(literal, token, of: operand)
    return try asVersion(literal, token, of: operand, isOrdered: comparison.isOrder)
  }

  /// Reads the list after `in`.
  mutating func list(for operand: Operand) throws(QueryFault) -> [QueryLiteral] {
    try expect(sign: "[", "'[' and a list such as [\"a\", \"b\"]")
    var values: [QueryLiteral] = []
    repeat {
      let (literal, token) = try value(values.isEmpty ? "a value" : "another value")
      if values.count == Query.listMax {
        throw fault(
          at: token, found: "value number \(values.count + 1)",
          expected: "at most \(Query.listMax) values in a list")
      }
      switch literal {
      case .null, .bool, .duration:
        throw fault(
          at: token, found: literal.words, expected: "texts, numbers, versions or times in a list")
      case .number, .percent, .text, .version, .time: break
      }
      if let first = values.first, first.listKind != literal.listKind {
        throw fault(
          at: token, found: literal.words,
          expected: "a value of the same type as \(first.words), as all in a list")
      }
      try check(literal, token, of: operand)
      values.append(literal)
      if operand.isVersion {
        values[values.count - 1] = try asVersion(literal, token, of: operand, isOrdered: true)
      }
    } while take(sign: ",")
    try expect(sign: "]", "',' or ']'")
    return values
  }

  /// Reads the text after `like`.
  mutating func pattern(for operand: Operand) throws(QueryFault) -> QueryPattern {
    let token = try current()
    guard case .quoted(let raw) = token.kind else {
      throw try unexpected("a pattern in quotes, such as 'eu-*'")
    }
    switch operand.kind {
    case .text, .version, .anything: break
    case .time, .number, .bool:
      throw fault(
        at: token, found: "a pattern",
        expected: "a comparison, as \(operand.field) is \(operand.kind.words)")
    }
    advance()
    return try QueryScanner.pattern(raw) { offset, found, expected in
      scanner.fault(
        at: token.range.lowerBound + 1 + offset, found: found, expected: expected)
    }
  }

  /// Refuses `contains` after what never holds a list.
  func checkHoldsList(_ operand: Operand) throws(QueryFault) {
    let canHold =
      operand.field == .group || (operand.reading == .plain && operand.kind == .anything)
    guard canHold else {
      throw try unexpected(
        "a comparison, as \(operand.field) is no list; a part of a text is found by like '*part*'")
    }
  }

  /// Reads the value after `contains`.
  mutating func element(of operand: Operand) throws(QueryFault) -> QueryLiteral {
    let (literal, token) = try value("a value")
    switch literal {
    case .null, .duration, .time:
      throw fault(
        at: token, found: literal.words, expected: "a text, a number, a version, true or false")
    case .bool, .number, .percent, .text, .version: break
    }
    try check(literal, token, of: operand)
    return literal
  }

  private func check(
    _ literal: QueryLiteral, _ token: QueryToken, of operand: Operand
  ) throws(QueryFault) {
    let fits =
      switch (operand.kind, literal) {
      case (.anything, _), (_, .null): true
      case (.text, .text), (.text, .version), (.version, .text), (.version, .version): true
      case (.time, .time), (.time, .duration): true
      case (.number, .number), (.number, .percent), (.bool, .bool): true
      case (.text, _), (.version, _), (.time, _), (.number, _), (.bool, _): false
      }
    if operand.field == .state, operand.reading == .plain, case .text(let word) = literal,
      Lifecycle(rawValue: word.text) == nil
    {
      throw fault(
        at: token, found: literal.words,
        expected: "one of " + Lifecycle.allCases.map(\.rawValue).joined(separator: ", "))
    }
    guard fits else {
      throw fault(
        at: token, found: literal.words,
        expected: "\(operand.kind.expectedValue), as \(operand.field) is \(operand.kind.words)")
    }
  }

  // Text beside a version becomes a version where order is asked for or the function says so.
  private func asVersion(
    _ literal: QueryLiteral, _ token: QueryToken, of operand: Operand, isOrdered: Bool
  ) throws(QueryFault) -> QueryLiteral {
    guard operand.kind == .version, isOrdered || operand.isVersion, case .text(let text) = literal
    else { return literal }
    guard let version = OrderedVersion(text.text) else {
      throw fault(
        at: token, found: literal.words,
        expected: "a version that has an order, such as \"1.10.0\"; others have only = and !=")
    }
    return .version(version)
  }
}

extension QueryField {
  /// Whether a function can make something of the values.
  func isReadable(by function: String) -> Bool {
    switch kind {
    case .anything, .version: true
    case .text: self != .group
    case .number: function != "version"
    case .bool: function == "text"
    case .time: false
    }
  }
}

extension QueryField.Kind {
  fileprivate var expectedValue: String {
    switch self {
    case .text: "text in quotes"
    case .version: "a version in quotes"
    case .time: "a time such as 2026-01-31T00:00:00Z or an age such as 2h"
    case .number: "a number"
    case .bool: "true or false"
    case .anything: "a value"
    }
  }
}

extension QueryLiteral {
  // Percentages are numbers, so both may stand in one list.
  fileprivate var listKind: Int {
    switch self {
    case .null: 0
    case .bool: 1
    case .number, .percent: 2
    case .text: 3
    case .version: 4
    case .time: 5
    case .duration: 6
    }
  }
}
