// MaintenanceWindowTests: when windows open and close, above all where clocks change.

import Testing
import UpdateModel

@Suite struct MaintenanceWindowTests {
  /// `sat,sun 02:00-04:00`; days left out are every day.
  private func window(_ text: String) throws -> MaintenanceWindow {
    let parts = text.split(separator: " ")
    let days = parts.count == 2 ? parts[0].split(separator: ",") : []
    let times = try #require(parts.last).split(separator: "-").map { time in
      time.split(separator: ":").compactMap { Int($0) }
    }
    let known = try days.map { try #require(Weekday(rawValue: String($0))) }
    return try #require(
      MaintenanceWindow(
        days: known.isEmpty ? Set(Weekday.allCases) : Set(known),
        from: times[0][0] * 60 + times[0][1], to: times[1][0] * 60 + times[1][1]))
  }

  private func hours(_ texts: String...) throws -> OpenHours {
    try #require(OpenHours(texts.map { try window($0) }))
  }

  @Test func `how long windows are closed adds up to the rest of the week`() throws {
    let day: Int64 = 86_400
    #expect(try hours("00:00-24:00").closedSeconds.isEmpty)
    #expect(try hours("02:00-04:00").closedSeconds == [Int64](repeating: 22 * 3600, count: 7))
    #expect(try hours("sat,sun 02:00-04:00").closedSeconds == [22 * 3600, 5 * day + 22 * 3600])
    #expect(try hours("sun 23:00-24:00", "mon 00:00-01:00").closedSeconds == [7 * day - 7200])
    #expect(try hours("mon 00:00-12:00").closedSeconds == [7 * day - 12 * 3600])
    #expect(try hours("sun 12:00-24:00").closedSeconds == [7 * day - 12 * 3600])
  }

  /// Zone, window, from when on; then the next openings, each with its end.
  struct Row: Sendable, CustomStringConvertible {
    let zone: String
    let window: String
    let from: String
    let openings: [(opens: String, closes: String)]

    init(_ zone: String, _ window: String, from: String, _ openings: (String, String)...) {
      self.zone = zone
      self.window = window
      self.from = from
      self.openings = openings.map { (opens: $0.0, closes: $0.1) }
    }

    var description: String { "\(zone) \(window) from \(from)" }
  }

  @Test(arguments: [
    // Clocks go from 02:00 to 03:00 at 01:00Z.
    Row(
      "Europe/Paris", "sun 02:15-02:45", from: "2027-03-27T12:00Z",
      ("2027-04-04T00:15Z", "2027-04-04T00:45Z")),
    Row(
      "Europe/Paris", "01:30-03:30", from: "2027-03-27T12:00Z",
      ("2027-03-28T00:30Z", "2027-03-28T01:30Z"), ("2027-03-28T23:30Z", "2027-03-29T01:30Z")),
    Row(
      "Europe/Paris", "02:30-04:00", from: "2027-03-27T12:00Z",
      ("2027-03-28T01:00Z", "2027-03-28T02:00Z")),
    Row(
      "Europe/Paris", "01:00-02:30", from: "2027-03-27T12:00Z",
      ("2027-03-28T00:00Z", "2027-03-28T01:00Z")),
    // And back from 03:00 to 02:00 at 01:00Z.
    Row(
      "Europe/Paris", "sun 02:15-02:45", from: "2027-10-30T12:00Z",
      ("2027-10-31T00:15Z", "2027-10-31T00:45Z"), ("2027-10-31T01:15Z", "2027-10-31T01:45Z"),
      ("2027-11-07T01:15Z", "2027-11-07T01:45Z")),
    Row(
      "Europe/Paris", "01:30-04:00", from: "2027-10-30T12:00Z",
      ("2027-10-30T23:30Z", "2027-10-31T03:00Z")),
    Row(
      "Europe/Paris", "01:00-02:30", from: "2027-10-30T12:00Z",
      ("2027-10-30T23:00Z", "2027-10-31T00:30Z"), ("2027-10-31T01:00Z", "2027-10-31T01:30Z")),
    // 02:00 to 03:00 at 07:00Z, and back at 06:00Z.
    Row(
      "America/New_York", "sun 02:00-03:00", from: "2027-03-13T12:00Z",
      ("2027-03-21T06:00Z", "2027-03-21T07:00Z")),
    Row(
      "America/New_York", "sun 01:00-02:00", from: "2027-11-06T12:00Z",
      ("2027-11-07T05:00Z", "2027-11-07T07:00Z")),
    // 3:30 behind; 02:00 to 03:00 at 05:30Z.
    Row(
      "America/St_Johns", "22:00-02:30", from: "2027-03-13T12:00Z",
      ("2027-03-14T01:30Z", "2027-03-14T05:30Z")),
    // Half an hour: 02:00 to 02:30 at 15:30Z, and back from 02:00 to 01:30 at 15:00Z.
    Row(
      "Australia/Lord_Howe", "sun 02:10-02:40", from: "2027-10-02T00:00Z",
      ("2027-10-02T15:30Z", "2027-10-02T15:40Z")),
    Row(
      "Australia/Lord_Howe", "sun 02:05-02:25", from: "2027-10-02T00:00Z",
      ("2027-10-09T15:05Z", "2027-10-09T15:25Z")),
    Row(
      "Australia/Lord_Howe", "sun 01:40-01:50", from: "2027-04-03T00:00Z",
      ("2027-04-03T14:40Z", "2027-04-03T14:50Z"), ("2027-04-03T15:10Z", "2027-04-03T15:20Z")),
    // 9:30 and 10:30 ahead: 03:00 to 02:00 at 16:30Z.
    Row(
      "Australia/Adelaide", "sun 02:30-03:30", from: "2027-04-03T00:00Z",
      ("2027-04-03T16:00Z", "2027-04-03T16:30Z"), ("2027-04-03T17:00Z", "2027-04-03T18:00Z")),
    // 12:45 and 13:45 ahead: 03:45 to 02:45 at 14:00Z.
    Row(
      "Pacific/Chatham", "sun 03:00-03:30", from: "2027-04-03T00:00Z",
      ("2027-04-03T13:15Z", "2027-04-03T13:45Z"), ("2027-04-03T14:15Z", "2027-04-03T14:45Z")),
    Row(
      "Asia/Kolkata", "mon 02:00-04:00", from: "2027-03-28T00:00Z",
      ("2027-03-28T20:30Z", "2027-03-28T22:30Z"), ("2027-04-04T20:30Z", "2027-04-04T22:30Z")),
    // Sunday begins at 01:00, and Saturday has its last hour twice: 24:00 to 23:00 at 03:00Z.
    Row(
      "America/Santiago", "sat 23:00-01:30", from: "2027-09-04T12:00Z",
      ("2027-09-05T03:00Z", "2027-09-05T04:30Z")),
    Row(
      "America/Santiago", "sun 00:00-01:00", from: "2027-09-04T12:00Z",
      ("2027-09-12T03:00Z", "2027-09-12T04:00Z")),
    Row(
      "America/Santiago", "sat 23:30-00:30", from: "2027-04-03T12:00Z",
      ("2027-04-04T02:30Z", "2027-04-04T03:00Z"), ("2027-04-04T03:30Z", "2027-04-04T04:30Z")),
    // Winter time is behind standard time: 01:00 to 02:00 at 01:00Z.
    Row(
      "Europe/Dublin", "sun 01:00-02:00", from: "2027-03-27T12:00Z",
      ("2027-04-04T00:00Z", "2027-04-04T01:00Z")),
    // Friday, 30 December 2011 was left out: from 10 hours behind to 14 ahead at 10:00Z.
    Row(
      "Pacific/Apia", "fri 10:00-12:00", from: "2011-12-28T12:00Z",
      ("2012-01-05T20:00Z", "2012-01-05T22:00Z")),
    Row(
      "Pacific/Apia", "thu 22:00-06:00", from: "2011-12-28T12:00Z",
      ("2011-12-30T08:00Z", "2011-12-30T10:00Z")),
    // The turn of the week, and whole days that follow each other.
    Row(
      "Etc/UTC", "sun 22:00-02:00", from: "2027-01-10T12:00Z",
      ("2027-01-10T22:00Z", "2027-01-11T02:00Z")),
    Row(
      "Etc/UTC", "sat,sun,mon 00:00-24:00", from: "2027-01-08T12:00Z",
      ("2027-01-09T00:00Z", "2027-01-12T00:00Z")),
    Row(
      "Etc/UTC", "mon 23:00-00:00", from: "2027-01-10T12:00Z",
      ("2027-01-11T23:00Z", "2027-01-12T00:00Z")),
  ])
  func `a window opens and closes by the clocks of its zone`(row: Row) throws {
    let rules = try zone(row.zone)
    let hours = try hours(row.window)
    var now = try instant(row.from)
    #expect(!hours.isOpen(at: now, in: rules))
    for (opens, closes) in row.openings {
      let opening = try #require(hours.nextOpening(after: now, in: rules))
      #expect(try opening == instant(opens), "\(opening)")
      let end = try #require(hours.closes(at: opening, in: rules))
      #expect(try end == instant(closes), "\(end)")
      let millisecond = Interval(milliseconds: -1)
      #expect(!hours.isOpen(at: opening + millisecond, in: rules))
      #expect(hours.isOpen(at: end + millisecond, in: rules))
      #expect(hours.nextOpening(after: opening + millisecond, in: rules) == opening)
      #expect(hours.closes(at: end + millisecond, in: rules) == end)
      #expect(hours.closes(at: end, in: rules) == nil)
      now = end
    }
  }

  @Test func `windows that touch or overlap are one, and a whole week never closes`() throws {
    let now = try instant("2027-01-15T08:00Z")
    let two = try hours("fri 07:00-09:00", "fri 09:00-10:00", "fri 08:30-09:30")
    #expect(two.closes(at: now, in: .utc) == (try instant("2027-01-15T10:00Z")))
    #expect(two.nextOpening(after: now, in: .utc) == (try instant("2027-01-22T07:00Z")))
    for always in [try hours("00:00-24:00"), try hours("00:00-12:00", "11:00-00:30")] {
      #expect(always.isOpen(at: now, in: .utc))
      #expect(always.closes(at: now, in: .utc) == nil)
      #expect(always.nextOpening(after: now, in: .utc) == nil)
    }
    let gap = try hours("mon 00:01-00:00", "tue,wed,thu,fri,sat,sun 00:00-24:00")
    #expect(gap.closes(at: now, in: .utc) == (try instant("2027-01-18T00:00Z")))
    #expect(gap.nextOpening(after: now, in: .utc) == (try instant("2027-01-18T00:01Z")))
  }

  @Test func `what never closes, never opens or is too much is no window`() throws {
    #expect(MaintenanceWindow(days: [], from: 0, to: 60) == nil)
    #expect(MaintenanceWindow(days: [.monday], from: 60, to: 60) == nil)
    #expect(MaintenanceWindow(days: [.monday], from: 0, to: 0) == nil)
    #expect(MaintenanceWindow(days: [.monday], from: 1440, to: 60) == nil)
    #expect(MaintenanceWindow(days: [.monday], from: 0, to: 1441) == nil)
    #expect(MaintenanceWindow(days: [.monday], from: -1, to: 60) == nil)
    let one = try window("02:00-04:00")
    #expect(OpenHours([]) == nil)
    #expect(OpenHours(Array(repeating: one, count: 32)) != nil)
    #expect(OpenHours(Array(repeating: one, count: 33)) == nil)
  }

  // The definition, read off the clocks of one instant.
  private func isOpen(_ windows: [MaintenanceWindow], _ local: LocalTime) throws -> Bool {
    let today = try #require(Weekday.allCases.firstIndex(of: local.weekday))
    let yesterday = Weekday.allCases[(today + 6) % 7]
    return windows.contains { window in
      let from = Int64(window.from) * 60
      let to = Int64(window.to) * 60
      if from < to { return window.days.contains(local.weekday) && from..<to ~= local.second }
      return (window.days.contains(local.weekday) && local.second >= from)
        || (window.days.contains(yesterday) && local.second < to)
    }
  }

  @Test(arguments: zoneNames)
  func `openings are where a minute is open and the one before it is not`(name: String) throws {
    let rules = try zone(name)
    let seed = UInt64.random(in: 0...UInt64.max)
    var chance = Chance(state: seed)
    let year: Int64 = 365 * 1440
    var checked = 0
    while checked < 6 {
      // Half of the time near a change of the clocks, of which zones have at most a few a year.
      let minute = 57 * year + Int64.random(in: 0..<10 * year, using: &chance)
      let day = Instant(milliseconds: minute * 60_000)
      if checked % 2 == 0, name != "Asia/Kolkata", name != "Asia/Kathmandu", name != "Etc/GMT+12",
        name != "Asia/Tehran", name != "Pacific/Apia",
        rules.offset(at: day) == rules.offset(at: day + .days(3))
      {
        continue
      }
      checked += 1
      let windowCount = Int.random(in: 1...3, using: &chance)
      let windows = (0..<windowCount).compactMap { _ -> MaintenanceWindow? in
        let count = Int.random(in: 1...7, using: &chance)
        return MaintenanceWindow(
          days: Set(Weekday.allCases.shuffled(using: &chance).prefix(count)),
          from: Int.random(in: 0..<1440, using: &chance),
          to: Int.random(in: 0...1440, using: &chance))
      }
      guard let hours = OpenHours(windows) else { continue }
      let states = try (0...16 * 1440).map { offset in
        try isOpen(windows, rules.localTime(at: day + .minutes(Int64(offset))))
      }
      let first = states[0]
      let opening = states.indices.dropFirst().first { states[$0] && !states[$0 - 1] }
      let closing = first ? states.firstIndex(of: false) : nil
      let place = "\(name) from \(day), seed \(seed), \(windows)"
      #expect(hours.isOpen(at: day, in: rules) == first, "\(place)")
      func within(_ minute: Int?) -> Instant? {
        minute.flatMap { $0 <= 15 * 1440 ? day + .minutes(Int64($0)) : nil }
      }
      #expect(hours.nextOpening(after: day, in: rules) == within(opening), "\(place)")
      #expect(hours.closes(at: day, in: rules) == within(closing), "\(place)")
    }
  }
}
