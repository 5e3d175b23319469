// EligibilityTests: who may be granted, and what the others are told.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct EligibilityTests {
  private func candidate(
    _ id: String = "d1", fits: Bool = true, isTargeted: Bool = true, runsRelease: Bool = false,
    isCanary: Bool = false
  ) throws -> Candidate {
    Candidate(
      device: try DeviceID(id), fits: fits, isTargeted: isTargeted, runsRelease: runsRelease,
      isCanary: isCanary)
  }

  private func decide(
    _ candidate: Candidate, _ rollout: Rollout, action: Action? = nil, after wait: Interval = .zero
  ) -> Eligibility {
    Eligibility.decide(candidate, action: action, in: rollout, now: noon + wait)
  }

  @Test func `a rollout that is not running grants nothing`() throws {
    var rollout = try draft(policy(), population: 5)
    #expect(decide(try candidate(), rollout) == .deferred(.notRunning(.draft)))
    rollout.evolve(.started, at: noon)
    #expect(decide(try candidate(), rollout) == .eligible(stage: 0))
    rollout.evolve(.paused(by: "ann"), at: noon)
    #expect(decide(try candidate(), rollout) == .deferred(.notRunning(.paused)))
    rollout.evolve(.resumed(by: "ann"), at: noon)
    rollout.evolve(.completed, at: noon)
    #expect(decide(try candidate(), rollout) == .eligible(stage: 0))
    for rollback in [false, true] {
      var stopped = rollout
      stopped.evolve(.stopped(.person("ann"), rollback: rollback), at: noon)
      #expect(decide(try candidate(), stopped) == .deferred(.notRunning(stopped.status)))
    }
  }

  @Test func `devices that do not belong are told why`() throws {
    let rollout = try started(policy(), population: 5)
    #expect(decide(try candidate(fits: false), rollout) == .excluded(.hardware))
    #expect(decide(try candidate(isTargeted: false), rollout) == .excluded(.target))
    #expect(decide(try candidate(runsRelease: true), rollout) == .excluded(.runsRelease))
    let over = try action(.ended(.failed))
    #expect(decide(try candidate(), rollout, action: over) == .excluded(.finished(.failed)))
    let lease = try action(.leased(.offered, deadline: noon))
    #expect(decide(try candidate(), rollout, action: lease) == .excluded(.finished(.offered)))
  }

  @Test func `a canary goes first, even outside the target, and others wait`() throws {
    let policy = try policy(
      #""canary": {"group": "staging", "soak": "1m"}, "stages": {"start": 10, "soak": "1m"}"#)
    var rollout = try started(policy, canaries: 2, population: 5)
    let canary = try candidate("c1", isTargeted: false, isCanary: true)
    #expect(decide(canary, rollout) == .eligible(stage: 0))
    #expect(decide(try candidate(), rollout) == .deferred(.stageClosed(1)))
    rollout.evolve(.stageOpened(1), at: noon)
    #expect(decide(try candidate(), rollout) == .eligible(stage: 1))
  }

  @Test func `a retry waits for its time and keeps its stage`() throws {
    let rollout = try started(policy(), population: 50)
    let waiting = try action(.retrying(from: noon + .minutes(5)))
    #expect(
      decide(try candidate(), rollout, action: waiting, after: Interval(milliseconds: 299_999))
        == .deferred(.backingOff(until: noon + .minutes(5))))
    #expect(
      decide(try candidate(), rollout, action: waiting, after: .minutes(5)) == .eligible(stage: 0))
  }

  @Test func `no lease is granted beyond the limit, and one below it is`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": {"concurrent": 3}"#),
      population: 10)
    rollout.add(1, .offered)
    rollout.add(1, .verifying)
    rollout.add(5, .retrying)
    #expect(decide(try candidate(), rollout) == .eligible(stage: 0))
    rollout.add(1, .installing)
    #expect(decide(try candidate(), rollout) == .deferred(.concurrencyLimit(3)))
  }

  @Test func `the rate limit holds for a minute`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": {"perMinute": 2}"#),
      population: 10)
    rollout.evolve(.granted, at: noon)
    #expect(decide(try candidate(), rollout) == .eligible(stage: 0))
    rollout.evolve(.granted, at: noon + .seconds(20))
    #expect(
      decide(try candidate(), rollout, after: Interval(milliseconds: 59_999))
        == .deferred(.rateLimit(2, until: noon + .seconds(61))))
    #expect(decide(try candidate(), rollout, after: .seconds(61)) == .eligible(stage: 0))
  }

  @Test func `no minute sees more grants than the limit, wherever it begins`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": {"perMinute": 2}"#),
      population: 10)
    var grants: [Interval] = []
    for second in [0, 59, 60, 61, 62, 119, 120, 121] as [Int64] {
      let after = Interval.seconds(second)
      guard case .eligible = decide(try candidate(), rollout, after: after) else { continue }
      rollout.evolve(.granted, at: noon + after)
      grants.append(after)
    }
    let crowded = grants.contains { first in
      grants.count { $0 >= first && $0.milliseconds < first.milliseconds + 60_000 } > 2
    }
    #expect(!crowded, "\(grants)")
  }

  @Test func `a clock that was wrong for a while does not stop the grants for ever`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": {"perMinute": 1}"#),
      population: 10)
    rollout.evolve(.granted, at: noon + .days(365))
    #expect(decide(try candidate(), rollout, after: .seconds(1)) == .eligible(stage: 0))
    rollout.evolve(.granted, at: noon + .seconds(2))
    #expect(
      decide(try candidate(), rollout, after: .seconds(1))
        == .deferred(.rateLimit(1, until: noon + .seconds(63))))
    #expect(decide(try candidate(), rollout, after: .seconds(63)) == .eligible(stage: 0))
  }

  @Test func `every answer has a sentence`() throws {
    let rollout = try started(policy(), population: 5)
    let paris = try localClock("Europe/Paris")
    let answers: [Eligibility] = [
      .eligible(stage: 0), .deferred(.stageClosed(0)), .deferred(.notRunning(.paused)),
      .deferred(.backingOff(until: noon)), .deferred(.concurrencyLimit(3)),
      .deferred(.rateLimit(2, until: noon)),
      .deferred(.maintenanceWindow(until: noon, by: paris)), .excluded(.hardware),
      .excluded(.target),
      .excluded(.runsRelease), .excluded(.finished(.lost)),
    ]
    let sentences = answers.map { $0.sentence(in: rollout) }
    #expect(Set(sentences).count == answers.count)
    #expect(sentences[0] == "will be granted at its next poll, in stage 1")
  }
}
