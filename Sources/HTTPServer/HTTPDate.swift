// Dates of HTTP: IMF-fixdate only (RFC 9110 section 5.6.7), written and read without locale.

/// Conversion between seconds since 1970 and `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
  private static let days: StaticString = "ThuFriSatSunMonTueWed"
  private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

  /// The 29 bytes of a date between the years 1970 and 9999.
  static func text(seconds: Int) -> [UInt8] {
    let seconds = min(max(seconds, 0), 253_402_300_799)
    let day = seconds / 86_400
    let (year, month, dayOfMonth) = civil(day)
    let time = seconds % 86_400
    var text: [UInt8] = []
    text.reserveCapacity(29)
    appendName(days, day % 7, &text)
    text.append(contentsOf: [0x2C, 0x20])
    appendDigits(dayOfMonth, 2, &text)
    text.append(0x20)
    appendName(months, month - 1, &text)
    text.append(0x20)
    appendDigits(year, 4, &text)
    text.append(0x20)
    appendDigits(time / 3_600, 2, &text)
    text.append(0x3A)
    appendDigits(time / 60 % 60, 2, &text)
    text.append(0x3A)
    appendDigits(time % 60, 2, &text)
    text.append(contentsOf: [0x20, 0x47, 0x4D, 0x54])
    return text
  }

  /// Reads an IMF-fixdate; `nil` for anything else, which a server may ignore.
  static func seconds(_ text: UnsafeRawBufferPointer) -> Int? {
    guard text.count == 29, text[3] == 0x2C, text[25] == 0x20, text[26] == 0x47 else { return nil }
    guard let day = number(text, 5..<7), let year = number(text, 12..<16),
      let hour = number(text, 17..<19), let minute = number(text, 20..<22),
      let second = number(text, 23..<25)
    else { return nil }
    let month = (0..<12).first { month in
      (0..<3).allSatisfy { months.utf8Start[month * 3 + $0] == text[8 + $0] }
    }
    guard let month, year >= 1970, (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    return daysSince1970(year, month + 1, day) * 86_400 + hour * 3_600 + minute * 60 + second
  }

  /// Civil date of a day number, after Hinnant, "chrono-compatible low-level date algorithms".
  private static func civil(_ day: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = shiftedYear / 400
    let yearOfEra = shiftedYear % 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func appendName(_ names: StaticString, _ index: Int, _ text: inout [UInt8]) {
    for offset in 0..<3 { text.append(names.utf8Start[index * 3 + offset]) }
  }

  private static func appendDigits(_ value: Int, _ width: Int, _ text: inout [UInt8]) {
    var divisor = width == 4 ? 1_000 : 10
    while divisor > 0 {
      text.append(0x30 + UInt8(value / divisor % 10))
      divisor /= 10
    }
  }

  private static func number(_ text: UnsafeRawBufferPointer, _ run: Range<Int>) -> Int? {
    var value = 0
    for index in run {
      guard ByteClass.isDigit(text[index]) else { return nil }
      value = value * 10 + Int(text[index] - 0x30)
    }
    return value
  }
}
