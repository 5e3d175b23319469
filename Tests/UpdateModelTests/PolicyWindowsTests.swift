// PolicyWindowsTests: maintenance windows as policies write them.

import Testing
import UpdateModel

@Suite struct PolicyWindowsTests {
  private func read(_ windows: String) throws -> MaintenanceSchedule? {
    let text = """
      {"name": "p", "stages": {"start": 10, "soak": "1m"}, "failureLimit": {"share": "5%"},
       "windows": \(windows)}
      """
    return try Policy.read(Array(text.utf8), file: "p.json").windows
  }

  @Test func `a policy without windows grants at any time`() throws {
    let text =
      #"{"name": "p", "stages": {"start": 1, "soak": "1m"}, "failureLimit": {"share": "5%"}}"#
    #expect(try Policy.read(Array(text.utf8), file: "p.json").windows == nil)
  }

  @Test func `what is left out has its default`() throws {
    let schedule = try #require(try read(#"{"windows": [{"from": "22:30", "to": "04:05"}]}"#))
    let window = try #require(schedule.hours.windows.first)
    #expect(window.days == Set(Weekday.allCases))
    #expect(window.from == 22 * 60 + 30)
    #expect(window.to == 4 * 60 + 5)
    #expect(schedule.zone == .device(fallback: .utc))
    #expect(!schedule.appliesToRollback)
  }

  @Test func `everything can be said`() throws {
    let schedule = try #require(
      try read(
        """
        {"windows": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"},
                     {"days": ["mon"], "from": "20:00", "to": "00:00"}],
         "zone": "Europe/Paris", "fallbackZone": "Asia/Tokyo", "appliesToRollback": true}
        """))
    #expect(schedule.zone == .fixed(try #require(TimeZoneName("Europe/Paris"))))
    #expect(schedule.appliesToRollback)
    #expect(schedule.hours.windows.map(\.to) == [1440, 1440])
    #expect(schedule.hours.windows[0].days == [.saturday, .sunday])
  }

  @Test(arguments: [
    ("7", "$.windows", "where an object is expected"),
    ("{}", "$.windows.windows", "an array of 1 to 32"),
    (#"{"windows": []}"#, "$.windows.windows", "an array of 1 to 32"),
    (#"{"windows": {}}"#, "$.windows.windows", "an array of 1 to 32"),
    (#"{"windows": [7]}"#, "$.windows.windows[0]", "where an object is expected"),
    (
      #"{"windows": [{"to": "04:00"}]}"#, "$.windows.windows[0].from", "missing; give a time of day"
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "02:00"}]}"#, "$.windows.windows[0].to",
      "for the whole day"
    ),
    (
      #"{"windows": [{"from": "00:00", "to": "00:00"}]}"#, "$.windows.windows[0].to",
      "for the whole day"
    ),
    (#"{"windows": [{"from": "24:00", "to": "02:00"}]}"#, "$.windows.windows[0].from", "to 23:59"),
    (#"{"windows": [{"from": "02:00", "to": "24:01"}]}"#, "$.windows.windows[0].to", "to 24:00"),
    (
      #"{"windows": [{"from": "2:00", "to": "04:00"}]}"#, "$.windows.windows[0].from", "time of day"
    ),
    (
      #"{"windows": [{"from": "02:60", "to": "04:00"}]}"#, "$.windows.windows[0].from",
      "time of day"
    ),
    (
      #"{"windows": [{"from": "0200", "to": "04:00"}]}"#, "$.windows.windows[0].from", "time of day"
    ),
    (
      #"{"windows": [{"from": "-2:00", "to": "04:00"}]}"#, "$.windows.windows[0].from",
      "time of day"
    ),
    (
      #"{"windows": [{"days": [], "from": "02:00", "to": "04:00"}]}"#,
      "$.windows.windows[0].days", "1 to 7 of \"mon\""
    ),
    (
      #"{"windows": [{"days": ["Monday"], "from": "02:00", "to": "04:00"}]}"#,
      "$.windows.windows[0].days", "1 to 7 of \"mon\""
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "04:00", "zone": "UTC"}]}"#,
      "$.windows.windows[0].zone", "unknown field"
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "04:00"}], "zone": "../Paris"}"#, "$.windows.zone",
      "Europe/Paris"
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "04:00"}], "zone": 1}"#, "$.windows.zone", "text of"
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "04:00"}], "fallbackZone": "device "}"#,
      "$.windows.fallbackZone", "Europe/Paris"
    ),
    (
      #"{"windows": [{"from": "02:00", "to": "04:00"}], "appliesToRollback": "no"}"#,
      "$.windows.appliesToRollback", "true or false"
    ),
  ])
  func `a fault names its path and what is allowed`(
    windows: String, field: String, reason: String
  ) throws {
    let problem = #expect(throws: Problem.self) { try read(windows) }
    let fault = try #require(
      problem?.faults.first { $0.field == field }, "\(problem?.faults ?? [])")
    #expect(fault.reason.contains(reason), "\(fault.reason)")
  }

  @Test func `more than 32 windows are refused`() throws {
    func list(_ count: Int) -> String {
      let one = #"{"from": "02:00", "to": "04:00"}"#
      return #"{"windows": [\#(Array(repeating: one, count: count).joined(separator: ","))]}"#
    }
    #expect(try read(list(32)) != nil)
    #expect(throws: Problem.self) { try read(list(33)) }
  }
}
