// YearlyRules: how a zone changes its clocks every year, from a TZ string of POSIX.

/// A TZ string as it stands at the end of a TZif file (RFC 9636 section 3.3.1; POSIX.1-2024 section
/// 8.3): `CET-1CEST,M3.5.0,M10.5.0/3`. Pure arithmetic, good for every year.
struct YearlyRules: Equatable, Sendable {
  /// Seconds east of UTC in standard time.
  let standard: Int64
  /// The other time of the year; nil when clocks never change.
  let summer: Summer?

  /// Daylight-saving time, or a winter time that is behind standard time.
  struct Summer: Equatable, Sendable {
    /// Seconds east of UTC.
    let offset: Int64
    /// When it begins, by the clocks of standard time.
    let begins: Turn
    /// When it ends, by its own clocks.
    let ends: Turn
  }

  /// A time of the year at which clocks change.
  struct Turn: Equatable, Sendable {
    let day: Day
    /// Seconds after the midnight at which that day starts; -167 to 167 hours.
    let time: Int64
  }

  /// A day of the year.
  enum Day: Equatable, Sendable {
    /// `Jn`: 1 to 365; February 29 is never counted.
    case julian(Int64)
    /// `n`: 0 to 365; February 29 is counted.
    case ordinal(Int64)
    /// `Mm.w.d`: the week-th such weekday of a month, 5 for the last; Sunday is 0.
    case weekday(month: Int, week: Int64, day: Int64)
  }

  /// The stretch that holds a second since 1970.
  func stretch(at second: Int64) -> TimeZoneRules.Stretch {
    guard let summer else { return TimeZoneRules.Stretch(offset: standard, end: nil) }
    let year = Instant.civil(fromDays: (second + standard).flooredDivision(by: 86_400)).year
    var last: (at: Int64, offset: Int64)?
    var next: Int64?
    // A turn is at most eight days outside its year, so two years on either side are enough. Of two
    // turns at once the later one in this order holds: `0/0,J365/25` is summer time all year.
    for year in year - 2...year + 2 {
      let start = GregorianYear(year)
      let turns = [
        (at: start.second(of: summer.begins) - standard, offset: summer.offset),
        (at: start.second(of: summer.ends) - summer.offset, offset: standard),
      ]
      for turn in turns {
        if turn.at <= second {
          if turn.at >= last?.at ?? .min { last = turn }
        } else {
          next = min(turn.at, next ?? .max)
        }
      }
    }
    return TimeZoneRules.Stretch(offset: last?.offset ?? standard, end: next)
  }
}

/// One year of the proleptic Gregorian calendar.
private struct GregorianYear {
  /// Days from 1970-01-01 to January 1.
  let firstDay: Int64
  let isLeap: Bool

  init(_ year: Int64) {
    func leapDays(through year: Int64) -> Int64 {
      year.flooredDivision(by: 4) - year.flooredDivision(by: 100) + year.flooredDivision(by: 400)
    }
    let before = leapDays(through: year - 1)
    firstDay = 365 * (year - 1970) + before - leapDays(through: 1969)
    isLeap = leapDays(through: year) > before
  }

  /// Seconds from 1970 to a turn, on clocks without an offset.
  func second(of turn: YearlyRules.Turn) -> Int64 { day(turn.day) * 86_400 + turn.time }

  private func day(_ day: YearlyRules.Day) -> Int64 {
    switch day {
    case .julian(let number): return firstDay + number - (isLeap && number >= 60 ? 0 : 1)
    case .ordinal(let number): return firstDay + number
    case .weekday(let month, let week, let weekday):
      let first = firstDay + Int64(GregorianYear.daysBefore[month - 1] + leapDay(before: month))
      // 1970-01-01 was a Thursday, 4 when Sunday is 0.
      let weekdayOfFirst = first + 4 - (first + 4).flooredDivision(by: 7) * 7
      let offset = (weekday - weekdayOfFirst + 7) % 7 + (week - 1) * 7
      let length = GregorianYear.daysBefore[month] - GregorianYear.daysBefore[month - 1]
      let isLong = month == 2 && isLeap
      return first + (offset < Int64(length + (isLong ? 1 : 0)) ? offset : offset - 7)
    }
  }

  private func leapDay(before month: Int) -> Int { isLeap && month > 2 ? 1 : 0 }

  // Days before each month of a common year, and the days of all twelve.
  private static let daysBefore = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365]
}
