// GateTests: counters and time to the gate's answer, just inside and just outside.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct GateTests {
  private let usual =
    #""stages": {"start": 10, "soak": "10m", "quorum": "90%", "waitAtMost": "1h"},"#
    + #""failureLimit": {"share": "20%", "minimum": 3}"#

  private func answer(_ rollout: Rollout, after wait: Interval = .zero) -> GateVerdict {
    Gate.evaluate(rollout, now: noon + wait)
  }

  @Test func `a stage settles with its quorum and not one device before`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(8, .succeeded)
    #expect(answer(rollout) == .wait(.verdicts(stage: "stage 1", have: 8, need: 9, of: 10)))
    rollout.add(1, .unverified)
    #expect(answer(rollout) == .settle)
  }

  @Test func `a soak runs to its last millisecond`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(10, .succeeded)
    rollout.evolve(.stageSettled(0), at: noon)
    let almost = Interval(milliseconds: 599_999)
    #expect(
      answer(rollout, after: almost) == .wait(.soak(stage: "stage 1", until: noon + .minutes(10))))
    #expect(answer(rollout, after: .minutes(10)) == .advance)
  }

  @Test func `patience ends the wait when nobody is under way any more`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(1, .succeeded)
    let waiting = GateVerdict.wait(.verdicts(stage: "stage 1", have: 1, need: 9, of: 10))
    #expect(answer(rollout, after: Interval(milliseconds: 3_599_999)) == waiting)
    #expect(answer(rollout, after: .hours(1)) == .settle)
    rollout.add(1, .installing)
    #expect(answer(rollout, after: .hours(1)) == waiting)
  }

  @Test func `without a single verdict a stage never settles`() throws {
    let rollout = try started(policy(usual), population: 30)
    #expect(
      answer(rollout, after: Interval(milliseconds: 3_599_999))
        == .wait(.verdicts(stage: "stage 1", have: 0, need: 9, of: 10)))
    #expect(
      answer(rollout, after: .days(300))
        == .wait(.noVerdict(stage: "stage 1", of: 10, within: .hours(1))))
  }

  @Test(arguments: [
    (2, 0, false), (3, 0, true), (3, 11, true), (3, 12, false), (4, 15, true), (4, 16, false),
  ])
  func `failures stop a rollout above the share and from the minimum on`(
    failed: Int, others: Int, stops: Bool
  ) throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(failed, .failed)
    rollout.add(others, .installing)
    let isStop = if case .stop = answer(rollout) { true } else { false }
    #expect(isStop == stops)
  }

  @Test func `lost devices count as failures and devices that only download do not count`() throws {
    var rollout = try started(policy(usual), population: 100)
    rollout.add(3, .lost)
    rollout.add(50, .downloading)
    let limit = try #require(rollout.policy.failureLimit)
    #expect(answer(rollout) == .stop(.failureLimit(failures: 3, exposed: 3, limit: limit)))
  }

  @Test func `failures stop a rollout that is paused or completed too`() throws {
    for event in [RolloutEvent.paused(by: "ann"), .completed] {
      var rollout = try started(policy(usual), population: 30)
      rollout.add(3, .failed)
      rollout.evolve(event, at: noon)
      let limit = try #require(rollout.policy.failureLimit)
      #expect(answer(rollout) == .stop(.failureLimit(failures: 3, exposed: 3, limit: limit)))
    }
  }

  @Test func `a stage that needs approval waits for it after its soak`() throws {
    let policy = try policy(
      #""canary": {"group": "staging", "soak": "1m", "signOff": true},"# + usual)
    var rollout = try started(policy, canaries: 1, population: 30)
    rollout.add(1, .succeeded)
    rollout.evolve(.stageSettled(0), at: noon)
    #expect(answer(rollout, after: .minutes(1)) == .wait(.signOff(stage: "canary")))
    rollout.evolve(.signedOff(0, by: "ann"), at: noon)
    #expect(
      answer(rollout) == .wait(.soak(stage: "canary", until: noon + .minutes(1))))
    #expect(answer(rollout, after: .minutes(1)) == .advance)
  }

  @Test func `the last stage completes the rollout`() throws {
    var rollout = try started(policy(usual), population: 5)
    rollout.add(5, .succeeded)
    #expect(Gate.advance(&rollout, now: noon) == [.stageSettled(0)])
    #expect(Gate.advance(&rollout, now: noon + .minutes(10)) == [.completed])
    #expect(rollout.status == .completed)
    #expect(rollout.endedAt == noon + .minutes(10))
    #expect(Gate.advance(&rollout, now: noon + .days(1)).isEmpty)
  }

  @Test func `without soak a stage opens the next in one go`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 1, "soak": "0s"}"#), population: 3)
    rollout.add(1, .succeeded)
    #expect(Gate.advance(&rollout, now: noon) == [.stageSettled(0), .stageOpened(1)])
    #expect(rollout.openStage == 1)
  }

  @Test func `a way back ends when the last device is back`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(1, .returning)
    rollout.add(2, .succeeded)
    rollout.add(3, .returned)
    rollout.add(1, .lost)
    rollout.evolve(.stopped(.person("ann"), rollback: true), at: noon)
    #expect(answer(rollout) == .wait(.rollback(remaining: 3)))
    rollout.evolve(.moved(stage: 0, from: .returning, to: .returned), at: noon)
    for _ in 0..<2 {
      #expect(answer(rollout) != .finishRollback)
      rollout.evolve(.moved(stage: 0, from: .succeeded, to: .returned), at: noon)
    }
    #expect(Gate.advance(&rollout, now: noon) == [.rolledBack])
    #expect(rollout.status == .rolledBack)
  }

  @Test func `what stops by itself is halted, what a person stops is aborted`() throws {
    var rollout = try started(
      policy(#""stages": {"start": 1, "soak": "0s"}, "onAbort": "stop""#), population: 3)
    var other = rollout
    rollout.add(1, .failed)
    _ = Gate.advance(&rollout, now: noon)
    #expect(rollout.status == .halted)
    other.evolve(.stopped(.person("ann"), rollback: false), at: noon)
    #expect(other.status == .aborted)
    #expect(answer(other) == .wait(.ended(.aborted)))
  }

  @Test func `a draft waits`() throws {
    #expect(answer(try draft(policy(), population: 3)) == .wait(.notStarted))
  }
}
