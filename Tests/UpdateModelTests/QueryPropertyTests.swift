// QueryPropertyTests: canonical text reads back, and evaluation agrees with a naive second opinion.

import Testing
import UpdateModel

@Suite struct QueryPropertyTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the canonical text of a query reads back as the same query`(seed: UInt64) throws {
    var chance = Chance(state: seed)
    for _ in 0..<500 {
      let text = QueryComposer.query(&chance)
      let query = try Query(text)
      let again = try Query(query.description)
      #expect(again == query, "seed \(seed): \(text)")
      #expect(again.description == query.description, "seed \(seed): \(text)")
      #expect(Set(again.fields) == Set(query.fields), "seed \(seed): \(text)")
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `evaluation agrees with the naive reading`(seed: UInt64) throws {
    var chance = Chance(state: seed)
    var matched = 0
    for _ in 0..<150 {
      let text = QueryComposer.query(&chance)
      let query = try Query(text)
      for _ in 0..<20 {
        let twin = QueryComposer.twin(&chance)
        let expected = NaiveReading.matches(query.expression, twin)
        let found = query.matches(twin, at: TwinSpecimen.now)
        #expect(found == expected, "seed \(seed): \(text) on \(twin)")
        let verdict = query.explain(twin, at: TwinSpecimen.now)
        #expect((verdict == .holds) == expected, "seed \(seed): \(text) on \(twin)")
        if found { matched += 1 }
      }
    }
    // A test that never matches would prove nothing.
    #expect(matched > 300)
  }

  @Test(arguments: [
    ("0.1", "0.10"), ("1e2", "100"), ("-0", "0"),
    ("12345678901234567890.5", "12345678901234567890.50"),
    ("1E+2", "1e2"), ("0e999999999999999999999", "0"),
  ])
  func `equal numbers are equal however they are written`(left: String, right: String) throws {
    let first = try #require(ExactDecimal(literal: left))
    let second = try #require(ExactDecimal(literal: right))
    #expect(first == second && !(first < second) && !(second < first))
    #expect(ExactDecimal(literal: first.description) == first)
  }

  @Test func `numbers are ordered by value and never rounded`() throws {
    let rising = [
      "-1e999999999999999999999", "-1e400", "-10", "-9.99", "-1", "-0.1", "-1e-9", "0", "1e-999999",
      "0.1", "0.10000000000000000000001", "1", "9", "10", "9007199254740992", "9007199254740993",
      "9223372036854775807", "9223372036854775808", "1e400",
    ]
    let numbers = try rising.map { try #require(ExactDecimal(literal: $0)) }
    for (low, left) in numbers.enumerated() {
      for (high, right) in numbers.enumerated() {
        #expect((left < right) == (low < high), "\(rising[low]) and \(rising[high])")
        if let integer = Int64(rising[low]) {
          #expect(right.order(of: integer) == QueryOrder(low, high), "\(integer), \(rising[high])")
        }
      }
    }
    for number in [Int64.min, .min + 1, -10, -1, 0, 1, 9, 10, 99, 100, .max - 1, .max] {
      for other in [Int64.min, -100, -10, -1, 0, 1, 10, 100, 101, .max] {
        #expect(ExactDecimal(other).order(of: number) == QueryOrder(number, other))
      }
    }
    #expect(ExactDecimal(Int64.min).description == "-9223372036854775808")
    for text in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1 ", "\u{661}", "NaN"] {
      #expect(ExactDecimal(literal: text) == nil, "\(text)")
    }
  }

  @Test func `versions are ordered as Semantic Versioning says`() throws {
    let rising = [
      "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
      "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "1.10", "v2", "2.0.0.1", "2024.10",
      "20241001000000000000000000", "20241001000000000000000001",
    ]
    let versions = try rising.map { try #require(OrderedVersion($0)) }
    for (low, left) in versions.enumerated() {
      for (high, right) in versions.enumerated() {
        #expect(left.order(to: right) == QueryOrder(low, high), "\(rising[low]), \(rising[high])")
      }
    }
    let same = try #require(OrderedVersion("1.0.0+build"))
    #expect(same.order(to: versions[8]) == .same)
    #expect(OrderedVersion("01.0")?.order(to: versions[8]) == .same)
    for text in ["", "v", "bookworm", "1..2", "1.", "-1", "1.2-", "1.2-a..b", "1+", "1 2", "1.x"] {
      #expect(OrderedVersion(text) == nil, "\(text)")
    }
  }
}

/// The meaning of a query written down a second time, as simply as possible and without speed.
enum NaiveReading {
  static func matches(_ expression: QueryExpression, _ twin: TwinSpecimen) -> Bool {
    switch expression {
    case .constant(let value): value
    case .test(let test): holds(test, twin)
    case .not(let part): !matches(part, twin)
    case .all(let parts): !parts.map { matches($0, twin) }.contains(false)
    case .any(let parts): parts.map { matches($0, twin) }.contains(true)
    }
  }

  private enum Plain: Equatable {
    case number(Double), text([UInt8]), bool(Bool), time(Int64), list([JSON]), other
  }

  private static func holds(_ test: QueryTest, _ twin: TwinSpecimen) -> Bool {
    let value = twin.value(of: test.field)
    if test.field == .group, case .json(.array(let names)) = value {
      let one = { (relation: QueryTest.Relation) in
        names.contains { holds(relation, .json($0), .plain) }
      }
      switch test.relation {
      case .compares(.different, let literal) where literal != .null:
        return !one(.compares(.equal, literal))
      case .isNotIn(let list): return !one(.isIn(list))
      case .isUnlike(let pattern): return !one(.isLike(pattern))
      case .compares(_, let literal) where literal != .null: return one(test.relation)
      case .isIn, .isLike: return one(test.relation)
      case .compares, .contains, .exists: break
      }
    }
    return holds(test.relation, value, test.reading)
  }

  private static func holds(
    _ relation: QueryTest.Relation, _ value: QueryValue?, _ reading: QueryTest.Reading
  ) -> Bool {
    let plain = plain(value, reading)
    switch relation {
    case .exists: return value != nil
    case .compares(.equal, .null): return plain == nil
    case .compares(.different, .null): return plain != nil
    case .compares(let sign, let literal):
      guard let plain, let order = order(plain, literal) else { return false }
      switch sign {
      case .equal: return order == 0
      case .different: return order != 0
      case .less: return order < 0
      case .atMost: return order <= 0
      case .more: return order > 0
      case .atLeast: return order >= 0
      }
    case .isIn(let list): return list.contains { holds(.compares(.equal, $0), value, reading) }
    case .isNotIn(let list):
      return list.contains { holds(.compares(.different, $0), value, reading) }
        && !list.contains { holds(.compares(.equal, $0), value, reading) }
    case .isLike(let pattern):
      guard case .text(let text) = plain else { return false }
      return fits(
        pattern.pieces[...], Array(String(decoding: text, as: UTF8.self).unicodeScalars)[...])
    case .isUnlike(let pattern):
      guard case .text = plain else { return false }
      return !holds(.isLike(pattern), value, reading)
    case .contains(let literal):
      guard case .list(let elements) = plain else { return false }
      return elements.contains { holds(.compares(.equal, literal), .json($0), .plain) }
    }
  }

  private static func plain(_ value: QueryValue?, _ reading: QueryTest.Reading) -> Plain? {
    switch value {
    case nil: return nil
    case .time(let time): return .time(time.milliseconds)
    case .json(let json):
      let written = String(decoding: json.text, as: UTF8.self)
      switch (reading, json) {
      case (.text, .integer), (.text, .decimal), (.text, .bool): return .text(Array(written.utf8))
      case (.text, .string), (.plain, .string): return .text(Array((json.string ?? "").utf8))
      case (.number, .string):
        // What is no JSON is no number.
        guard let text = json.string, let parsed = try? JSON.parse(Array(text.utf8)) else {
          return nil
        }
        return plain(.json(parsed), .number)
      case (_, .integer), (_, .decimal): return .number(Double(written) ?? .nan)
      case (.plain, .bool(let flag)): return .bool(flag)
      case (.plain, .array(let elements)): return .list(elements)
      case (.plain, .object): return .other
      default: return nil
      }
    }
  }

  private static func order(_ plain: Plain, _ literal: QueryLiteral) -> Int? {
    func sign<Value: Comparable>(_ a: Value, _ b: Value) -> Int { a < b ? -1 : a > b ? 1 : 0 }
    func time() -> Int64? {
      if case .time(let time) = plain { return time }
      guard case .text(let text) = plain else { return nil }
      return Instant(rfc3339: String(decoding: text, as: UTF8.self))?.milliseconds
    }
    switch (literal, plain) {
    case (.number(let wanted), .number(let found)), (.percent(let wanted), .number(let found)):
      return sign(found, Double(wanted.description) ?? .nan)
    case (.text(let wanted), .text(let found)):
      let other = Array(wanted.text.utf8)
      return found == other ? 0 : found.lexicographicallyPrecedes(other) ? -1 : 1
    case (.bool(let wanted), .bool(let found)): return found == wanted ? 0 : 1
    case (.version(let wanted), .text(let found)):
      guard let version = OrderedVersion(String(decoding: found, as: UTF8.self)) else { return nil }
      switch version.order(to: wanted) {
      case .before: return -1
      case .same: return 0
      case .after: return 1
      }
    case (.time(let wanted), _): return time().map { sign($0, wanted.milliseconds) }
    case (.duration(let wanted), _):
      return time().map { sign(TwinSpecimen.now.milliseconds - $0, wanted.milliseconds) }
    default: return nil
    }
  }

  private static func fits(
    _ pattern: ArraySlice<QueryPattern.Piece>, _ text: ArraySlice<Unicode.Scalar>
  ) -> Bool {
    switch pattern.first {
    case nil: text.isEmpty
    case .one: !text.isEmpty && fits(pattern.dropFirst(), text.dropFirst())
    case .scalar(let scalar):
      text.first == scalar && fits(pattern.dropFirst(), text.dropFirst())
    case .any:
      fits(pattern.dropFirst(), text) || (!text.isEmpty && fits(pattern, text.dropFirst()))
    }
  }
}
