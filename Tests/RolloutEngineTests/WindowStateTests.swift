// WindowStateTests: what a closed maintenance window holds up, and what it does not.

import RolloutEngine
import Testing
import UpdateModel

/// A clock two hours ahead of UTC.
func localClock(
  _ name: String, _ origin: ZoneInUse.Origin = .device, offset: Interval = .hours(2),
  isReadable: Bool = true
) throws -> WindowState.LocalClock {
  WindowState.LocalClock(
    ZoneInUse(try #require(TimeZoneName(name)), origin), offset: offset, isReadable: isReadable)
}

@Suite struct WindowStateTests {
  private func candidate(
    _ window: WindowState, fits: Bool = true, runsRelease: Bool = false
  ) throws -> Candidate {
    Candidate(
      device: try DeviceID("d1"), fits: fits, isTargeted: true, runsRelease: runsRelease,
      isCanary: false, window: window)
  }

  @Test func `a closed window defers a first grant and another attempt`() throws {
    let rollout = try started(policy(), population: 5)
    let clock = try localClock("Europe/Paris")
    let opening = noon + .hours(3)
    let closed = try candidate(.closed(until: opening, by: clock))
    let waits = Eligibility.deferred(.maintenanceWindow(until: opening, by: clock))
    let retry = try action(.retrying(from: noon))
    for action in [nil, retry] {
      #expect(Eligibility.decide(closed, action: action, in: rollout, now: noon) == waits)
      let open = try candidate(.open(until: opening))
      #expect(
        Eligibility.decide(open, action: action, in: rollout, now: noon) == .eligible(stage: 0))
    }
    let backingOff = try action(.retrying(from: opening))
    #expect(
      Eligibility.decide(closed, action: backingOff, in: rollout, now: noon)
        == .deferred(.backingOff(until: opening)))
  }

  @Test func `a device that is not meant is told so, not when its window opens`() throws {
    let rollout = try started(policy(), population: 5)
    let closed = WindowState.closed(until: nil, by: try localClock("UTC"))
    #expect(
      Eligibility.decide(try candidate(closed, fits: false), action: nil, in: rollout, now: noon)
        == .excluded(.hardware))
    #expect(
      Eligibility.decide(
        try candidate(closed, runsRelease: true), action: nil, in: rollout, now: noon)
        == .excluded(.runsRelease))
    #expect(
      Eligibility.decide(
        try candidate(closed), action: nil, in: try draft(policy(), population: 5), now: noon)
        == .deferred(.notRunning(.draft)))
  }

  @Test(arguments: [false, true])
  func `the way back ignores windows unless the policy says otherwise`(applies: Bool) throws {
    var rollout = try started(
      policy(
        """
        "stages": {"start": 10, "soak": "1m"},
        "windows": {"windows": [{"from": "02:00", "to": "04:00"}], "appliesToRollback": \(applies)}
        """), population: 10)
    rollout.evolve(.stopped(.person("ann"), rollback: true), at: noon)
    let clock = try localClock("UTC")
    let closed = WindowState.closed(until: nil, by: clock)
    func decide(_ action: Action, _ window: WindowState) -> Recovery {
      Recovery.decide(action, runsRelease: true, in: rollout, window: window, now: noon)
    }
    let first = try action(.ended(.succeeded))
    let again = try action(.retrying(from: noon), kind: .rollback)
    let waits = Recovery.wait(.deferred(.maintenanceWindow(until: nil, by: clock)))
    #expect(decide(first, closed) == (applies ? waits : .turnBack(ReleaseID(1))))
    #expect(decide(again, closed) == (applies ? waits : .retryTurnBack))
    #expect(decide(first, .open(until: nil)) == .turnBack(ReleaseID(1)))
    #expect(decide(again, .open(until: nil)) == .retryTurnBack)
    // What is under way is stopped at any time.
    #expect(decide(try action(.leased(.installing, deadline: noon)), closed) == .cancel)
  }

  @Test func `the sentence names the local time, the zone and why that one`() throws {
    let rollout = try started(policy(), population: 5)
    func sentence(_ until: Instant?, _ clock: WindowState.LocalClock) -> String {
      Eligibility.deferred(.maintenanceWindow(until: until, by: clock)).sentence(in: rollout)
    }
    let waits = "waits for its maintenance window, which "
    #expect(
      sentence(noon, try localClock("Europe/Paris", .policy))
        == waits + "opens 2027-01-15T10:00:00+02:00, Europe/Paris")
    #expect(
      sentence(noon, try localClock("America/St_Johns", offset: .minutes(-210)))
        == waits + "opens 2027-01-15T04:30:00-03:30, America/St_Johns")
    #expect(
      sentence(noon, try localClock("UTC", .unknown("x"), offset: .zero))
        == waits + "opens 2027-01-15T08:00:00+00:00, UTC, as the device's time zone 'x' is unknown")
    #expect(
      sentence(nil, try localClock("UTC", .noneNamed))
        == waits + "does not open within 15d, UTC, as the device names no time zone")
    #expect(
      sentence(nil, try localClock("Europe/Paris", isReadable: false))
        == "waits: the time zone Europe/Paris cannot be read; is tzdata installed?")
  }

  @Test func `the state of a device follows from its hours and its zone`() throws {
    let window = try #require(MaintenanceWindow(days: [.friday], from: 480, to: 540))
    let hours = try #require(OpenHours([window]))
    let zone = ZoneInUse(.utc, .policy)
    // Noon of these tests is 08:00 on a Friday.
    #expect(WindowState(hours, in: zone, .utc, at: noon) == .open(until: noon + .hours(1)))
    #expect(
      WindowState(hours, in: zone, .utc, at: noon + .hours(1))
        == .closed(
          until: noon + .days(7), by: WindowState.LocalClock(zone, offset: .zero)))
  }
}
