// QueryParser: from tokens to the tree; the first thing that is wrong is told with its column.

/// Reads one query or statement by recursive descent; how deep is limited by `Query.depthMax`.
struct QueryParser {
  let scanner: QueryScanner
  private let tokens: [QueryToken]
  // What ended the cutting into tokens; told only when reading comes so far.
  private let scanFault: QueryFault?
  private var position = 0
  private var depth = 0
  private var conditionCount = 0

  init(_ text: String) throws(QueryFault) {
    var scanner = try QueryScanner(text)
    var tokens: [QueryToken] = []
    var fault: QueryFault?
    do throws(QueryFault) {
      repeat { tokens.append(try scanner.next()) } while tokens.last?.kind != .end
    } catch { fault = error }
    self.scanner = scanner
    self.tokens = tokens
    scanFault = fault
  }

  // MARK: Tokens

  func current() throws(QueryFault) -> QueryToken {
    if position < tokens.count { return tokens[position] }
    if let scanFault { throw scanFault }
    return QueryToken(kind: .end, range: scanner.scalars.count..<scanner.scalars.count)
  }

  /// What the present token is; nil at what could not be cut into tokens.
  var kind: QueryToken.Kind? { position < tokens.count ? tokens[position].kind : nil }

  mutating func advance() { position += 1 }

  /// The token after the present one; nil when there is none that can be read.
  var following: QueryToken.Kind? {
    position + 1 < tokens.count ? tokens[position + 1].kind : nil
  }

  /// Whether the present token is a word of the language, in lower or upper case.
  func isAt(_ keyword: String) -> Bool { QueryParser.isWord(kind, keyword) }

  static func isWord(_ kind: QueryToken.Kind?, _ keyword: String) -> Bool {
    guard case .word(let word) = kind else { return false }
    return word == keyword || word == keyword.uppercased()
  }

  mutating func take(_ keyword: String) -> Bool {
    guard isAt(keyword) else { return false }
    advance()
    return true
  }

  mutating func take(sign: String) -> Bool {
    guard kind == .sign(sign) else { return false }
    advance()
    return true
  }

  mutating func expect(sign: String, _ expected: String? = nil) throws(QueryFault) {
    guard take(sign: sign) else { throw try unexpected(expected ?? "'\(sign)'") }
  }

  /// A fault at the present token.
  func unexpected(_ expected: String) throws(QueryFault) -> QueryFault {
    let token = try current()
    return fault(at: token, found: words(for: token), expected: expected)
  }

  func fault(at token: QueryToken, found: String, expected: String) -> QueryFault {
    scanner.fault(at: token.range.lowerBound, found: found, expected: expected)
  }

  func words(for token: QueryToken) -> String {
    switch token.kind {
    case .word(let word): "the word '\(word.prefix(40))'"
    case .literal(let literal): literal.words
    case .quoted: "the text \(scanner.string(token.range).prefix(40))"
    case .sign(let sign): "'\(sign)'"
    case .end: token.range.lowerBound == 0 || tokens.count == 1 ? "nothing" : "the end"
    }
  }

  // MARK: Conditions

  /// All of the text as conditions.
  mutating func wholeQuery() throws(QueryFault) -> QueryExpression {
    let expression = try alternatives()
    if isAtTail {
      throw try unexpected("and, or or the end; this part belongs to queries over devices only")
    }
    try expectEnd("and, or or the end")
    return expression
  }

  func expectEnd(_ expected: String) throws(QueryFault) {
    guard kind == .end else { throw try unexpected(expected) }
  }

  /// Whether `select`, `group by`, `order by` or `limit` comes next.
  var isAtTail: Bool {
    isAt("select") || isAt("limit")
      || ((isAt("group") || isAt("order")) && QueryParser.isWord(following, "by"))
  }

  mutating func alternatives() throws(QueryFault) -> QueryExpression {
    var parts = [try conjunction()]
    while take("or") { parts.append(try conjunction()) }
    return .any(joining: parts)
  }

  private mutating func conjunction() throws(QueryFault) -> QueryExpression {
    var parts = [try unary()]
    while take("and") { parts.append(try unary()) }
    return .all(joining: parts)
  }

  private mutating func unary() throws(QueryFault) -> QueryExpression {
    let token = try current()
    let isNot = isAt("not")
    if isNot || token.kind == .sign("(") {
      depth += 1
      guard depth <= Query.depthMax else {
        throw fault(
          at: token, found: "nesting of more than \(Query.depthMax)",
          expected: "fewer parentheses and nots within each other")
      }
      defer { depth -= 1 }
      advance()
      if isNot { return .not(try unary()) }
      let inner = try alternatives()
      try expect(sign: ")", "and, or or ')'")
      return inner
    }
    conditionCount += 1
    guard conditionCount <= Query.conditionsMax else {
      throw fault(
        at: token, found: "condition number \(conditionCount)",
        expected: "at most \(Query.conditionsMax) conditions")
    }
    if take("true") { return .constant(true) }
    if take("false") { return .constant(false) }
    return .test(try condition())
  }

  private mutating func condition() throws(QueryFault) -> QueryTest {
    if isAt("exists"), following == .sign("(") {
      advance()
      advance()
      let field = try path()
      try expect(sign: ")")
      return QueryTest(field: field, reading: .plain, relation: .exists)
    }
    let operand = try operand()
    if isAt("not") {
      advance()
      if take("in") { return operand.test(.isNotIn(try list(for: operand))) }
      if take("like") { return operand.test(.isUnlike(try pattern(for: operand))) }
      throw try unexpected("in or like after not")
    }
    if take("in") { return operand.test(.isIn(try list(for: operand))) }
    if take("like") { return operand.test(.isLike(try pattern(for: operand))) }
    if isAt("contains") {
      try checkHoldsList(operand)
      advance()
      return operand.test(.contains(try element(of: operand)))
    }
    guard let comparison = try comparison() else {
      throw try unexpected("one of = != < <= > >= in, not in, like, contains")
    }
    let value = try value(comparedBy: comparison, with: operand)
    return operand.test(.compares(comparison, value))
  }

