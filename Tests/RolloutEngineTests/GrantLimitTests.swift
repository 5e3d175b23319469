// GrantLimitTests: each limit just inside and just outside, and in words.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct GrantLimitTests {
  private func rollout(_ limits: String, population: Int = 10) throws -> Rollout {
    try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": \#(limits)"#),
      population: population)
  }

  private func decide(
    _ rollout: Rollout, demand: GrantDemand = .none, action: Action? = nil,
    after wait: Interval = .zero
  ) throws -> Eligibility {
    let candidate = Candidate(
      device: try DeviceID("d1"), fits: true, isTargeted: true, runsRelease: false,
      isCanary: true)
    return Eligibility.decide(
      candidate, action: action, in: rollout, demand: demand, now: noon + wait)
  }

  // Base 50, factor 2, 1000 notified: the example of "How job configurations work" in the developer
  // guide of AWS IoT, with the maximum of 1000 that goes with it.
  private static let example =
    #"{"rate": {"basePerMinute": 50, "factor": 2, "every": {"notified": 1000}, "ceiling": 1000}}"#

  @Test(arguments: [
    (0, 50), (999, 50), (1000, 100), (1999, 100), (2000, 200), (2999, 200), (3000, 400),
    (3999, 400), (4000, 800), (4999, 800), (5000, 1000), (1_000_000_000, 1000),
  ])
  func `the rate of AWS's example goes 50, 100, 200, 400`(notified: Int, rate: Int) throws {
    let growth = try #require(try rollout(GrantLimitTests.example).policy.limits.rate)
    #expect(growth.perMinute(after: notified) == rate)
  }

  @Test func `AWS's example, granted as fast as allowed, steps at 1000, 2000 and 3000 devices`()
    throws
  {
    var rollout = try rollout(GrantLimitTests.example, population: 4000)
    var steps: [[Int]] = []
    var minutes: [Int] = []
    while rollout.notifiedCount < 3500 {
      let now = noon + .seconds(61 * Int64(minutes.count))
      var granted = 0
      while Eligibility.limited(rollout, now: now) == nil {
        let rate = try #require(rollout.perMinute)
        if steps.last?[1] != rate { steps.append([rollout.notifiedCount, rate]) }
        rollout.evolve(.granted, at: now)
        rollout.add(1, .succeeded)
        granted += 1
      }
      minutes.append(granted)
    }
    #expect(steps == [[0, 50], [1000, 100], [2000, 200], [3000, 400]])
    #expect(minutes.starts(with: [Int](repeating: 50, count: 19)))
    #expect(minutes.dropFirst(19).first == 100)
    #expect(minutes.max() == 400)
  }

  @Test func `a rate that grows by successes ignores devices that are only under way`() throws {
    var rollout = try rollout(
      #"{"rate": {"basePerMinute": 2, "factor": 1.5, "every": {"succeeded": 3}}}"#)
    rollout.add(7, .installing)
    rollout.add(2, .succeeded)
    #expect(rollout.perMinute == 2)
    rollout.add(1, .unverified)
    #expect(rollout.perMinute == 3)
    rollout.add(3, .failed)
    #expect(rollout.perMinute == 3)
    // Devices on their way back had succeeded: the way back is no slower for it.
    rollout.add(3, .returning)
    #expect(rollout.perMinute == 4)
  }

  @Test func `a growing rate is checked in every minute`() throws {
    var rollout = try rollout(
      #"{"rate": {"basePerMinute": 1, "factor": 2, "every": {"notified": 2}, "ceiling": 8}}"#)
    rollout.add(1, .offered)
    rollout.evolve(.granted, at: noon)
    #expect(
      try decide(rollout, after: .seconds(60))
        == .deferred(.rateLimit(1, until: noon + .seconds(61))))
    #expect(try decide(rollout, after: .seconds(61)) == .eligible(stage: 0))
    rollout.add(1, .offered)
    #expect(try decide(rollout, after: .seconds(60)) == .eligible(stage: 0))
  }

  @Test func `the minutes of a plan follow the growth of the rate`() throws {
    let growing = try rollout(GrantLimitTests.example).policy.limits
    // 20 minutes of 50, 10 of 100, 5 of 200; the first one does not have to be waited for.
    #expect(growing.minutes(toGrant: 1000, after: 0) == 19)
    #expect(growing.minutes(toGrant: 3000, after: 0) == 34)
    #expect(growing.minutes(toGrant: 1000, after: 2000) == 4)
    #expect(growing.minutes(toGrant: 10_000, after: 5000) == 9)
    let flat = try rollout(#"{"perMinute": 10}"#).policy.limits
    #expect(flat.minutes(toGrant: 10, after: 0) == 0)
    #expect(flat.minutes(toGrant: 11, after: 0) == 1)
    #expect(try rollout("{}").policy.limits.minutes(toGrant: 1000, after: 0) == 0)
  }

  @Test func `a full failure domain defers its devices and no others`() throws {
    let rollout = try rollout(#"{"domains": [{"by": "tag.site", "atMost": 1}]}"#)
    let full = FullDomain(property: .tag("site"), domain: "berlin", limit: 1)
    let answer = try decide(rollout, demand: GrantDemand(bytes: 0, fullDomain: full))
    #expect(answer == .deferred(.domainLimit(full)))
    #expect(
      answer.sentence(in: rollout)
        == "waits: 1 of tag.site berlin are updating, the limit")
    #expect(try decide(rollout) == .eligible(stage: 0))
  }

  @Test func `downloads are spread over time and the deferral says until when`() throws {
    var rollout = try rollout(#"{"bandwidth": "1MB/s", "bandwidthBurst": "10s"}"#)
    let demand = GrantDemand(bytes: 5_000_000, fullDomain: nil)
    for _ in 0..<2 {
      #expect(try decide(rollout, demand: demand) == .eligible(stage: 0))
      rollout.evolve(.downloadGranted(bytes: 5_000_000), at: noon)
    }
    let rate = try #require(ByteRate(text: "1MB/s"))
    let until = noon + Interval(milliseconds: 5001)
    #expect(try decide(rollout, demand: demand) == .deferred(.bandwidth(rate, until: until)))
    #expect(
      try decide(rollout, demand: demand, after: Interval(milliseconds: 4999))
        == .deferred(.bandwidth(rate, until: until)))
    #expect(try decide(rollout, demand: demand, after: .seconds(5)) == .eligible(stage: 0))
  }

  @Test func `every limit has a sentence of its own`() throws {
    let rollout = try rollout("{}")
    let rate = try #require(ByteRate(text: "20MB/s"))
    let answers: [Eligibility] = [
      .deferred(.domainLimit(FullDomain(property: .attribute("pair"), domain: "7", limit: 1))),
      .deferred(.bandwidth(rate, until: noon)), .deferred(.retryBudget(10)),
      .deferred(.rateLimit(50, until: noon)), .deferred(.concurrencyLimit(3)),
    ]
    #expect(Set(answers.map { $0.sentence(in: rollout) }).count == answers.count)
    #expect(answers[1].sentence(in: rollout).contains("20MB/s"))
  }
}
