// JSONScanner: walks JSON text value by value without building a tree; strict unless told
// otherwise.

/// Where and why JSON text could not be read.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One-based line of the fault.
  public let line: Int
  /// What was found and what was expected.
  public let reason: String

  /// `line 3: ...`.
  public var description: String { "line \(line): \(reason)" }

  /// Describes a fault at a line.
  public init(line: Int, reason: String) {
    self.line = line
    self.reason = reason
  }
}

/// A forward-only reader of JSON text (RFC 8259) that allocates only for the strings it is asked
/// for.
///
/// Strict by default: UTF-8 and surrogate pairs are checked, nesting is limited, nothing may follow
/// the value. Two leniencies exist for the places that need them: comments in policy files, and raw
/// control characters in strings, which SWUpdate 2022.12 sends in its failure reports.
public struct JSONScanner {
  /// What the text may contain beyond RFC 8259.
  public struct Leniency: OptionSet, Sendable {
    /// The bits of the set.
    public let rawValue: UInt8
    /// `//` to the end of the line and `/* */` count as white space.
    public static let comments = Leniency(rawValue: 1)
    /// Bytes below 0x20 may stand unescaped inside strings.
    public static let rawControlCharacters = Leniency(rawValue: 2)

    /// Makes a set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
  }

  /// What the next value is.
  public enum Kind: Sendable { case null, bool, number, string, array, object }

  /// Deeper nesting is refused: no document of ours comes near, and recursion stays bounded.
  public static let depthLimit = 32

  let bytes: [UInt8]
  var position = 0
  private let leniency: Leniency
  private var depth = 0

  /// Starts at the beginning of a text.
  public init(_ bytes: [UInt8], leniency: Leniency = []) {
    self.bytes = bytes
    self.leniency = leniency
  }

  /// The kind of the value that comes next; white space before it is passed over.
  public mutating func peek() throws(JSONError) -> Kind {
    try skipSpace()
    guard position < bytes.count else { throw error("the text ends where a value is expected") }
    switch bytes[position] {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw error("found \(found()) where a value is expected")
    }
  }

  /// Reads an object member by member: `body` gets each key and must consume its value.
  public mutating func object(
    _ body: (String, inout JSONScanner) throws(JSONError) -> Void
  ) throws(JSONError) {
    try enter("{")
    try skipSpace()
    if take("}") { return leave() }
    while true {
      try skipSpace()
      let key = try string()
      try skipSpace()
      try expect(":")
      try body(key, &self)
      try skipSpace()
      if take("}") { return leave() }
      try expect(",", or: "}")
    }
  }

  /// Reads an array element by element: `body` must consume one value per call.
  public mutating func array(
    _ body: (inout JSONScanner) throws(JSONError) -> Void
  ) throws(JSONError) {
    try enter("[")
    try skipSpace()
    if take("]") { return leave() }
    while true {
      try body(&self)
      try skipSpace()
      if take("]") { return leave() }
      try expect(",", or: "]")
    }
  }

  /// Passes over one value of any kind, checking it all the same.
  public mutating func skip() throws(JSONError) {
    switch try peek() {
    case .object: try object { (_, scanner) throws(JSONError) in try scanner.skip() }
    case .array: try array { (scanner) throws(JSONError) in try scanner.skip() }
    case .string: try skipString()
    case .number: _ = try numberLiteral()
    case .bool: _ = try bool()
    case .null: try null()
    }
  }

  /// Reads `null`.
  public mutating func null() throws(JSONError) { try word("null") }

  /// Reads `true` or `false`.
  public mutating func bool() throws(JSONError) -> Bool {
    try skipSpace()
    if position < bytes.count, bytes[position] == UInt8(ascii: "t") {
      try word("true")
      return true
    }
    try word("false")
    return false
  }

  /// Checks that only white space is left.
  public mutating func end() throws(JSONError) {
    try skipSpace()
    guard position == bytes.count else {
      throw error("found \(found()) after the end of the value")
    }
  }

  /// A fault at the present position.
  public func error(_ reason: String) -> JSONError {
    JSONError(line: line(at: position), reason: reason)
  }

  /// One-based line number of a position.
  func line(at position: Int) -> Int {
    1 + bytes.prefix(position).count { $0 == UInt8(ascii: "\n") }
  }

  // MARK: Numbers

  /// Reads a number and returns it as it was written.
  public mutating func numberLiteral() throws(JSONError) -> String {
    try skipSpace()
    let start = position
    _ = take("-")
    if take("0") {
      // A leading zero stands alone.
    } else if !takeDigits() {
      throw error("found \(found()) where a number is expected")
    }
    if take(".") {
      guard takeDigits() else { throw error("a digit must follow the decimal point") }
    }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard takeDigits() else { throw error("a digit must follow the exponent sign") }
    }
    if position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
      throw error("a number must not start with 0")
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func takeDigits() -> Bool {
    let start = position
    while position < bytes.count,
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position])
    {
      position += 1
    }
    return position > start
  }

  // MARK: White space and punctuation

  mutating func skipSpace() throws(JSONError) {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case UInt8(ascii: "/") where leniency.contains(.comments): try skipComment()
      default: return
      }
    }
  }

  private mutating func skipComment() throws(JSONError) {
    guard position + 1 < bytes.count else { throw error("a lone '/'") }
    switch bytes[position + 1] {
    case UInt8(ascii: "/"):
      while position < bytes.count, bytes[position] != 0x0A { position += 1 }
    case UInt8(ascii: "*"):
      let opening = position
      position += 2
      while position + 1 < bytes.count {
        if bytes[position] == UInt8(ascii: "*"), bytes[position + 1] == UInt8(ascii: "/") {
          position += 2
          return
        }
        position += 1
      }
      throw JSONError(line: line(at: opening), reason: "this comment is never closed")
    default: throw error("found '/' where a value is expected")
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(
    _ character: Unicode.Scalar, or other: Unicode.Scalar? = nil
  ) throws(JSONError) {
    guard take(character) else {
      let wanted = other.map { "'\(character)' or '\($0)'" } ?? "'\(character)'"
      throw error("found \(found()) where \(wanted) is expected")
    }
  }

  private mutating func enter(_ bracket: Unicode.Scalar) throws(JSONError) {
    try skipSpace()
    try expect(bracket)
    depth += 1
    guard depth <= JSONScanner.depthLimit else {
      throw error("nesting is deeper than \(JSONScanner.depthLimit)")
    }
  }

  private mutating func leave() { depth -= 1 }

  private mutating func word(_ word: StaticString) throws(JSONError) {
    try skipSpace()
    let text = Array(word.description.utf8)
    guard bytes[position...].starts(with: text) else {
      throw error("found \(found()) where \(word) is expected")
    }
    position += text.count
  }

  private func found() -> String {
    guard position < bytes.count else { return "the end of the text" }
    let byte = bytes[position]
    return (0x21...0x7E).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte \(byte)"
  }

  /// Whether raw control characters may stand in strings.
  var allowsRawControlCharacters: Bool { leniency.contains(.rawControlCharacters) }
}