  private mutating func comparison() throws(QueryFault) -> QueryComparison? {
    guard case .sign(let sign) = kind else { return nil }
    guard let comparison = QueryComparison(rawValue: sign == "==" ? "=" : sign) else { return nil }
    advance()
    if comparison == .less, kind == .sign(">") {
      throw try unexpected("a value; 'not equal' is written !=")
    }
    return comparison
  }

  // MARK: Fields

  /// The left side of a condition: a field and how it is read.
  struct Operand {
    let field: QueryField
    let reading: QueryTest.Reading
    /// Whether texts are to be taken as versions whatever the sign.
    let isVersion: Bool

    func test(_ relation: QueryTest.Relation) -> QueryTest {
      QueryTest(field: field, reading: reading, relation: relation)
    }

    /// What its values are.
    var kind: QueryField.Kind {
      switch reading {
      case .plain: isVersion ? .version : field.kind
      case .number: .number
      case .text: .text
      }
    }
  }

  private mutating func operand() throws(QueryFault) -> Operand {
    guard following == .sign("("), case .word(let function) = kind,
      ["version", "number", "text"].contains(function)
    else {
      return Operand(field: try path(), reading: .plain, isVersion: false)
    }
    advance()
    advance()
    let token = try current()
    let field = try path()
    guard field.isReadable(by: function) else {
      throw self.fault(
        at: token, found: "\(field), which is \(field.kind.words)",
        expected: "a field whose values can be read as a \(function)")
    }
    try expect(sign: ")")
    return Operand(
      field: field, reading: QueryTest.Reading(rawValue: function) ?? .plain,
      isVersion: function == "version")
  }

  private static let reserved: Set<String> = [
    "and", "or", "not", "in", "like", "contains", "exists", "true", "false", "null", "select",
    "limit", "by", "asc", "desc",
  ]

  /// Reads a field.
  mutating func path() throws(QueryFault) -> QueryField {
    let token = try current()
    guard case .word(let head) = token.kind, !QueryParser.reserved.contains(head.lowercased())
    else { throw try unexpected(QueryParser.expectedField(insteadOf: token.kind)) }
    advance()
    if head == "tag" || head == "attr", kind == .sign(".") {
      // Only filters of the short form have them; here they would be properties of that name.
      throw fault(
        at: token, found: "the word '\(head)'",
        expected: head == "tag" ? "tags" : "reported, or nothing before the name of a property")
    }
    if let field = QueryField.plain[head] {
      if kind == .sign(".") || kind == .sign("[") {
        throw try unexpected(
          "a comparison, as \(head) has no members; reported.\(head) is another field")
      }
      return field
    }
    let isRoot = ["tags", "desired", "reported"].contains(head)
    var steps: [QueryPath.Step] = isRoot ? [] : [.member(ExactText(head))]
    if isRoot {
      try expect(sign: ".", "'.' and a name, such as \(head).site")
      steps.append(.member(try member()))
    }
    while let step = try step() {
      guard steps.count < Query.pathMembersMax else {
        throw fault(
          at: token, found: "a path of more than \(Query.pathMembersMax) members",
          expected: "a shorter one")
      }
      steps.append(step)
    }
    switch head {
    case "desired": return .desired(QueryPath(steps))
    case "tags": return .tag(QueryPath(steps))
    default: return .reported(QueryPath(steps))
    }
  }

  private static func expectedField(insteadOf kind: QueryToken.Kind) -> String {
    switch kind {
    case .word(let word) where reserved.contains(word.lowercased()):
      "a field; '\(word)' is a word of the language, a property of this name is reported.\(word)"
    case .quoted, .literal: "a field; a condition starts with one, such as version = \"1.2\""
    case .word, .sign, .end: "a field, such as hardware, tags.site or battery.percent"
    }
  }

  private mutating func step() throws(QueryFault) -> QueryPath.Step? {
    if take(sign: ".") { return .member(try member()) }
    guard take(sign: "[") else { return nil }
    let token = try current()
    guard case .literal(.number(let number)) = token.kind, !number.isNegative,
      let index = Int(scanner.string(token.range)), index <= Query.indexMax
    else { throw try unexpected("an index from 0 to \(Query.indexMax)") }
    advance()
    try expect(sign: "]")
    return .element(index)
  }

  private mutating func member() throws(QueryFault) -> ExactText {
    let token = try current()
    switch token.kind {
    case .word(let name):
      advance()
      return ExactText(name)
    case .quoted(let raw):
      advance()
      let name = try text(raw, of: token)
      guard !name.isEmpty else { throw fault(at: token, found: "no name", expected: "a name") }
      return ExactText(name)
    case .literal, .sign, .end:
      throw try unexpected("the name of a member; names that are not plain stand in quotes")
    }
  }

  /// The text of a quoted token.
  func text(_ raw: [Unicode.Scalar], of token: QueryToken) throws(QueryFault) -> String {
    try QueryScanner.unescaped(raw) { offset, found, expected in
      scanner.fault(
        at: token.range.lowerBound + 1 + offset, found: found, expected: expected)
    }
  }
}
