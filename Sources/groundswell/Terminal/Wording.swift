// Wording: sizes, counts and times as people say them.

import Glibc
import UpdateModel

/// Numbers in words.
enum Wording {
  /// `512 B`, `3.4 kB`, `12.0 MB`, `1.5 GB`; decimal units, as disks and networks are sold.
  static func size(_ bytes: Int) -> String {
    guard bytes >= 1000 else { return "\(bytes) B" }
    var tenths = bytes / 100
    var unit = 0
    let units = ["kB", "MB", "GB", "TB", "PB"]
    while tenths >= 10_000, unit < units.count - 1 {
      tenths /= 1000
      unit += 1
    }
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }

  /// `12,345,678`.
  static func count(_ number: Int) -> String {
    let digits = String(abs(number))
    var text = ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return number < 0 ? "-\(text)" : text
  }

  /// `1 device`, `3 devices`.
  static func count(_ number: Int, _ noun: String) -> String {
    "\(count(number)) \(noun)\(number == 1 ? "" : "s")"
  }

  /// `45 s`, `3 min`, `2 h 5 min`, `4 d 3 h`: two units at most.
  static func length(_ interval: Interval) -> String {
    let seconds = max(0, interval.wholeSeconds)
    func two(_ whole: Int64, _ unit: String, _ rest: Int64, _ small: String) -> String {
      rest == 0 ? "\(whole) \(unit)" : "\(whole) \(unit) \(rest) \(small)"
    }
    switch seconds {
    case ..<60: return "\(seconds) s"
    case ..<600: return two(seconds / 60, "min", seconds % 60, "s")
    case ..<3600: return "\(seconds / 60) min"
    case ..<86_400: return two(seconds / 3600, "h", seconds % 3600 / 60, "min")
    default: return two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h")
    }
  }

  /// `just now`, `3 min ago`, `2 h ago`, `4 d ago`; for times ahead `in 5 min`.
  static func ago(_ instant: Instant, now: Instant) -> String {
    let seconds = (now - instant).wholeSeconds
    func coarse(_ seconds: Int64) -> String {
      switch seconds {
      case ..<60: "\(seconds) s"
      case ..<3600: "\(seconds / 60) min"
      case ..<172_800: "\(seconds / 3600) h"
      default: "\(seconds / 86_400) d"
      }
    }
    // Clocks of two machines differ a little.
    if (-5..<5).contains(seconds) { return "just now" }
    return seconds < 0 ? "in \(coarse(-seconds))" : "\(coarse(seconds)) ago"
  }

  /// `12.3%` of a whole; `0%` when there is nothing.
  static func share(_ part: Int, of whole: Int) -> String {
    guard whole > 0, part > 0 else { return "0%" }
    let tenths = part.multipliedReportingOverflow(by: 1000)
    guard !tenths.overflow else { return "-" }
    let value = tenths.partialValue / whole
    // A little is not nothing.
    if value == 0 { return "<0.1%" }
    return value.isMultiple(of: 10) ? "\(value / 10)%" : "\(value / 10).\(value % 10)%"
  }
}

extension Instant {
  /// The clock of this machine.
  static var present: Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// Reads `2026-11-21T06:00:00Z`, also with a fraction; other offsets do not occur in the API.
  init?(text: String) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      Int64(String(decoding: bytes[range], as: UTF8.self))
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    // Days of a proleptic Gregorian date, the inverse of `Instant.description`.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    self.init(milliseconds: seconds * 1000)
  }
}
