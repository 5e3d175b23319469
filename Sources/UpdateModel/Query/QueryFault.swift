// QueryFault: where a query cannot be read, what stands there, and what should.

/// The first fault of a query.
public struct QueryFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// Which character it is about, from 1; one more than there are when something is missing.
  public let column: Int
  /// What was found there.
  public let found: String
  /// What would be right.
  public let expected: String
  /// The query as it was given.
  public let text: String

  /// Describes a fault.
  public init(column: Int, found: String, expected: String, in text: String) {
    self.column = column
    self.found = found
    self.expected = expected
    self.text = text
  }

  /// One sentence without the query.
  public var reason: String { "found \(found), expected \(expected)" }

  /// `column 12: found ..., expected ...`.
  public var description: String { "column \(column): \(reason)" }

  /// Characters of a long query that are shown before and after the fault.
  static let shownAround = 60

  /// The query, a caret below the fault, and what is wrong: three lines.
  public var rendered: String {
    let around = QueryFault.shownAround
    let skipped = max(0, column - 1 - around)
    // Only what is shown is walked over, however much was sent.
    let shown = text.dropFirst(skipped).prefix(2 * around)
    let line = shown.map { QueryFault.isPrintable($0) ? String($0) : " " }.joined()
    let hasMore = text.dropFirst(skipped).dropFirst(2 * around).first != nil
    let lead = skipped > 0 ? "... " : ""
    let caret = String(repeating: " ", count: lead.count + column - 1 - skipped) + "^"
    return "\(lead)\(line)\(hasMore ? " ..." : "")\n\(caret)\n\(description)"
  }

  // Line ends and other controls would break the picture, and could do worse to a terminal.
  private static func isPrintable(_ character: Character) -> Bool {
    character.unicodeScalars.allSatisfy { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
        .unassigned:
        false
      default: true
      }
    }
  }

  /// As the refusal of a value.
  public var invalidValue: InvalidValue { InvalidValue(field: "query", reason: description) }
}
