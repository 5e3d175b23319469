// Instant and Interval: points and lengths of time as plain numbers; neither can read a clock.

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
public struct Instant: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Milliseconds since the Unix epoch.
  public let milliseconds: Int64

  /// Wraps milliseconds since the Unix epoch.
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// The start of 1970 in UTC; stands for "never" where a time is not known.
  public static let epoch = Instant(milliseconds: 0)
  /// Later than every time that occurs.
  public static let distantFuture = Instant(milliseconds: Int64.max / 4)

  /// Chronological order.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.milliseconds < right.milliseconds
  }

  /// A later point in time.
  public static func + (start: Instant, length: Interval) -> Instant {
    Instant(milliseconds: start.milliseconds + length.milliseconds)
  }

  /// The length of time from `start` to `end`; negative when `end` is earlier.
  public static func - (end: Instant, start: Instant) -> Interval {
    Interval(milliseconds: end.milliseconds - start.milliseconds)
  }

  /// ISO 8601 in UTC with seconds, for example `2026-11-21T06:00:00Z` (RFC 3339).
  public var description: String {
    let seconds = milliseconds.flooredDivision(by: 1000)
    let days = seconds.flooredDivision(by: 86400)
    let rest = seconds - days * 86400
    let (year, month, day) = Instant.civil(fromDays: days)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(year)-\(two(month))-\(two(day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):"
      + "\(two(rest % 60))Z"
  }

  // Days to a proleptic Gregorian date, after the well-known algorithm of Howard Hinnant.
  static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted.flooredDivision(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}

/// A length of time in milliseconds.
public struct Interval: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The length in milliseconds; negative when a difference of instants is.
  public let milliseconds: Int64

  /// Wraps a number of milliseconds.
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// No time at all.
  public static let zero = Interval(milliseconds: 0)
  /// A number of seconds.
  public static func seconds(_ count: Int64) -> Interval { Interval(milliseconds: count * 1000) }
  /// A number of minutes.
  public static func minutes(_ count: Int64) -> Interval { seconds(count * 60) }
  /// A number of hours.
  public static func hours(_ count: Int64) -> Interval { minutes(count * 60) }
  /// A number of days of 24 hours.
  public static func days(_ count: Int64) -> Interval { hours(count * 24) }

  /// Shorter comes first.
  public static func < (left: Interval, right: Interval) -> Bool {
    left.milliseconds < right.milliseconds
  }

  /// Whole seconds, rounded down.
  public var wholeSeconds: Int64 { milliseconds.flooredDivision(by: 1000) }

  /// Reads `90s`, `15m`, `12h`, `7d`, `250ms` or a sum such as `1h30m`; at most ten years.
  public init?(text: String) {
    guard !text.isEmpty, text.utf8.count <= 32 else { return nil }
    var total: Int64 = 0
    var rest = Substring(text)
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard !digits.isEmpty, digits.count <= 12, let count = Int64(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let scale = Interval.scales[String(unit)] else { return nil }
      let (part, overflow) = count.multipliedReportingOverflow(by: scale)
      // Checked before it is added, so that no sum can overflow.
      guard !overflow, part <= Interval.days(3650).milliseconds - total else { return nil }
      total += part
    }
    self.init(milliseconds: total)
  }

  private static let scales: [String: Int64] = [
    "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000,
  ]

  /// The shortest exact form that `init(text:)` reads back, at most two units above seconds.
  public var description: String {
    if milliseconds < 0 { return "-\(Interval(milliseconds: -milliseconds))" }
    if milliseconds == 0 { return "0s" }
    var parts = ""
    var rest = milliseconds
    for (unit, scale) in [
      ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
      as [(String, Int64)] where rest >= scale
    {
      parts += "\(rest / scale)\(unit)"
      rest %= scale
    }
    return parts
  }
}

extension Int64 {
  /// Division that rounds towards minus infinity; the divisor is positive.
  public func flooredDivision(by divisor: Int64) -> Int64 {
    precondition(divisor > 0, "what is divided by is positive")
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
