// ControlCohortTests: who is heard, who is lost, and when silence says nothing.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct ControlCohortTests {
  private let poll = Interval.minutes(10)

  private func terms(_ fields: String = "") throws -> Policy.Evidence {
    let text = #"{"name": "test", "gate": {\#(fields)}}"#
    return try #require(try Policy.read(Array(text.utf8), file: "test.json").evidence)
  }

  private func devices(_ count: Int) throws -> [DeviceID] {
    try (0..<count).map { try DeviceID("d\($0)") }
  }

  private func cohort(_ devices: [DeviceID], domain: String? = nil) -> ControlCohort {
    ControlCohort(devices.map { ($0, domain) })
  }

  /// Looks at noon plus `minutes`; the first `silent` devices were last heard at noon.
  private func look(
    _ cohort: inout ControlCohort, _ devices: [DeviceID], silent: Int, granted: Int = 0,
    at minutes: Int64
  ) throws -> ControlSample {
    let now = noon + .minutes(minutes)
    let quiet = Set(devices.prefix(silent))
    let given = Set(devices.suffix(granted))
    return cohort.look(
      terms: try terms(), poll: poll, startedAt: noon, stepOpenedAt: noon, now: now,
      isGranted: { given.contains($0) }, lastHeard: { quiet.contains($0) ? noon : now })
  }

  @Test(arguments: [(15, 10_000), (16, 6_000)])
  func `a device is heard for one and a half poll intervals`(minutes: Int64, heard: Int) throws {
    let devices = try devices(25)
    var cohort = cohort(devices)
    let sample = try look(&cohort, devices, silent: 10, at: minutes)
    #expect(sample.heard == Share(basisPoints: heard))
    #expect(sample.devices == 25)
    #expect(sample.lost == 0)
  }

  @Test func `devices of the control count as lost after the silence of the policy`() throws {
    let devices = try devices(25)
    var cohort = cohort(devices)
    #expect(try look(&cohort, devices, silent: 5, at: 44).lost == 0)
    #expect(try look(&cohort, devices, silent: 5, at: 45).lost == 5)
  }

  @Test func `devices that were granted the release leave the control`() throws {
    let devices = try devices(40)
    var cohort = cohort(devices)
    let sample = try look(&cohort, devices, silent: 5, granted: 15, at: 50)
    #expect(sample.devices == 25)
    #expect(sample.lost == 5)
  }

  @Test func `fewer than twenty say nothing of what silence is ordinary, all tell of an outage`()
    throws
  {
    let devices = try devices(40)
    var cohort = cohort(devices)
    let sample = try look(&cohort, devices, silent: 10, granted: 21, at: 50)
    #expect(sample.devices == 0)
    #expect(sample.lost == 0)
    #expect(sample.heard == Share(basisPoints: 7_500))
  }

  @Test func `who was silent before the step is not in the cohort`() throws {
    let devices = try devices(25)
    var cohort = cohort(devices)
    let now = noon + .minutes(50)
    let sample = cohort.look(
      terms: try terms(), poll: poll, startedAt: now, stepOpenedAt: now, now: now,
      isGranted: { _ in false },
      lastHeard: { $0 == devices[0] ? noon : $0 == devices[1] ? nil : now })
    #expect(sample.devices == 23)
  }

  @Test func `silence is no evidence while the control is silent too`() throws {
    let devices = try devices(25)
    var cohort = cohort(devices)
    _ = try look(&cohort, devices, silent: 0, at: 0)
    // 32 % are heard from minute 16 to minute 120.
    _ = try look(&cohort, devices, silent: 17, at: 16)
    func judge(at minutes: Int64) -> ControlCohort.Silence {
      cohort.judge(heard: noon, silence: .minutes(45), domain: nil, now: noon + .minutes(minutes))
    }
    #expect(judge(at: 100) == .tooShort(lookAgain: noon + .minutes(129)))
    _ = try look(&cohort, devices, silent: 0, at: 120)
    #expect(judge(at: 148) == .tooShort(lookAgain: noon + .minutes(149)))
    #expect(judge(at: 149) == .lost)
  }

  @Test func `a domain of twenty devices has a clock of its own`() throws {
    let devices = try devices(60)
    var cohort = ControlCohort(
      devices.enumerated().map { ($1, $0 < 20 ? "north" : "south") })
    _ = try look(&cohort, devices, silent: 0, at: 0)
    _ = try look(&cohort, devices, silent: 16, at: 16)
    func elapsed(_ domain: String?) -> Interval {
      cohort.elapsed(from: noon, to: noon + .minutes(100), domain: domain)
    }
    #expect(elapsed("north") == .minutes(16))
    #expect(elapsed("south") == .minutes(100))
    #expect(elapsed("west") == .minutes(100))
    #expect(elapsed(nil) == .minutes(100))
  }

  @Test(arguments: [(600, 60), (120, 30), (1, 1)])
  func `four looks in a poll interval, no more than one a second, one a minute at least`(
    poll: Int64, pause: Int64
  ) throws {
    let devices = try devices(1)
    var cohort = cohort(devices)
    #expect(cohort.isDue(poll: .seconds(poll), now: noon))
    _ = try look(&cohort, devices, silent: 0, at: 0)
    let almost = noon + Interval(milliseconds: pause * 1000 - 1)
    #expect(!cohort.isDue(poll: .seconds(poll), now: almost))
    #expect(cohort.isDue(poll: .seconds(poll), now: noon + .seconds(pause)))
  }

  @Test func `an outage that outlasts a lease makes nobody fail`() throws {
    let action = try action(.leased(.installing, deadline: noon + .hours(1)))
    let rollout = try Ramp([("all", 100)]).rollout
    // Ramp's devices poll every hour.
    func expiry(heardAfter minutes: Int64) -> ActionInput {
      rollout.expiry(of: action, heard: noon + .minutes(minutes), now: noon + .minutes(100))
    }
    #expect(expiry(heardAfter: 10) == .expired(silent: false))
    #expect(expiry(heardAfter: 9) == .expired(silent: true))
    #expect(expiry(heardAfter: 0) == .expired(silent: true))
    let planned = try started(policy(), population: 30)
    #expect(
      planned.expiry(of: action, heard: noon + .minutes(1), now: noon + .hours(9))
        == .expired(silent: false))
  }

  @Test func `silence that makes a device lost is never less than three poll intervals`() throws {
    #expect(try terms().silence(poll: poll) == .minutes(45))
    #expect(try terms(#""silentAfter": "1h""#).silence(poll: poll) == .hours(1))
    #expect(try terms(#""silentAfter": "10m""#).silence(poll: poll) == .minutes(30))
  }
}
