// TimeZoneTests: local time as the C library has it, and files broken by chance or malice.

import Glibc
import Testing
import UpdateModel

@Suite struct TimeZoneTests {
  private static let start: Int64 = 0
  // 2120-01-01, far beyond the tables: there only the rule of the footer speaks.
  private static let end: Int64 = 4_733_510_400

  // Every second at which the offset changes between 1970 and 2120, found from outside.
  private func changes(of rules: TimeZoneRules) -> [Int64] {
    func offset(_ second: Int64) -> Interval {
      rules.offset(at: Instant(milliseconds: second * 1000))
    }
    var found: [Int64] = []
    let step: Int64 = 5 * 86_400
    for from in stride(from: TimeZoneTests.start, to: TimeZoneTests.end, by: Int(step)) {
      var low = from
      var high = from + step
      guard offset(low) != offset(high) else { continue }
      while high - low > 1 {
        let middle = (low + high) / 2
        if offset(middle) == offset(low) { low = middle } else { high = middle }
      }
      found.append(high)
    }
    return found
  }

  @Test(arguments: zoneNames)
  func `local time is that of the C library, also around every change`(name: String) throws {
    let rules = try zone(name)
    let seed = UInt64.random(in: 0...UInt64.max)
    var chance = Chance(state: seed)
    var seconds = (0..<3000).map { _ in
      Int64.random(in: TimeZoneTests.start..<TimeZoneTests.end, using: &chance)
    }
    for change in changes(of: rules) { seconds += [change - 1, change, change + 1] }
    let instants = seconds.filter { $0 >= 0 }.map { Instant(milliseconds: $0 * 1000) }
    let expected = try localTimes(instants, in: name)
    try #require(expected.count == instants.count)
    for (instant, line) in zip(instants, expected) {
      let ours = try localTime(instant, in: rules)
      // A minus before zero says that nobody was there to have a time (RFC 9636 section 3.2).
      let isNowhere = line.hasSuffix("-00:00:00")
      let theirs = isNowhere ? line.dropLast(9) + "+00:00:00" : line[...]
      try #require(ours == theirs, "\(name) at \(instant), seed \(seed)")
    }
  }

