// TimeZoneRules: what the clocks of one time zone show at any instant, past and future.

/// The offsets of one zone from UTC: those that were, from a table, and those to come, from a rule.
public struct TimeZoneRules: Equatable, Sendable {
  /// Seconds since 1970 at which the offset changes; ascending, no two the same.
  let transitions: [Int64]
  /// Seconds east of UTC: before the first transition, then from each one on.
  let offsets: [Int64]
  /// Holds from the last transition on; nil when the last offset stays.
  let tail: YearlyRules?

  /// Coordinated Universal Time.
  public static let utc = TimeZoneRules(transitions: [], offsets: [0], tail: nil)

  init(transitions: [Int64], offsets: [Int64], tail: YearlyRules?) {
    precondition(offsets.count == transitions.count + 1, "an offset before, and after each change")
    self.transitions = transitions
    self.offsets = offsets
    self.tail = tail
  }

  /// How far the local clocks are ahead of UTC; whole seconds, negative west of Greenwich.
  public func offset(at now: Instant) -> Interval {
    .seconds(stretch(at: now.wholeSeconds).offset)
  }

  /// What the local clocks and calendars show.
  public func localTime(at now: Instant) -> LocalTime {
    let second = now.wholeSeconds
    return LocalTime(wallSecond: second + stretch(at: second).offset)
  }

  /// A length of time without a change of the clocks.
  struct Stretch {
    /// Seconds east of UTC.
    let offset: Int64
    /// The first second that may have another offset; nil when there is none.
    let end: Int64?
  }

  /// The stretch that holds a second since 1970, which is that of an `Instant`.
  func stretch(at second: Int64) -> Stretch {
    if let tail, second >= transitions.last ?? .min { return tail.stretch(at: second) }
    let passed = transitions.bisect { $0 <= second }
    return Stretch(
      offset: offsets[passed], end: passed < transitions.count ? transitions[passed] : nil)
  }
}

/// A date and a time of day on the local clocks.
public struct LocalTime: Equatable, Sendable {
  /// The local date as days since 1970-01-01.
  public let day: Int64
  /// Seconds the clocks are past midnight, 0 to 86399; what has passed since differs on days on
  /// which they changed.
  public let second: Int64

  /// Splits the seconds that clocks show into days and a rest.
  init(wallSecond: Int64) {
    day = wallSecond.flooredDivision(by: 86_400)
    second = wallSecond - day * 86_400
  }

  /// The day of the week.
  public var weekday: Weekday {
    // 1970-01-01 was a Thursday.
    let index = day + 3 - (day + 3).flooredDivision(by: 7) * 7
    return Weekday.allCases[Int(index)]
  }
}

/// A day of the week, under the word that policies use.
public enum Weekday: String, Sendable, CaseIterable {
  case monday = "mon"
  case tuesday = "tue"
  case wednesday = "wed"
  case thursday = "thu"
  case friday = "fri"
  case saturday = "sat"
  case sunday = "sun"

  /// Seconds from the start of Monday to the start of this day, with 24 hours to a day.
  var startOfDay: Int64 {
    Int64(Weekday.allCases.firstIndex(of: self) ?? 0) * 86_400  // all cases has every case
  }
}

extension Instant {
  /// Seconds since 1970, rounded down.
  var wholeSeconds: Int64 { milliseconds.flooredDivision(by: 1000) }
}
