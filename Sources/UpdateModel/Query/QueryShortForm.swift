// QueryShortForm: the form that device filters had before: hardware=board-a, tag.site!=lab.

enum QueryShortForm {
  /// Reads the short form; nil when the text is something else and is to be read as a query.
  ///
  /// Only bare values make a text the short form, so nothing that could be meant as a query is
  /// taken for a filter with a strange value.
  static func expression(_ text: String) -> QueryExpression? {
    guard text.utf8.count <= Query.bytesMax else { return nil }
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.allSatisfy(isPair) else { return nil }
    // What is no filter for another reason, such as too many conditions, is told by the parser.
    guard let filter = try? DeviceFilter(text), !filter.conditions.isEmpty else { return nil }
    return expression(filter)
  }

  private static func isPair(_ part: Substring) -> Bool {
    let sides = part.split(separator: "=", omittingEmptySubsequences: false)
    guard sides.count == 2 else { return false }
    let name = (sides[0].last == "!" ? sides[0].dropLast() : sides[0]).trimmed
    let value = sides[1].trimmed
    let isField =
      ["device", "hardware", "version"].contains(name)
      || ["tag.", "attr."].contains { prefix in
        name.hasPrefix(prefix) && name.count > prefix.count
          && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !isReserved($0) }
      }
    return isField && !value.isEmpty && value != "null"
      && value.unicodeScalars.allSatisfy { scalar in
        scalar != " " && QueryScanner.isAllowedInText(scalar)
          && !(scalar.isASCII && isReserved(UInt8(truncatingIfNeeded: scalar.value)))
      }
  }

  private static func isReserved(_ byte: UInt8) -> Bool {
    "\"'\\()[]<>!?;".utf8.contains(byte)
  }

  /// The same conditions as a tree.
  static func expression(_ filter: DeviceFilter) -> QueryExpression {
    guard !filter.conditions.isEmpty else { return .constant(true) }
    return .all(joining: filter.conditions.map(expression))
  }

  private static func expression(_ condition: DeviceFilter.Condition) -> QueryExpression {
    let (field, reading): (QueryField, QueryTest.Reading) =
      switch condition.field {
      case .device: (.device, .plain)
      case .hardware: (.hardware, .plain)
      case .version: (.version, .plain)
      // Filters know all values as texts, whatever they are.
      case .tag(let key): (.tag(QueryPath(dotted: key)), .text)
      case .attribute(let key):
        // A filter looks at what the device says; a path below `update` is the server's word.
        (
          .reported(key.hasPrefix("update.") ? QueryPath(members: key) : QueryPath(dotted: key)),
          .text
        )
      }
    let relation: QueryTest.Relation =
      if condition.pattern.hasSuffix("*") {
        .isLike(
          QueryPattern(
            condition.pattern.unicodeScalars.dropLast().map { .scalar($0) } + [.any]))
      } else {
        .compares(.equal, .text(ExactText(condition.pattern)))
      }
    let test = QueryTest(field: field, reading: reading, relation: relation)
    // In filters, a device without the value differs from every value.
    return condition.negated ? .not(.test(test)) : .test(test)
  }
}
