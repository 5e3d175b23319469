// WindowTests: devices are updated while their own clocks show a maintenance window.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

/// The clock of a workshop starts on Friday, 2027-01-15, at 08:00 UTC.
@Suite struct WindowTests {
  private static let night = #"{"windows": [{"from": "02:00", "to": "04:00"}]}"#

  /// A workshop with a rollout under these windows; its policy keeps no other limits.
  private func shop(
    windows: String = WindowTests.night, set overrides: [(path: String, value: String)] = [],
    devices: [String: [String: String]], tags: [String: String] = [:]
  ) throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    for (name, attributes) in devices.sorted(by: { $0.key < $1.key }) {
      try shop.register(name, version: "1", tags: tags)
      try shop.describe(name, attributes)
    }
    try shop.roll("os-2", "os:2", overrides: [("windows", windows)] + overrides)
    return shop
  }

  private func explain(_ shop: Workshop, _ device: String = "d1") throws -> String {
    try shop.explain(device, "os-2")
  }

  private func sleep(_ shop: Workshop, _ device: String = "d1") throws -> Interval {
    guard case .idle(let terms) = try shop.poll(device) else {
      Issue.record("\(device) is to be idle")
      return .zero
    }
    return terms.sleep
  }

  @Test func `a device gets nothing outside its window and its release inside`() throws {
    let shop = try shop(devices: [
      "d1": ["timezone": "Europe/Paris"], "d2": ["time_zone": "Asia/Kolkata"],
    ])
    // 09:00 in Paris, 13:30 in Kolkata.
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.offer("d2") == nil)
    #expect(
      try explain(shop).contains(
        "waits for its maintenance window, which opens 2027-01-16T02:00:00+01:00, Europe/Paris"))
    // 01:59:59 in Kolkata, then 02:00.
    shop.clock.advance(.seconds(12 * 3600 + 30 * 60 - 1))
    #expect(try shop.offer("d2") == nil)
    shop.clock.advance(.seconds(1))
    #expect(try shop.offer("d2") != nil)
    #expect(try shop.offer("d1") == nil)
    // 03:59:59 in Paris.
    shop.clock.advance(.seconds(6 * 3600 + 30 * 60 - 1))
    #expect(try explain(shop).hasPrefix("will be granted at its next poll"))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a window that has closed is closed`() throws {
    let shop = try shop(devices: ["d1": ["timezone": "Europe/Paris"]])
    shop.clock.advance(.hours(19))
    #expect(try shop.offer("d1") == nil)
    #expect(try explain(shop).contains("opens 2027-01-17T02:00:00+01:00"))
  }

  @Test func `a device that sleeps longer than its window is told to come in time`() throws {
    let shop = try shop(
      windows: #"{"windows": [{"days": ["sun"], "from": "02:00", "to": "02:20"}]}"#,
      devices: ["d1": ["timezone": "Europe/Paris"]])
    _ = try shop.plane.changeTenant(shop.room, settings: .members(["pollSeconds": 86_000]))
    // Sunday 02:00 in Paris is 41 hours ahead.
    let opening = Instant(milliseconds: 1_800_000_000_000) + .hours(41)
    var polls = 0
    while polls < 5, shop.clock.now < opening {
      polls += 1
      shop.clock.advance(try sleep(shop))
    }
    #expect(polls < 5)
    #expect(shop.clock.now - opening <= .minutes(6))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `devices of a zone do not all call in the second in which the window opens`() throws {
    let names = (0..<40).map { "d\($0)" }
    let devices = Dictionary(uniqueKeysWithValues: names.map { ($0, ["timezone": "Europe/Paris"]) })
    let shop = try shop(devices: devices)
    // One minute before.
    shop.clock.advance(.seconds(17 * 3600 - 60))
    let sleeps = try names.map { try sleep(shop, $0).wholeSeconds }
    // Half a minute is a tenth of the poll interval, and one second is rounded up.
    #expect(sleeps.allSatisfy { (60...91).contains($0) }, "\(sleeps)")
    #expect(Set(sleeps).count > 10, "\(sleeps)")
  }

  @Test func `a device that finds no room in its window asks again before it closes`() throws {
    let shop = try shop(
      set: [("limits.concurrent", "1")],
      devices: ["d1": ["timezone": "Europe/Paris"], "d2": ["timezone": "Europe/Paris"]])
    _ = try shop.plane.changeTenant(shop.room, settings: .members(["pollSeconds": 86_000]))
    shop.clock.advance(.hours(17))
    #expect(try shop.offer("d1") != nil)
    #expect(try sleep(shop, "d2") <= .seconds(3601))
  }

  @Test func `what operators say about a device's zone comes before what it says`() throws {
    let shop = try shop(
      devices: ["d1": ["timezone": "Europe/Paris"]], tags: ["timezone": "Asia/Tokyo"])
    #expect(try explain(shop).contains("opens 2027-01-16T02:00:00+09:00, Asia/Tokyo"))
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.hours(9))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a device whose zone is not known waits for the fallback, and is told so`() throws {
    let shop = try shop(
      windows: """
        {"windows": [{"from": "02:00", "to": "04:00"}], "fallbackZone": "Asia/Tokyo"}
        """,
      devices: [
        "d1": ["timezone": "Mars/Phobos"], "d2": [:], "d3": ["timezone": "../../etc/passwd"],
        "d4": ["timezone": "Europe"],
      ])
    let opens = "opens 2027-01-16T02:00:00+09:00, Asia/Tokyo"
    #expect(
      try explain(shop).contains(opens + ", as the device's time zone 'Mars/Phobos' is unknown"))
    #expect(try explain(shop, "d2").contains(opens + ", as the device names no time zone"))
    #expect(try explain(shop, "d3").contains(opens + ", as the device's time zone '../../etc"))
    #expect(try explain(shop, "d4").contains("'Europe' is unknown"))
    for name in ["d1", "d2", "d3", "d4"] { #expect(try shop.offer(name) == nil) }
    shop.clock.advance(.hours(9))
    for name in ["d1", "d2", "d3", "d4"] { #expect(try shop.offer(name) != nil) }
  }

  @Test func `a fixed zone counts for every device`() throws {
    let shop = try shop(
      windows: #"{"windows": [{"from": "02:00", "to": "04:00"}], "zone": "Asia/Tokyo"}"#,
      devices: ["d1": ["timezone": "Europe/Paris"]])
    #expect(try explain(shop).contains("opens 2027-01-16T02:00:00+09:00, Asia/Tokyo"))
    shop.clock.advance(.hours(9))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a device that moves is asked by the clocks of its new place`() throws {
    let shop = try shop(devices: ["d1": ["timezone": "Europe/Paris"]])
    #expect(try shop.offer("d1") == nil)
    // 08:00 UTC is 03:00 in New York.
    try shop.describe("d1", ["timezone": "America/New_York"])
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `another attempt waits for the window too`() throws {
    let shop = try shop(
      set: [("retry.backoff", "1h"), ("retry.jitter", "0%")],
      devices: ["d1": ["timezone": "Europe/Paris"]])
    // 03:30 in Paris; the next attempt is due at 04:30, when the window has closed.
    shop.clock.advance(.minutes(18 * 60 + 30))
    let first = try #require(try shop.offer("d1"))
    _ = try shop.fetch(first, "d1")
    try shop.report(.failed, first, "d1")
    shop.clock.advance(.hours(2))
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .retrying)
    shop.clock.advance(.hours(21))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `what was granted in a window may end after it`() throws {
    let shop = try shop(devices: ["d1": ["timezone": "Europe/Paris"]])
    shop.clock.advance(.minutes(18 * 60 + 59))
    let action = try #require(try shop.offer("d1"))
    shop.clock.advance(.minutes(2))
    #expect(try shop.offer("d1") == action)
    #expect(try shop.fetch(action, "d1") != nil)
  }

  @Test(arguments: [false, true])
  func `the way back waits for a window only when the policy says so`(waits: Bool) throws {
    let shop = try shop(
      windows: """
        {"windows": [{"from": "02:00", "to": "04:00"}], "appliesToRollback": \(waits)}
        """,
      devices: ["d1": ["timezone": "Europe/Paris"]])
    shop.clock.advance(.hours(18))
    try shop.install("d1")
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    shop.clock.advance(.hours(6))
    try shop.steer(.rollback, "os-2")
    #expect(try (shop.offer("d1") != nil) == !waits)
    shop.clock.advance(.hours(17))
    #expect(try (shop.offer("d1") != nil))
  }

  @Test(arguments: ["Europe/Lutetia", "Europe", "leapseconds"])
  func `a rollout in a zone that does not exist is not created`(zone: String) throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    let windows = #"{"windows": [{"from": "02:00", "to": "04:00"}], "zone": "\#(zone)"}"#
    let problem = #expect(throws: Problem.self) {
      try shop.create("os-2", "os:2", overrides: [("windows", windows)])
    }
    #expect(problem?.kind == .unprocessable)
    #expect(problem?.detail.contains("has no time zone '\(zone)'") == true)
  }

  @Test func `without a database of zones only windows are refused`() throws {
    let shop = try Workshop(zones: "/nonexistent")
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    let problem = #expect(throws: Problem.self) {
      try shop.create("os-2", "os:2", overrides: [("windows", WindowTests.night)])
    }
    #expect(problem?.detail.contains("install the package tzdata") == true)
    // UTC needs no database.
    let fixed = #"{"windows": [{"from": "02:00", "to": "04:00"}], "zone": "UTC"}"#
    try shop.roll("os-2", "os:2", overrides: [("windows", fixed)])
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.hours(19))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a server that cannot read the zones of its rollouts does not start`() throws {
    let shop = try shop(devices: ["d1": ["timezone": "Europe/Paris"]])
    let problem = #expect(throws: Problem.self) { try shop.restart(zones: "/nonexistent") }
    #expect(problem?.detail.contains("rollout 1 of DEFAULT") == true)
    #expect(problem?.detail.contains("install the package tzdata") == true)
    try shop.restart()
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.hours(17))
    #expect(try shop.offer("d1") != nil)
  }
}
