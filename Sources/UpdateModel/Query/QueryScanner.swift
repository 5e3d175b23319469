// QueryScanner: cuts a query into words, values and signs.

/// One piece of a query.
struct QueryToken: Equatable {
  enum Kind: Equatable {
    /// A bare name or a word of the language.
    case word(String)
    /// A value that needs no context: number, percentage, duration, time, version.
    case literal(QueryLiteral)
    /// What is between two quotes, still with its escapes.
    case quoted([Unicode.Scalar])
    /// `(`, `<=` and so on.
    case sign(String)
    /// Nothing is left.
    case end
  }

  let kind: Kind
  /// Scalars of the query.
  let range: Range<Int>
}

/// Reads tokens from left to right.
struct QueryScanner {
  let text: String
  let scalars: [Unicode.Scalar]
  private var position = 0

  /// Exponents beyond are slips: the mass of the universe in grams has 56 digits.
  static let exponentMax = 400
  /// Characters of a number, duration or time.
  static let literalMax = 64

  init(_ text: String) throws(QueryFault) {
    let size = text.utf8.count
    guard size <= Query.bytesMax else {
      // Cut where the limit is, perhaps inside a character.
      let kept = String(decoding: text.utf8.prefix(Query.bytesMax), as: UTF8.self)
      throw QueryFault(
        column: kept.count, found: "a query of \(size) bytes",
        expected: "at most \(Query.bytesMax) bytes", in: kept)
    }
    self.text = text
    scalars = Array(text.unicodeScalars)
  }

  /// A fault at a scalar.
  func fault(at position: Int, found: String, expected: String) -> QueryFault {
    var before = String.UnicodeScalarView()
    before.append(contentsOf: scalars[..<position])
    return QueryFault(
      column: String(before).count + 1, found: found, expected: expected, in: text)
  }

  /// The next token; `end` again and again at the end.
  mutating func next() throws(QueryFault) -> QueryToken {
    while position < scalars.count, QueryScanner.isSpace(scalars[position]) { position += 1 }
    let start = position
    func token(_ kind: QueryToken.Kind) -> QueryToken {
      QueryToken(kind: kind, range: start..<position)
    }
    guard position < scalars.count else { return token(.end) }
    let scalar = scalars[position]
    if QueryScanner.startsName(scalar) {
      while position < scalars.count, QueryScanner.continuesName(scalars[position]) {
        position += 1
      }
      let word = string(start..<position)
      if word == "v", peek() == "\"" || peek() == "'" { return token(try version(from: start)) }
      return token(.word(word))
    }
    if scalar == "\"" || scalar == "'" { return token(.quoted(try quoted())) }
    if QueryScanner.isDigit(scalar) || (scalar == "-" && isDigit(at: position + 1)) {
      return token(.literal(try plainLiteral()))
    }
    for sign in ["==", "!=", "<=", ">="] where starts(with: sign) {
      position += 2
      return token(.sign(sign))
    }
    if "=<>()[],.".unicodeScalars.contains(scalar) {
      position += 1
      return token(.sign(String(scalar)))
    }
    throw fault(at: start, found: QueryScanner.words(for: scalar), expected: advice(at: start))
  }

  private func peek() -> Unicode.Scalar? {
    position < scalars.count ? scalars[position] : nil
  }

  private func starts(with sign: String) -> Bool {
    scalars[position...].starts(with: sign.unicodeScalars)
  }

  private func isDigit(at position: Int) -> Bool {
    position < scalars.count && QueryScanner.isDigit(scalars[position])
  }

  func string(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }

  // What somebody who wrote an unknown sign probably wants.
  private func advice(at position: Int) -> String {
    switch scalars[position] {
    case "!": "'!=' or the word not"
    case "&": "the word and"
    case "|": "the word or"
    case "\u{201C}", "\u{201D}", "\u{201E}", "\u{2018}", "\u{2019}", "\u{AB}", "\u{BB}", "`":
      "straight quotes around text"
    case "+" where isDigit(at: position + 1): "a number without '+'"
    case let scalar where scalar.properties.isWhitespace: "a plain space"
    case let scalar where scalar.value < 0x20: "text that can be seen"
    case let scalar where !scalar.isASCII: "plain letters, or quotes around other text"
    default: "a field, a value or one of = != < <= > >= ( ) [ ] ,"
    }
  }

