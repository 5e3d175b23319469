// MaintenanceWindow: the times of the week at which a device may be updated, by its own clocks.

/// A daily time between two readings of the local clocks, on some days of the week.
///
/// A window is wall-clock time: it is open exactly while the clocks and the calendar of the zone
/// show a time within it. So when clocks are put forward, what they skip does not occur, and a
/// window that is skipped as a whole is not opened on that day; when they are put back, a window is
/// open both times that they show it, and closed in between.
public struct MaintenanceWindow: Equatable, Sendable {
  /// The days on which it opens; never empty.
  public let days: Set<Weekday>
  /// Minutes after midnight at which it opens, 0 to 1439.
  public let from: Int
  /// Minutes after midnight at which it closes, 1 to 1440; on the day after when not above `from`.
  public let to: Int

  /// Accepts a window; nil when it has no days, never closes, or is out of range.
  public init?(days: Set<Weekday>, from: Int, to: Int) {
    guard !days.isEmpty, (0...1439).contains(from), (0...1440).contains(to), from != to else {
      return nil
    }
    self.days = days
    self.from = from
    // Midnight is the end of the day that it closes, not the start of the next.
    self.to = to == 0 ? 1440 : to
  }

  /// Minutes after midnight from a time of day written `hh:mm`, 00:00 to 24:00; nil for all else.
  public static func minutes(_ text: String) -> Int? {
    let text = Array(text.utf8)
    guard text.count == 5, text[2] == UInt8(ascii: ":") else { return nil }
    let digits = [text[0], text[1], text[3], text[4]].map { Int($0) - Int(UInt8(ascii: "0")) }
    guard digits.allSatisfy({ (0...9).contains($0) }), digits[2] < 6 else { return nil }
    let minutes = (digits[0] * 10 + digits[1]) * 60 + digits[2] * 10 + digits[3]
    return minutes <= 1440 ? minutes : nil
  }

  /// Seconds of a week that begins on Monday; the part beyond its end comes at its start.
  fileprivate var weekly: [Range<Int64>] {
    days.sorted { $0.startOfDay < $1.startOfDay }.flatMap { day -> [Range<Int64>] in
      let start = day.startOfDay + Int64(from) * 60
      let end = day.startOfDay + Int64(to > from ? to : to + 1440) * 60
      guard end > OpenHours.week else { return [start..<end] }
      return [start..<OpenHours.week, 0..<end - OpenHours.week]
    }
  }
}

/// When any of several windows is open.
public struct OpenHours: Equatable, Sendable {
  /// More windows than this are refused.
  public static let windowCountMax = 32
  /// Nothing is looked for further ahead: a weekly window that is skipped once comes after 14 days.
  public static let horizon = Interval.days(15)
  fileprivate static let week: Int64 = 7 * 86_400

  /// The windows, as they were given.
  public let windows: [MaintenanceWindow]
  // Seconds of the week at which open becomes closed or the other way; ascending, an even number.
  private let edges: [Int64]
  // Whether the end of the week is open, and with it the start up to the first edge.
  private let wraps: Bool

  /// Joins windows, which may overlap; nil unless there are 1 to 32.
  public init?(_ windows: [MaintenanceWindow]) {
    guard (1...OpenHours.windowCountMax).contains(windows.count) else { return nil }
    self.windows = windows
    var joined: [Range<Int64>] = []
    for next in windows.flatMap(\.weekly).sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = joined.last, next.lowerBound <= last.upperBound {
        joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
      } else {
        joined.append(next)
      }
    }
    let wraps = joined.last?.upperBound == OpenHours.week
    self.wraps = wraps
    // The turn of the week is an edge only when one side of it is closed.
    edges = joined.flatMap { [$0.lowerBound, $0.upperBound % OpenHours.week] }
      .filter { $0 != 0 || (wraps != (joined.first?.lowerBound == 0)) }.sorted()
  }

  /// How long windows are closed at a stretch by the clocks on the wall, in seconds, in the order
  /// of the week; empty when they never close.
  public var closedSeconds: [Int64] {
    guard let first = edges.first, let last = edges.last else { return [] }
    // Pairs of closing and opening; the one around the turn of the week comes last.
    let inner = wraps ? edges : Array(edges.dropFirst().dropLast())
    var closed = stride(from: 0, to: inner.count - 1, by: 2).map { inner[$0 + 1] - inner[$0] }
    if !wraps { closed.append(OpenHours.week - last + first) }
    return closed
  }

  /// Seconds of a week.
  public static var weekSeconds: Int64 { week }

  /// Whether a window is open.
  public func isOpen(at now: Instant, in zone: TimeZoneRules) -> Bool {
    let second = now.wholeSeconds
    return isOpen(wallSecond: second + zone.stretch(at: second).offset)
  }

  /// The first instant after `start` at which closed windows become open; when one is open at
  /// `start`, the next time after it has closed. Nil when there is none within `horizon`.
  public func nextOpening(after start: Instant, in zone: TimeZoneRules) -> Instant? {
    change(after: start, to: true, in: zone)
  }

  /// When the windows that are open close, which is also where clocks jump out of a window. Nil
  /// when none is open, or when they stay open for `horizon`.
  public func closes(at now: Instant, in zone: TimeZoneRules) -> Instant? {
    isOpen(at: now, in: zone) ? change(after: now, to: false, in: zone) : nil
  }

  // Goes from edge to edge, and where the clocks change, looks what they show then. Each turn is
  // one edge of a window or one change of the clocks.
  private func change(after start: Instant, to wanted: Bool, in zone: TimeZoneRules) -> Instant? {
    // Far outside of what occurs there would be no room for the horizon.
    guard
      (-Instant.distantFuture.milliseconds...Instant.distantFuture.milliseconds)
        .contains(start.milliseconds)
    else { return nil }
    var second = start.wholeSeconds
    let limit = second + OpenHours.horizon.wholeSeconds
    var stretch = zone.stretch(at: second)
    var state = isOpen(wallSecond: second + stretch.offset)
    while true {
      let edge = wait(fromWallSecond: second + stretch.offset).map { second + $0 }
      guard let next = [edge, stretch.end].compactMap(\.self).min(), next <= limit else {
        return nil
      }
      second = next
      if second == stretch.end { stretch = zone.stretch(at: second) }
      let after = isOpen(wallSecond: second + stretch.offset)
      if after != state, after == wanted { return Instant(milliseconds: second * 1000) }
      state = after
    }
  }

  private func isOpen(wallSecond: Int64) -> Bool {
    edgesPassed(OpenHours.secondOfWeek(wallSecond)).isMultiple(of: 2) == wraps
  }

  // Seconds until the next edge on clocks that do not change; nil when there is none.
  private func wait(fromWallSecond wallSecond: Int64) -> Int64? {
    guard let first = edges.first else { return nil }
    let second = OpenHours.secondOfWeek(wallSecond)
    let passed = edgesPassed(second)
    return (passed < edges.count ? edges[passed] : first + OpenHours.week) - second
  }

  // The number of edges up to and with a second of the week.
  private func edgesPassed(_ second: Int64) -> Int { edges.bisect { $0 <= second } }

  // 1970-01-01 was a Thursday, and this week begins on Monday.
  private static func secondOfWeek(_ wallSecond: Int64) -> Int64 {
    let shifted = wallSecond + 3 * 86_400
    return shifted - shifted.flooredDivision(by: week) * week
  }
}
