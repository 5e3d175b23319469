// TimeZoneString: reads a TZ string of POSIX, such as `<+1030>-10:30<+11>-11,M10.1.0,M4.1.0`.

extension YearlyRules {
  /// Reads the footer of a TZif file: 1 to 256 bytes, with the extension of RFC 9636 section 3.3.1
  /// to times of day from -167 to 167 hours. Throws when it is no such string; daylight-saving time
  /// without a rule is refused, because what it means is left to each system.
  init(_ text: ArraySlice<UInt8>) throws(InvalidValue) {
    guard (1...256).contains(text.count), let rules = TimeZoneString(rest: text).rules() else {
      throw InvalidValue(
        field: "time zone",
        reason: "'\(String(decoding: text.prefix(64), as: UTF8.self))' is no TZ string of POSIX")
    }
    self = rules
  }
}

/// What has not been read yet. Every function takes what it understands from the front, and is nil
/// for anything else.
private struct TimeZoneString {
  var rest: ArraySlice<UInt8>

  func rules() -> YearlyRules? {
    var text = self
    guard text.takeName(), let standard = text.takeOffset() else { return nil }
    if text.rest.isEmpty { return YearlyRules(standard: standard, summer: nil) }
    guard text.takeName() else { return nil }
    var offset: Int64? = standard + 3600
    if text.rest.first != UInt8(ascii: ",") { offset = text.takeOffset() }
    guard let offset, text.take(","), let begins = text.takeTurn(), text.take(","),
      let ends = text.takeTurn(), text.rest.isEmpty
    else { return nil }
    return YearlyRules(
      standard: standard, summer: YearlyRules.Summer(offset: offset, begins: begins, ends: ends))
  }

  // At least three letters, or letters, digits and signs in angle brackets.
  private mutating func takeName() -> Bool {
    let isQuoted = take("<")
    let name = rest.prefix { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): isQuoted
      default: false
      }
    }
    rest = rest.dropFirst(name.count)
    return name.count >= 3 && (!isQuoted || take(">"))
  }

  // POSIX counts west of Greenwich; the result is seconds east.
  private mutating func takeOffset() -> Int64? { takeTime(hoursMax: 24).map { -$0 } }

  private mutating func takeTurn() -> YearlyRules.Turn? {
    guard let day = takeDay() else { return nil }
    guard take("/") else { return YearlyRules.Turn(day: day, time: 7200) }
    return takeTime(hoursMax: 167).map { YearlyRules.Turn(day: day, time: $0) }
  }

  private mutating func takeDay() -> YearlyRules.Day? {
    if take("J") { return takeNumber(in: 1...365).map { .julian($0) } }
    guard take("M") else { return takeNumber(in: 0...365).map { .ordinal($0) } }
    guard let month = takeNumber(in: 1...12), take("."), let week = takeNumber(in: 1...5),
      take("."), let day = takeNumber(in: 0...6)
    else { return nil }
    return .weekday(month: Int(month), week: week, day: day)
  }

  // Hours, minutes and seconds: `[+-]h[:mm[:ss]]`.
  private mutating func takeTime(hoursMax: Int64) -> Int64? {
    let isNegative = take("-")
    if !isNegative { _ = take("+") }
    guard let hours = takeNumber(in: 0...hoursMax) else { return nil }
    var seconds = hours * 3600
    if take(":") {
      guard let minutes = takeNumber(in: 0...59) else { return nil }
      seconds += minutes * 60
      if take(":") {
        guard let rest = takeNumber(in: 0...59) else { return nil }
        seconds += rest
      }
    }
    return isNegative ? -seconds : seconds
  }

  private mutating func takeNumber(in range: ClosedRange<Int64>) -> Int64? {
    let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard (1...3).contains(digits.count) else { return nil }
    rest = rest.dropFirst(digits.count)
    let number = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    return range.contains(number) ? number : nil
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard rest.first == UInt8(ascii: character) else { return false }
    rest = rest.dropFirst()
    return true
  }
}
