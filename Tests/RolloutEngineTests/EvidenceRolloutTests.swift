// EvidenceRolloutTests: what the statistical gate makes of a rollout, rule by rule.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct EvidenceRolloutTests {
  private let models = [("A", 70_000), ("B", 28_000), ("C", 2_000)].map {
    (label: $0.0, size: $0.1)
  }

  @Test func `the first step takes in five devices of each kind`() throws {
    let ramp = try Ramp(models)
    #expect(ramp.steps == [[5, 5, 5]])
  }

  @Test func `clean steps grow as the plan says, and the last takes in all`() throws {
    var ramp = try Ramp([("all", 100_000)])
    for _ in 0..<5 { ramp.succeed() }
    #expect(ramp.steps.map { $0[0] } == [5, 50, 497, 5_520, 60_720, 33_208])
    ramp.succeed()
    #expect(ramp.rollout.status == .completed)
  }

  @Test func `a waiting stage says how many verdicts it has and what the policy allows`() throws {
    var ramp = try Ramp([("all", 100_000)])
    ramp.succeed()
    ramp.add(36, .proven(since: ramp.now))
    ramp.add(6, .open(since: ramp.now))
    ramp.pass(.minutes(12 * 60 + 1))
    #expect(
      ramp.words.hasPrefix(
        "stage 2 waits: 41 of 55 devices have reached their verdict; upper bound on failures "))
    #expect(ramp.words.hasSuffix("the policy allows 0.5%"))
  }

  @Test func `a device counts as proven after the soak time, not before`() throws {
    var ramp = try Ramp([("all", 1_000)])
    ramp.add(5, .proven(since: ramp.now))
    ramp.pass(.minutes(12 * 60 - 1))
    #expect(ramp.steps.count == 1)
    ramp.pass(.minutes(1))
    #expect(ramp.steps.count == 2)
  }

  @Test func `no step opens before devices have run the release for enough hours together`() throws
  {
    var ramp = try Ramp([("all", 1_000)], policy: #""gate": {"deviceHours": 100}"#)
    ramp.add(5, .proven(since: ramp.now))
    ramp.pass(.hours(19))
    #expect(ramp.words == "devices have run the release for 95 hours together, 100 needed")
    ramp.pass(.hours(1))
    #expect(ramp.steps.count == 2)
  }

  @Test func `a device without a verdict is waited for until its deadline`() throws {
    var ramp = try Ramp([("all", 1_000)], policy: #""gate": {"verdictWithin": "20h"}"#)
    ramp.add(4, .proven(since: ramp.now))
    ramp.add(1, .open(since: ramp.now))
    ramp.pass(.hours(19))
    #expect(ramp.steps.count == 1)
    ramp.pass(.hours(1))
    #expect(ramp.steps.count == 2)
  }

  @Test func `devices that never call do not keep a step from being judged`() throws {
    var ramp = try Ramp([("all", 1_000)])
    ramp.add(4, .proven(since: ramp.now))
    ramp.pass(.hours(13))
    #expect(ramp.steps.count == 2)
  }

  @Test func `a model that goes silent is quarantined and the rest goes on`() throws {
    var ramp = try Ramp(models)
    ramp.add(5, .proven(since: ramp.now), stratum: 0)
    ramp.add(5, .proven(since: ramp.now), stratum: 1)
    ramp.add(5, .lost, stratum: 2)
    #expect(ramp.rollout.strata[2].quarantine != nil)
    #expect(ramp.rollout.status == .running)
    ramp.pass(.hours(13))
    #expect(ramp.steps.last == [49, 49, 0])
  }

  @Test func `a second model in quarantine stops the whole rollout`() throws {
    var ramp = try Ramp([("A", 70_000), ("B", 1_000), ("C", 1_000)])
    ramp.add(5, .proven(since: ramp.now), stratum: 0)
    ramp.add(5, .lost, stratum: 1)
    #expect(ramp.rollout.status == .running)
    ramp.add(5, .lost, stratum: 2)
    #expect(ramp.rollout.status.isStopped)
  }

  @Test func `failures in every model stop the rollout and bring devices back`() throws {
    var ramp = try Ramp(models)
    for stratum in 0..<3 { ramp.add(3, .reported, stratum: stratum) }
    #expect(ramp.rollout.status.isStopped)
    #expect(ramp.rollout.stop?.description.contains("failed") == true)
  }

  @Test func `silence during an outage stops nothing and widens nothing`() throws {
    var ramp = try Ramp(models)
    ramp.look(heard: 1_000)
    for stratum in 0..<3 { ramp.add(5, .lost, stratum: stratum) }
    #expect(ramp.rollout.status == .running)
    #expect(ramp.words.hasPrefix("outage: only 10% of the devices that are not updated are heard"))
    ramp.pass(.days(1))
    #expect(ramp.steps.count == 1)
  }

  @Test func `failures that are reported stop a rollout during an outage too`() throws {
    var ramp = try Ramp(models)
    ramp.look(heard: 1_000)
    for stratum in 0..<3 { ramp.add(3, .reported, stratum: stratum) }
    #expect(ramp.rollout.status.isStopped)
  }

  @Test func `a device that was lost and is heard again is no evidence any more`() throws {
    var ramp = try Ramp([("all", 1_000)])
    ramp.add(1, .lost)
    #expect(ramp.rollout.strata[0].evidence.lost == 1)
    ramp.change(1, from: .lost, to: .proven(since: ramp.now))
    #expect(ramp.rollout.strata[0].evidence.lost == 0)
    #expect(ramp.rollout.strata[0].evidence.exposed == 1)
  }

  @Test func `late failures open a passed gate again, and stop what was complete`() throws {
    var ramp = try Ramp([("all", 1_000)])
    while ramp.rollout.status == .running { ramp.succeed() }
    #expect(ramp.rollout.status == .completed)
    let since = noon
    ramp.change(20, from: .proven(since: since), to: .reported)
    #expect(ramp.rollout.status.isStopped)
  }

  @Test func `a late failure makes the next step smaller`() throws {
    var clean = try Ramp([("all", 100_000)])
    var late = clean
    clean.succeed()
    clean.succeed()
    late.succeed()
    late.change(1, from: .proven(since: noon), to: .reported)
    late.succeed()
    let (without, with) = (try #require(clean.steps.last?[0]), try #require(late.steps.last?[0]))
    #expect(with < without * 6 / 10)
    #expect(with > 0)
  }

  @Test func `steps that do not grow leave the next one to a person`() throws {
    // With a budget of one device a clean step never grows by half.
    var ramp = try Ramp([("all", 100_000)], policy: #""gate": {"budget": 1, "stallLimit": 2}"#)
    for _ in 0..<6 { ramp.succeed() }
    #expect(ramp.rollout.hold != nil)
    #expect(ramp.words.hasPrefix("held for a person: steps no longer grow"))
    let before = ramp.steps.count
    ramp.succeed()
    #expect(ramp.steps.count == before)
    ramp.happen(.resumed(by: "ann"))
    #expect(ramp.steps.count == before + 1)
    #expect(ramp.rollout.hold == nil)
  }

  @Test func `a burst of failed downloads pauses the rollout and accuses nobody`() throws {
    var ramp = try Ramp([("all", 100_000)])
    ramp.succeed()
    ramp.add(20, .undelivered)
    #expect(ramp.rollout.status == .paused)
    #expect(ramp.rollout.strata[0].evidence.exposed == 5)
    #expect(ramp.rollout.hold?.sentence.contains("could not fetch the image") == true)
    ramp.happen(.resumed(by: "ann"))
    #expect(ramp.rollout.status == .running)
  }

  @Test func `stages are ceilings: they never open more than the evidence allows`() throws {
    let stages = #""stages": [{"upTo": "0.01%", "soak": "0s"}, {"upTo": "1%", "soak": "1d"}, "#
    var ramp = try Ramp(
      [("all", 100_000)], policy: stages + #"{"upTo": "100%", "soak": "0s"}], "gate": {}"#)
    for _ in 0..<3 { ramp.succeed() }
    // 5 are allowed first; 10 is the end of the first stage; then at most 1000 in all.
    #expect(ramp.steps.map { $0[0] } == [5, 5, 98])
    ramp.succeed()
    #expect(ramp.rollout.strata[0].opened <= 1_000)
  }

  @Test func `canaries open the way and are judged for themselves`() throws {
    let canary = #""canary": {"group": "staging", "soak": "1h"}, "gate": {}"#
    var ramp = try Ramp([("all", 1_000)], canaries: 3, policy: canary)
    #expect(ramp.steps.isEmpty)
    ramp.add(2, .reported, stratum: nil)
    #expect(ramp.rollout.status.isStopped)
    #expect(ramp.rollout.stop?.description.hasPrefix("2 of 2 canaries failed") == true)
  }

  @Test func `updated devices that crash more than the others stop the rollout`() throws {
    let metric = #""gate": {"metrics": [{"name": "attr.crashes", "kind": "count"}]}"#
    var ramp = try Ramp([("all", 1_000)], policy: metric)
    for _ in 0..<100 {
      ramp.happen(.measured(stratum: 0, metric: 0, .events(1, span: .hours(1)), isTreated: false))
    }
    for hour in 0..<100 where ramp.rollout.status == .running {
      ramp.happen(.measured(stratum: 0, metric: 0, .events(4, span: .hours(1)), isTreated: true))
      #expect(hour < 60, "four times as many crashes are noticed within 60 hours")
    }
    #expect(ramp.rollout.stop?.description.contains("attr.crashes") == true)
  }

  @Test func `updated devices that crash as often as the others are left alone`() throws {
    let metric = #""gate": {"metrics": [{"name": "attr.crashes", "kind": "count"}]}"#
    var ramp = try Ramp([("all", 1_000)], policy: metric)
    for hour in 0..<200 {
      ramp.happen(
        .measured(
          stratum: 0, metric: 0, .events(1, span: .hours(1)), isTreated: hour.isMultiple(of: 2)))
    }
    #expect(ramp.rollout.status == .running)
  }

  @Test func `a battery that drains faster than on other devices stops the rollout`() throws {
    let metric =
      #""gate": {"metrics": [{"name": "attr.drain", "kind": "value", "to": 10, "margin": "5%"}]}"#
    var ramp = try Ramp([("all", 1_000)], policy: metric)
    for pair in 0..<200 where ramp.rollout.status == .running {
      ramp.happen(.measured(stratum: 0, metric: 0, .value(2), isTreated: false))
      ramp.happen(.measured(stratum: 0, metric: 0, .value(7), isTreated: true))
      #expect(pair < 60)
    }
    #expect(ramp.rollout.stop?.description.contains("attr.drain") == true)
  }

  @Test func `once the watch is over, old age accuses nobody`() throws {
    var ramp = try Ramp([("all", 100)], policy: #""gate": {"watch": "2d"}"#)
    while ramp.rollout.status == .running { ramp.succeed() }
    ramp.pass(.days(3))
    ramp.change(40, from: .proven(since: noon), to: .lost)
    #expect(ramp.rollout.status == .completed)
  }

  @Test func `a person must approve before more than the policy's share is open`() throws {
    var ramp = try Ramp([("all", 1_000)], policy: #""gate": {}, "approve": {"above": "3%"}"#)
    while ramp.rollout.strata[0].opened < 30 { ramp.succeed() }
    #expect(ramp.rollout.strata[0].opened == 30)
    ramp.succeed()
    #expect(ramp.words.hasSuffix("is done and waits for a person's approval"))
    ramp.happen(.signedOff(try #require(ramp.rollout.openStage), by: "ann", comment: nil))
    #expect(ramp.rollout.strata[0].opened > 30)
  }

  @Test func `who joins after the watch is taken in, whatever silence there was`() throws {
    var ramp = try Ramp([("all", 100)], policy: #""gate": {"watch": "2d"}"#)
    while ramp.rollout.status == .running { ramp.succeed() }
    ramp.pass(.days(3))
    ramp.change(40, from: .proven(since: noon), to: .lost)
    ramp.happen(.joined(stratum: 0))
    #expect(ramp.rollout.strata[0].opened == 101)
  }

  @Test func `a step that limits let in one by one is not judged before all had their turn`() throws
  {
    var ramp = try Ramp([("all", 4)], policy: #""gate": {"soak": "1m"}"#)
    for _ in 0..<4 {
      ramp.happen(.granted)
      ramp.add(1, .proven(since: ramp.now))
      #expect(ramp.rollout.status == .running)
      ramp.pass(.minutes(119))
      #expect(
        ramp.rollout.status == (ramp.rollout.strata[0].evidence.granted < 4 ? .running : .completed)
      )
    }
  }

  @Test func `devices that come long after a step opened do not hold it up for ever`() throws {
    var ramp = try Ramp([("all", 100_000)])
    ramp.succeed()
    ramp.add(30, .proven(since: ramp.now))
    for _ in 0..<12 {
      ramp.pass(.hours(2))
      ramp.add(1, .proven(since: ramp.now))
    }
    #expect(ramp.steps.count == 3)
  }
}