  @Test func `every zone of the system is read`() throws {
    let command =
      "cd /usr/share/zoneinfo && grep -rlI --exclude-dir=right --binary-files=text '^TZif' ."
    let output = try #require(popen(command, "r"))
    var count = 0
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), output) != nil {
      let name = String(decoding: line.prefix { $0 != 10 }.map { UInt8($0) }, as: UTF8.self)
      #expect(throws: Never.self, "\(name)") { try zone(name) }
      count += 1
    }
    pclose(output)
    #expect(count > 300)
  }

  @Test(arguments: [
    ("UTC0", "2027-07-01T12:00:00Z", 0),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-03-28T00:59:59Z", 3600),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-03-28T01:00:00Z", 7200),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-10-31T00:59:59Z", 7200),
    ("CET-1CEST,M3.5.0,M10.5.0/3", "2027-10-31T01:00:00Z", 3600),
    // Behind standard time in winter.
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2027-01-01T00:00:00Z", 0),
    ("IST-1GMT0,M10.5.0,M3.5.0/1", "2027-07-01T00:00:00Z", 3600),
    // The week before and the day after, by hours of a day below 0 and above 24.
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2027-03-28T00:59:59Z", -7200),
    ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2027-03-28T01:00:00Z", -3600),
    ("IST-2IDT,M3.4.4/26,M10.5.0", "2027-03-25T23:59:59Z", 7200),
    ("IST-2IDT,M3.4.4/26,M10.5.0", "2027-03-26T00:00:00Z", 10800),
    // Summer time that never ends.
    ("EST5EDT,0/0,J365/25", "2027-12-31T23:59:59Z", -14400),
    ("EST5EDT,0/0,J365/25", "2028-01-01T04:59:59Z", -14400),
    ("EST5EDT,0/0,J365/25", "2028-01-01T05:00:00Z", -14400),
    // J60 is March 1 in every year, 59 only in common ones.
    ("AAA0BBB,J60/0,J300/0", "2028-02-29T12:00:00Z", 0),
    ("AAA0BBB,J60/0,J300/0", "2028-03-01T00:00:00Z", 3600),
    ("AAA0BBB,59/0,300/0", "2028-02-28T23:59:59Z", 0),
    ("AAA0BBB,59/0,300/0", "2028-02-29T00:00:00Z", 3600),
    ("AAA0BBB,59/0,300/0", "2027-03-01T00:00:00Z", 3600),
    ("<+0545>-5:45", "2500-01-01T00:00:00Z", 20700),
    ("LMT-0:09:21", "1600-02-29T00:00:00Z", 561),
  ])
  func `a rule says which offset holds`(text: String, at: String, offset: Int64) throws {
    let rules = try ZoneSpecimen(version: "3", footer: text).rules()
    #expect(rules.offset(at: try instant(at)) == .seconds(offset))
  }

  @Test(arguments: [
    "A0", "AB0", "UTC", "UTC25", "UTC0:60", "UTC0:0:60", "0", "<ABC0", "<A>0", "CET-1CEST",
    "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M0.5.0,M10.5.0",
    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0",
    "CET-1CEST,J0,J5", "CET-1CEST,J366,J5", "CET-1CEST,366,5", "CET-1CEST,M3.5.0/168,M10.5.0",
    "CET-1CEST,M3.5.0/-168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0/3 ", "CET-1CEST,M3.5.0,M10.5.0,",
    "CET--1", "CET-1CEST,M3.5.0/1234,M10.5.0", String(repeating: "A", count: 300) + "0",
  ])
  func `what is no rule is refused`(text: String) {
    #expect(throws: InvalidValue.self) { try ZoneSpecimen(footer: text).rules() }
  }

  @Test func `tables, rules and the time before both are joined where they meet`() throws {
    let specimen = ZoneSpecimen(
      transitions: [(1000, 1), (2000, 2)], types: [561, 3600, 7200], footer: "EET-2")
    for (second, offset) in [(-1, 561), (999, 561), (1000, 3600), (1999, 3600), (2000, 7200)] {
      let now = Instant(milliseconds: Int64(second) * 1000)
      #expect(try specimen.rules().offset(at: now) == .seconds(Int64(offset)), "\(second)")
    }
    // Without a rule the last offset stays; a file of version 1 never has one.
    var silent = specimen
    silent.footer = ""
    #expect(try silent.rules().offset(at: .distantFuture) == .hours(2))
    silent.version = "1"
    #expect(try silent.rules().offset(at: Instant(milliseconds: 1500_000)) == .hours(1))
    #expect(try ZoneSpecimen(version: "4").rules().offset(at: .epoch) == .zero)
    #expect(TimeZoneRules.utc.localTime(at: .epoch).weekday == .thursday)
  }

  @Test(arguments: [
    ZoneSpecimen(version: "5"), ZoneSpecimen(types: []), ZoneSpecimen(leapCount: 1),
    ZoneSpecimen(types: [93_600]), ZoneSpecimen(types: [-90_000]),
    ZoneSpecimen(types: [Int32.min]), ZoneSpecimen(types: Array(repeating: 0, count: 257)),
    ZoneSpecimen(transitions: [(5, 1)]), ZoneSpecimen(transitions: [(5, 0), (5, 0)]),
    ZoneSpecimen(transitions: [(5, 0), (4, 0)]),
    ZoneSpecimen(transitions: (0..<2001).map { (at: $0, type: 0) }),
  ])
  func `a file with impossible contents is refused`(specimen: ZoneSpecimen) {
    #expect(throws: InvalidValue.self) { try specimen.rules() }
  }

  @Test func `files just inside the limits are read`() throws {
    _ = try ZoneSpecimen(types: [93_599, -89_999]).rules()
    _ = try ZoneSpecimen(types: Array(repeating: 0, count: 256)).rules()
    _ = try ZoneSpecimen(transitions: (0..<2000).map { (at: $0, type: 0) }).rules()
  }

  @Test func `a file that is cut short or has more at its end is refused`() throws {
    for bytes in [try zoneFile("Europe/Paris"), ZoneSpecimen(version: "1").bytes] {
      _ = try TimeZoneRules(tzif: bytes)
      for length in 0..<bytes.count {
        #expect(throws: InvalidValue.self, "\(length)") {
          try TimeZoneRules(tzif: Array(bytes.prefix(length)))
        }
      }
      #expect(throws: InvalidValue.self) { try TimeZoneRules(tzif: bytes + [0]) }
    }
    #expect(throws: InvalidValue.self) {
      try TimeZoneRules(tzif: [UInt8](repeating: 0, count: TimeZoneRules.fileBytesMax + 1))
    }
  }

  @Test func `no change of its bytes makes a file a trap`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var chance = Chance(state: seed)
    let window = try #require(MaintenanceWindow(days: [.sunday], from: 120, to: 240))
    let hours = try #require(OpenHours([window]))
    var readable = 0
    for name in ["Europe/Paris", "Australia/Lord_Howe", "Asia/Kolkata"] {
      let whole = try zoneFile(name)
      for _ in 0..<1500 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...4, using: &chance) {
          // The headers and the footer decide most.
          let isEdge = Bool.random(using: &chance)
          let place = Int.random(in: 0..<(isEdge ? 60 : bytes.count), using: &chance)
          bytes[Bool.random(using: &chance) ? place : bytes.count - 1 - place] = UInt8.random(
            in: 0...255, using: &chance)
        }
        // Refused is as good as read; only what is read can be asked.
        guard let rules = try? TimeZoneRules(tzif: bytes) else { continue }
        readable += 1
        for milliseconds in [Int64.min, -1, 0, 1_800_000_000_000, 4_000_000_000_000, Int64.max] {
          let now = Instant(milliseconds: milliseconds)
          _ = rules.localTime(at: now)
          _ = hours.closes(at: now, in: rules)
          _ = hours.nextOpening(after: now, in: rules)
        }
      }
    }
    #expect(readable > 100, "seed \(seed)")
  }

  @Test(arguments: ["Europe/Paris", "UTC", "Etc/GMT+12", "America/Port-au-Prince", "a"])
  func `the name of a zone is taken as it is`(text: String) {
    #expect(TimeZoneName(text)?.text == text)
  }

  @Test(arguments: [
    "", "/", "/etc/passwd", "../passwd", "Europe/../x", "Europe//Paris", "Europe/", "Europe/Par is",
    "Europe/Paris\0", "Zürich", ".", "zone.tab", "a\n", String(repeating: "a", count: 65),
  ])
  func `what could lead out of the database is no name of a zone`(text: String) {
    #expect(TimeZoneName(text) == nil)
  }
}