  // MARK: Text

  private mutating func quoted() throws(QueryFault) -> [Unicode.Scalar] {
    let opening = position
    let mark = scalars[opening]
    position += 1
    while position < scalars.count {
      let scalar = scalars[position]
      if scalar == mark {
        position += 1
        return Array(scalars[opening + 1..<position - 1])
      }
      guard QueryScanner.isAllowedInText(scalar) else {
        throw fault(
          at: position, found: "\(QueryScanner.words(for: scalar)) inside a text",
          expected: "it as \\u{\(String(scalar.value, radix: 16))}, so that it can be seen")
      }
      position += scalar == "\\" && position + 1 < scalars.count ? 2 : 1
    }
    throw fault(
      at: opening, found: "a quote that is never closed", expected: "a \(mark) at its end")
  }

  private mutating func version(from start: Int) throws(QueryFault) -> QueryToken.Kind {
    let content = position + 1
    let raw = try quoted()
    let text = try QueryScanner.unescaped(raw) { offset, found, expected in
      fault(at: content + offset, found: found, expected: expected)
    }
    guard let version = OrderedVersion(text) else {
      throw fault(
        at: start, found: "\(QueryLiteral.quoted(String(text.prefix(40)))) after v",
        expected: "a version such as v\"1.10.0\" or v\"2.0-rc.1\"")
    }
    return .literal(.version(version))
  }

  // MARK: Numbers and times

  private mutating func plainLiteral() throws(QueryFault) -> QueryLiteral {
    let start = position
    position += 1
    while let scalar = peek(), QueryScanner.continuesLiteral(scalar) { position += 1 }
    let word = string(start..<position)
    func refuse(_ expected: String) -> QueryFault {
      fault(at: start, found: "'\(word.prefix(40))'", expected: expected)
    }
    guard word.count <= QueryScanner.literalMax else {
      throw refuse("a number of at most \(QueryScanner.literalMax) characters")
    }
    if let number = ExactDecimal(literal: word) {
      guard abs(number.magnitude) <= QueryScanner.exponentMax else {
        throw refuse("a number between 1e-\(QueryScanner.exponentMax) and 1e400")
      }
      guard peek() == "%" else { return .number(number) }
      position += 1
      guard !number.isNegative, number <= ExactDecimal(100) else {
        throw refuse("a percentage from 0% to 100%")
      }
      return .percent(number)
    }
    if let time = Instant(rfc3339: word) {
      // A zone can move a time out of the years that can be written.
      guard time >= .epoch, time < QueryScanner.yearTenThousand else {
        throw refuse("a time in the years 1970 to 9999, in UTC")
      }
      return .time(time)
    }
    if let interval = Interval(text: word) { return .duration(interval) }
    throw refuse(QueryScanner.expected(insteadOf: word))
  }

  private static let yearTenThousand = Instant(milliseconds: 253_402_300_800_000)

  private static func expected(insteadOf word: String) -> String {
    if OrderedVersion(word) != nil, word.contains(".") {
      return "a version in quotes, v\"\(word)\""
    }
    if word.contains(":") || word.split(separator: "-").count > 2 {
      return "a time with seconds and zone, such as 2026-01-31T00:00:00Z"
    }
    return "a number, a percentage, a time or a duration of at most 3650d such as 90s, 15m, 2h, "
      + "7d; text stands in quotes"
  }

  // MARK: Characters

