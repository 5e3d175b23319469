// WhatIfTests: what a policy would do to a fleet; the promises of the gate on few runs.

import FleetSimulator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct WhatIfTests {
  @Test func `the same seed gives the same run and another seed another`() throws {
    let scenario = fleet(2_000) { $0.failing = share(100) }
    let first = try WhatIfRun.play(scenario, policy: gate, seed: 7)
    #expect(try WhatIfRun.play(scenario, policy: gate, seed: 7) == first)
    #expect(try WhatIfRun.play(scenario, policy: gate, seed: 8) != first)
  }

  @Test(arguments: 1..<6 as Range<UInt64>)
  func `different strategies meet the same fates`(seed: UInt64) throws {
    // Whoever reaches everybody harms everybody who is doomed, however it got there.
    let scenario = fleet(3_000) { $0.failing = share(40) }
    let loose = try policy(
      #"{"name": "loose", "stages": {"start": "10%", "growth": 4, "soak": "1h"},"#
        + #""failureLimit": {"share": "50%"}}"#)
    var outcomes = try [WhatIfRun.play(scenario, policy: loose, seed: seed)]
    for other in WhatIfStrategy.others { outcomes.append(try other.play(scenario, seed: seed)) }
    let complete = outcomes.filter { $0.ending == .completed }
    #expect(complete.count >= 2, "seed \(seed)")
    #expect(Set(complete.map(\.failed)).count == 1, "seed \(seed): \(complete.map(\.failed))")
    #expect(Set(complete.map(\.bricked)).count == 1, "seed \(seed): \(complete.map(\.bricked))")
  }

  @Test func `a healthy release reaches everybody who calls, and harms nobody`() throws {
    let outcome = try WhatIfRun.play(fleet(3_000) { _ in }, policy: gate, seed: 3)
    #expect(outcome.ending == .completed)
    #expect(outcome.failed == 0)
    #expect((2_800...2_900).contains(outcome.exposed))
    #expect(outcome.decisions.last?.sentence == "completed")
  }

  @Test func `devices that never call delay nothing`() throws {
    var scenario = fleet(3_000) { _ in }
    scenario.unreachable = share(2_000)
    let outcome = try WhatIfRun.play(scenario, policy: gate, seed: 3)
    #expect(outcome.ending == .completed)
    #expect(outcome.reached.map { $0 <= .hours(95) } ?? false)
  }

  @Test func `a rare model that is bricked costs its first devices and is taken out`() throws {
    var scenario = fleet(100_000) { _ in }
    scenario.models[3].failing = .whole
    scenario.models[3].unreported = .whole
    for seed in 1...20 as ClosedRange<UInt64> {
      var run = try WhatIfRun(scenario, policy: gate, seed: seed)
      while run.present.strata[3].quarantine == nil, run.advance(ticks: 12) {}
      // Nothing more is offered to its devices, so two polls later all harm is done.
      _ = run.advance(ticks: 24)
      #expect(run.outcome.bricked <= 6, "seed \(seed)")
      #expect(run.outcome.quarantined == ["D"], "seed \(seed)")
    }
  }

  @Test(arguments: 1..<7 as Range<UInt64>)
  func `one device in twenty that fails stops every rollout`(seed: UInt64) throws {
    let outcome = try WhatIfRun.play(
      fleet(20_000) { $0.failing = share(500) }, policy: gate, seed: seed)
    #expect(outcome.ending == .aborted, "seed \(seed)")
    #expect(outcome.bricked <= 30, "seed \(seed)")
  }

  @Test(arguments: 1..<7 as Range<UInt64>)
  func `an outage of six hours stops nobody`(seed: UInt64) throws {
    var scenario = fleet(2_000) { $0.failing = share(10) }
    scenario.outage = .hours(6)
    let outcome = try WhatIfRun.play(scenario, policy: gate, seed: seed)
    #expect(outcome.ending != .aborted, "seed \(seed): \(outcome.decisions)")
    #expect(outcome.quarantined == [], "seed \(seed)")
  }

  @Test(arguments: 1..<3 as Range<UInt64>)
  func `a release at the tolerance is left to a person`(seed: UInt64) throws {
    let outcome = try WhatIfRun.play(
      fleet(20_000) { $0.failing = share(50) }, policy: gate, seed: seed)
    #expect(outcome.ending == .held, "seed \(seed)")
  }

  @Test func `a rollback saves devices that have not failed yet`() throws {
    let returning = fleet(10_000, late: .hours(24)) { $0.failingLate = share(2_000) }
    let back = try WhatIfRun.play(returning, policy: gate, seed: 2)
    let stays = try policy(#"{"name": "stays", "gate": {}, "onAbort": "stop"}"#)
    let left = try WhatIfRun.play(returning, policy: stays, seed: 2)
    #expect(back.ending == .aborted)
    #expect(back.stoppedAfter == left.stoppedAfter)
    #expect(back.failed < left.failed)
  }

  @Test func `retries do not change who fails`() throws {
    let scenario = fleet(2_000) { $0.failing = share(10) }
    let once = try policy(#"{"name": "once", "gate": {}, "retry": {"attempts": 1}}"#)
    let often = try policy(#"{"name": "often", "gate": {}, "retry": {"attempts": 4}}"#)
    let first = try WhatIfRun.play(scenario, policy: once, seed: 5)
    let second = try WhatIfRun.play(scenario, policy: often, seed: 5)
    #expect(first.ending == .completed)
    #expect(second.failed == first.failed)
  }

  @Test func `a limit on grants per minute spreads a stage over time`() throws {
    let text =
      #"{"name": "p", "stages": [{"upTo": "100%", "soak": "1h"}], "failureLimit": {"share": "5%"}"#
    let scenario = fleet(1_200) { _ in }
    let free = try WhatIfRun.play(scenario, policy: policy(text + "}"), seed: 1)
    let slow = try WhatIfRun.play(
      scenario, policy: policy(text + #", "limits": {"perMinute": 5}}"#), seed: 1)
    // 1,140 devices that call at 5 a minute take 228 minutes at least.
    #expect(free.reached.map { $0 <= .hours(1) } ?? false)
    #expect(slow.reached.map { (.minutes(226) ... .hours(8)).contains($0) } ?? false)
  }

  @Test func `the canary group goes first and alone`() throws {
    var scenario = fleet(1_000) { _ in }
    scenario.canaries = 40
    let text = #"{"name": "p", "canary": {"group": "g", "soak": "2h"}, "gate": {}}"#
    var run = try WhatIfRun(scenario, policy: policy(text), seed: 1)
    while run.elapsed < .hours(1), run.advance(ticks: 1) {}
    #expect((30...40).contains(run.outcome.exposed))
  }

  @Test func `a scenario that makes no sense is refused with what to do`() {
    var scenario = fleet(100) { _ in }
    scenario.models.removeLast()
    let problem = #expect(throws: Problem.self) {
      try WhatIfRun.play(scenario, policy: gate, seed: 1)
    }
    #expect(problem?.detail == "the models are 99.8 % of the fleet together; make it 100 %")
  }

  @Test func `shares of a group and rates miss a bricked model, groups with errors stop`() throws {
    var scenario = fleet(10_000) { _ in }
    scenario.models[2].failing = .whole
    scenario.models[2].unreported = .whole
    for strategy in WhatIfStrategy.others {
      let outcome = try strategy.play(scenario, seed: 1)
      #expect(outcome.ending == .completed)
      #expect((180...200).contains(outcome.bricked), "\(strategy.label)")
    }
    let bad = fleet(10_000) { $0.failing = share(3_000) }
    #expect(try WhatIfStrategy.others[1].play(bad, seed: 1).ending == .aborted)
  }

  @Test func `a summary has mean, percentile between neighbours, and shares`() throws {
    let healthy = try WhatIfRun.play(fleet(1_000) { _ in }, policy: gate, seed: 1)
    let bad = try WhatIfRun.play(
      fleet(1_000) { $0.failing = share(5_000) }, policy: gate, seed: 1)
    let summary = WhatIfSummary([healthy, healthy, healthy, bad])
    #expect(summary.completed == 75)
    #expect(summary.aborted == 25)
    #expect(summary.bricked.mean == Double(bad.bricked) / 4)
    #expect(abs(summary.bricked.high - 0.85 * Double(bad.bricked)) < 1e-9)
    #expect(summary.figure("hours.median") == summary.hours?.median)
    #expect(summary.figure("nonsense") == nil)
  }

  // MARK: Fleets and policies

  private var gate: Policy { Scenario.policy(#"{"name": "gate", "gate": {}}"#) }

  private func policy(_ text: String) throws -> Policy {
    try Policy.read(Array(text.utf8), file: "test")
  }

  /// Four models of very different size; `harm` says what the release does to each.
  private func fleet(
    _ size: Int, late: Interval = .hours(24), harm: (inout WhatIfScenario.Model) -> Void
  ) -> WhatIfScenario {
    let shares: [(String, Int)] = [("A", 7_000), ("B", 2_780), ("C", 200), ("D", 20)]
    var scenario = WhatIfScenario(
      models: shares.compactMap { name, points in
        // One letter is a name.
        (try? Name(name)).map { WhatIfScenario.Model(name: $0, share: share(points)) }
      })
    scenario.fleetSize = size
    scenario.lateAfter = late
    for index in scenario.models.indices { harm(&scenario.models[index]) }
    return scenario
  }
}
