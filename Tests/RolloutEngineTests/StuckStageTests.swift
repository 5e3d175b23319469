// StuckStageTests: stages that nobody is left to speak for, and attempts that nobody gives.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct StuckStageTests {
  private let usual = #""stages": {"start": 10, "soak": "10m", "waitAtMost": "1h"}"#
  private let later = noon + .days(3)

  private func budget(_ count: Int, limit: String) throws -> Policy {
    try policy(
      usual + #", "failureLimit": \#(limit), "#
        + #""retry": {"attempts": 3, "budget": {"share": "0%", "minimum": \#(count)}}"#)
  }

  @Test func `a stage without any verdict never widens by itself and says who has to act`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(10, .retrying)
    let stuck = GateVerdict.WaitReason.noVerdict(stage: "stage 1", of: 10, within: .hours(1))
    #expect(Gate.evaluate(rollout, now: later) == .wait(stuck))
    #expect(Gate.advance(&rollout, now: later).isEmpty)
    #expect(
      stuck.sentence(now: later)
        == "stage 1 has no device left to learn from: none of its 10 devices has a verdict after "
        + "1h, and none is under way; approve it to go on without, abort, or wait for a device to "
        + "call")
  }

  @Test func `a stage without a verdict goes on when a person approves it`() throws {
    var rollout = try started(policy(usual), population: 30)
    rollout.add(10, .retrying)
    rollout.evolve(.signedOff(0, by: "ann"), at: later)
    #expect(Gate.advance(&rollout, now: later) == [.stageSettled(0)])
    #expect(Gate.advance(&rollout, now: later + .minutes(10)) == [.stageOpened(1)])
  }

  @Test func `a stage whose device calls after all needs nobody`() throws {
    var rollout = try started(policy(usual), population: 10)
    rollout.add(1, .retrying)
    rollout.evolve(.moved(stage: 0, from: .retrying, to: .installing), at: later)
    #expect(
      Gate.evaluate(rollout, now: later)
        == .wait(.verdicts(stage: "stage 1", have: 0, need: 9, of: 10)))
    rollout.evolve(.moved(stage: 0, from: .installing, to: .succeeded), at: later)
    #expect(Gate.evaluate(rollout, now: later) == .settle)
  }

  @Test func `with the retry budget spent, devices that wait for an attempt have failed`() throws {
    let limit = #"{"share": "10%", "minimum": 3}"#
    var rollout = try started(budget(2, limit: limit), population: 30)
    rollout.add(2, .retrying)
    rollout.add(1, .failed)
    rollout.evolve(.repeated, at: noon)
    #expect(rollout.failureCount == 1)
    rollout.evolve(.repeated, at: noon)
    #expect(rollout.failureCount == 3)
    let expected = try #require(rollout.policy.failureLimit)
    #expect(
      Gate.evaluate(rollout, now: noon)
        == .stop(.failureLimit(failures: 3, exposed: 3, limit: expected)))
  }

  @Test func `a spent retry budget hides no bad release from the evidence`() throws {
    let retry = #""gate": {}, "retry": {"budget": {"share": "0%", "minimum": 1}}"#
    var ramp = try Ramp([("all", 1_000)], policy: retry)
    ramp.add(5, .failing(since: ramp.now))
    #expect(ramp.rollout.status == .running)
    ramp.happen(.repeated)
    #expect(ramp.rollout.status.isStopped)
    #expect(ramp.rollout.stop?.description.hasPrefix("5 failed and 0 fell silent of 5") == true)
  }

  @Test func `canaries that wait for an attempt that nobody gives have failed`() throws {
    let fields =
      #""canary": {"group": "staging", "soak": "1h"}, "gate": {}, "#
      + #""retry": {"budget": {"share": "0%", "minimum": 1}}"#
    var ramp = try Ramp([("all", 1_000)], canaries: 3, policy: fields)
    ramp.add(2, .failing(since: ramp.now), stratum: nil)
    #expect(ramp.rollout.status == .running)
    ramp.happen(.repeated)
    #expect(ramp.rollout.status.isStopped)
  }

  @Test func `a device between two attempts is awaited and has not failed`() throws {
    var waiting = try action(
      .retrying(from: noon), failure: Action.Failure(.install, "no space left"))
    #expect(waiting.mark == .unexposed)
    waiting.exposedAt = noon
    #expect(waiting.mark == .failing(since: noon))
    var ramp = try Ramp([("all", 1_000)])
    ramp.add(1, waiting.mark)
    #expect(ramp.rollout.strata[0].evidence.failing == 1)
    #expect(ramp.rollout.strata[0].evidence.awaited == 1)
    #expect(ramp.rollout.strata[0].evidence.reported == 0)
    ramp.change(1, from: waiting.mark, to: .proven(since: ramp.now))
    #expect(ramp.rollout.strata[0].evidence.failing == 0)
  }

  @Test func `a ceiling holds for all strata together`() throws {
    let stages = #""stages": [{"upTo": "1%", "soak": "0s"}, {"upTo": "100%", "soak": "0s"}], "#
    let ramp = try Ramp([("A", 200), ("B", 100), ("C", 100)], policy: stages + #""gate": {}"#)
    #expect(ramp.steps == [[2, 1, 1]])
    let narrow = try Ramp([("A", 50), ("B", 40), ("C", 10)], policy: stages + #""gate": {}"#)
    #expect(narrow.steps == [[1, 0, 0]])
  }

  @Test func `hours that no device gathers are left to a person`() throws {
    let policy = #""gate": {"deviceHours": 5, "tolerance": "50%"}"#
    var ramp = try Ramp([("all", 1_000)], policy: policy)
    ramp.add(1, .reported)
    ramp.add(4, .undelivered)
    ramp.pass(.hours(13))
    #expect(ramp.words.hasPrefix("held for a person: no device runs the release"))
    ramp.happen(.resumed(by: "ann"))
    #expect(ramp.steps.count == 2)
  }

  @Test func `a rollout that the gate paused says why and names no person for it`() throws {
    var ramp = try Ramp([("all", 100_000)])
    ramp.succeed()
    ramp.add(20, .undelivered)
    #expect(ramp.rollout.status == .paused)
    #expect(
      ramp.words
        == "held for a person: 20 of 25 devices could not fetch the image; look at the network, "
        + "the storage and the signature, then resume")
  }

  @Test func `a model let in again after the rollout is complete comes step by step`() throws {
    var ramp = try Ramp([("A", 1_000), ("B", 300)], policy: #""gate": {"quarantineLimit": 3}"#)
    ramp.add(5, .proven(since: ramp.now), stratum: 0)
    ramp.add(5, .reported, stratum: 1)
    #expect(ramp.rollout.strata[1].quarantine != nil)
    while ramp.rollout.status == .running { ramp.succeed() }
    #expect(ramp.rollout.status == .completed)
    ramp.happen(.quarantineLifted(1, by: "ann"))
    #expect(ramp.rollout.strata[1].opened == 10)
    ramp.pass(.minutes(119))
    #expect(ramp.rollout.strata[1].opened == 10)
    ramp.add(5, .proven(since: ramp.now), stratum: 1)
    ramp.pass(.hours(13))
    #expect((11...60).contains(ramp.rollout.strata[1].opened))
    for _ in 0..<6 { ramp.succeed() }
    #expect(ramp.rollout.strata[1].opened == 300)
  }
}
