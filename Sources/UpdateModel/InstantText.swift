// InstantText: points in time as people write them, RFC 3339 with a zone.

extension Instant {
  /// Reads `2026-11-21T06:00:00Z` or `2026-11-21T07:00:00+01:00`, also with a fraction of a second.
  ///
  /// RFC 3339 section 5.6 with the years 1970 to 9999; a zone is required, since a time without one
  /// means another instant on each machine. A leap second reads as the second after it. Nil for
  /// anything else, also for days that the month does not have.
  public init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    guard (20...40).contains(bytes.count) else { return nil }
    var reader = FieldReader(bytes: bytes)
    guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2),
      reader.skip("-"), let day = reader.number(2), reader.skip("Tt "),
      let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2),
      reader.skip(":"), let second = reader.number(2), let fraction = reader.fraction(),
      let offset = reader.offset(), reader.isAtEnd,
      (1970...9999).contains(year), (1...12).contains(month),
      (1...Instant.days(inMonth: month, of: year)).contains(day), hour <= 23, minute <= 59,
      second <= 60
    else { return nil }
    let clock = hour * 3600 + minute * 60 + second - offset * 60
    let seconds = Instant.days(to: (year, month, day)) * 86_400 + clock
    self.init(milliseconds: seconds * 1000 + fraction)
  }

  // Days of a proleptic Gregorian date, the inverse of what `description` does.
  private static func days(to date: (year: Int64, month: Int64, day: Int64)) -> Int64 {
    let shifted = date.month <= 2 ? date.year - 1 : date.year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let monthFromMarch = date.month > 2 ? date.month - 3 : date.month + 9
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + date.day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }
}

private struct FieldReader {
  let bytes: [UInt8]
  var position = 0

  var isAtEnd: Bool { position == bytes.count }

  mutating func number(_ digits: Int) -> Int64? {
    guard position + digits <= bytes.count else { return nil }
    var value: Int64 = 0
    for byte in bytes[position..<position + digits] {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    position += digits
    return value
  }

  mutating func skip(_ allowed: String) -> Bool {
    guard position < bytes.count, allowed.utf8.contains(bytes[position]) else { return false }
    position += 1
    return true
  }

  // Milliseconds; 0 without a fraction.
  mutating func fraction() -> Int64? {
    guard skip(".") else { return 0 }
    var value: Int64 = 0
    var scale: Int64 = 100
    let start = position
    while let digit = number(1) {
      value += digit * scale
      scale /= 10
    }
    return position > start ? value : nil
  }

  // Minutes east of Greenwich.
  mutating func offset() -> Int64? {
    if skip("Zz") { return 0 }
    let isEast = position < bytes.count && bytes[position] == UInt8(ascii: "+")
    guard skip("+-"), let hours = number(2), skip(":"), let minutes = number(2), hours <= 23,
      minutes <= 59
    else { return nil }
    return (isEast ? 1 : -1) * (hours * 60 + minutes)
  }
}