  static func isName(_ text: some StringProtocol) -> Bool {
    guard let first = text.unicodeScalars.first, startsName(first) else { return false }
    return text.unicodeScalars.allSatisfy(continuesName)
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r"
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

  private static func startsName(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
  }

  private static func continuesName(_ scalar: Unicode.Scalar) -> Bool {
    startsName(scalar) || isDigit(scalar) || scalar == "-"
  }

  private static func continuesLiteral(_ scalar: Unicode.Scalar) -> Bool {
    continuesName(scalar) || scalar == "." || scalar == ":" || scalar == "+"
  }

  /// Whether a scalar may stand in a text as it is: it can be seen, or it is a plain space.
  static func isAllowedInText(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7F }
    return switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .spaceSeparator,
      .surrogate, .unassigned:
      false
    default: true
    }
  }

  /// A scalar for an error message.
  static func words(for scalar: Unicode.Scalar) -> String {
    let number = String(scalar.value, radix: 16, uppercase: true)
    let code = "U+" + String(repeating: "0", count: max(0, 4 - number.count)) + number
    if scalar.isASCII, isAllowedInText(scalar) { return "'\(scalar)'" }
    return isAllowedInText(scalar) ? "'\(scalar)' (\(code))" : "the character \(code)"
  }
}

// MARK: - Escapes

extension QueryScanner {
  /// The text that is meant by what stands between quotes. `refuse` makes a fault at an offset.
  static func unescaped(
    _ raw: [Unicode.Scalar],
    refuse: (_ offset: Int, _ found: String, _ expected: String) -> QueryFault
  ) throws(QueryFault) -> String {
    var text = String.UnicodeScalarView()
    var position = 0
    while position < raw.count {
      if raw[position] == "\\" {
        text.append(try escape(raw, &position, refuse))
      } else {
        text.append(raw[position])
        position += 1
      }
    }
    return String(text)
  }

  /// The pattern that is meant: escaped, `*` and `?` stand for themselves.
  static func pattern(
    _ raw: [Unicode.Scalar],
    refuse: (_ offset: Int, _ found: String, _ expected: String) -> QueryFault
  ) throws(QueryFault) -> QueryPattern {
    var pieces: [QueryPattern.Piece] = []
    var position = 0
    while position < raw.count {
      switch raw[position] {
      case "*":
        pieces.append(.any)
        position += 1
      case "?":
        pieces.append(.one)
        position += 1
      case "\\":
        if position + 1 < raw.count, raw[position + 1] == "*" || raw[position + 1] == "?" {
          pieces.append(.scalar(raw[position + 1]))
          position += 2
        } else {
          pieces.append(.scalar(try escape(raw, &position, refuse)))
        }
      case let scalar:
        pieces.append(.scalar(scalar))
        position += 1
      }
    }
    return QueryPattern(pieces)
  }

  private static func escape(
    _ raw: [Unicode.Scalar], _ position: inout Int,
    _ refuse: (Int, String, String) -> QueryFault
  ) throws(QueryFault) -> Unicode.Scalar {
    let start = position
    position += 2
    // The scanner closes no text behind a lone backslash, so one scalar follows.
    guard start + 1 < raw.count else {
      throw refuse(start, "a lone backslash", "two of them for one")
    }
    switch raw[start + 1] {
    case "\\", "\"", "'": return raw[start + 1]
    case "n": return "\n"
    case "t": return "\t"
    case "u":
      let digits = raw[position...].dropFirst().prefix { $0.properties.isASCIIHexDigit }
      let end = position + 1 + digits.count
      guard position < raw.count, raw[position] == "{", (1...6).contains(digits.count),
        end < raw.count, raw[end] == "}",
        let value = UInt32(String(String.UnicodeScalarView(digits)), radix: 16),
        let scalar = Unicode.Scalar(value)
      else { throw refuse(start, "an unreadable \\u", "a character by number, such as \\u{e9}") }
      position = end + 1
      return scalar
    case let scalar:
      throw refuse(
        start, "'\\' before \(words(for: scalar))",
        "\\\\ \\\" \\' \\n \\t \\u{...}, and \\* \\? after like")
    }
  }
}
