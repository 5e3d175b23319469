// SimulationTests: seeds over the real engine; a failure names the seed that shows it again.

import FleetSimulator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct SimulationTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a drawn rollout keeps every invariant and comes to rest`(seed: UInt64) {
    let report = Simulation.run(.drawn(seed: seed))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test(arguments: 0..<120 as Range<UInt64>)
  func `a rollout that spares devices and their users keeps every invariant and comes to rest`(
    seed: UInt64
  ) {
    let report = Simulation.run(.heldBack(seed: seed))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `a good release reaches every device in a good moment`(seed: UInt64) {
    var moods = Moods()
    moods.reluctant = .whole
    let policy = Scenario.policy(
      #"{"name": "spares", "stages": [{"upTo": "100%", "soak": "10m", "waitAtMost": "2d"}], "#
        + #""failureLimit": {"share": "5%"}, "limits": {"concurrent": 5}, "conditions": "#
        + #"{"download": {"batteryAtLeast": "20%"}, "install": {"notInUse": true}}}"#)
    moods.installBattery = 0
    var scenario = Scenario(seed: seed, fleetSize: 60, canaryCount: 0, policy: policy)
    scenario.moods = moods
    let report = Simulation.run(scenario)
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.status == .completed && report.tally[.succeeded] == 60, "seed \(seed)")
    // Users said "not now", and batteries were low: there were more leases than devices.
    #expect(report.grantCount > 60)
  }

  // A device without a version whose success was lost, and which then agrees to stop.
  @Test func `seed 2413 comes to rest`() {
    let report = Simulation.run(.planned(seed: 2413))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  // The only device of a stage waits for another attempt and never calls again.
  @Test func `seed 931 waits for a person`() {
    let report = Simulation.run(.planned(seed: 931))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.status == .running)
  }

  // A device that fell back during an outage repeats its success before it says what it runs.
  @Test func `seed 2353 notices a late failure in an outage`() {
    let report = Simulation.run(.drawn(seed: 2353))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test func `the same seed gives the same run and another seed another`() {
    let first = Simulation.run(.drawn(seed: 7))
    #expect(first == Simulation.run(.drawn(seed: 7)))
    #expect(first.digest != Simulation.run(.drawn(seed: 8)).digest)
  }

  @Test func `golden runs keep their fingerprints`() {
    let planned = Simulation.run(.planned(seed: 1))
    #expect(planned.digest == 7_186_860_596_643_553_508)
    // The evidence decides here.
    let drawn = Simulation.run(.drawn(seed: 1))
    #expect(drawn.digest == 14_474_855_599_994_221_228)
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `a good release reaches every device`(seed: UInt64) {
    var faults = FaultPlan()
    faults.lostAnswers = share(500)
    faults.duplicatedReports = share(1000)
    let report = Simulation.run(
      Scenario(
        seed: seed, fleetSize: 150, canaryCount: 10, policy: Scenario.standardPolicy,
        faults: faults))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.status == .completed, "seed \(seed)")
    #expect(report.tally[.succeeded] == 150, "seed \(seed)")
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `a bad release is stopped before a quarter of the fleet has it, and all come back`(
    seed: UInt64
  ) {
    var traits = FleetTraits()
    traits.failureRate = share(2000)
    traits.failingVersion = Scenario.newVersion
    traits.bootFailures = share(3000)
    let size = 200 + Int(seed) * 40
    let report = Simulation.run(
      Scenario(
        seed: seed, fleetSize: size, canaryCount: 10, policy: Scenario.standardPolicy,
        traits: traits))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.status == .rolledBack, "seed \(seed)")
    #expect((report.exposedAtStop ?? size) * 4 < size, "seed \(seed)")
    #expect(report.tally.exposed * 4 < size, "seed \(seed)")
    #expect(report.tally[.succeeded] + report.tally[.returnFailed] == 0, "seed \(seed)")
  }

  @Test func `a policy that stops leaves devices where they are`() {
    var traits = FleetTraits()
    traits.failureRate = share(5000)
    traits.failingVersion = Scenario.newVersion
    let report = Simulation.run(
      Scenario(
        seed: 3, fleetSize: 60, canaryCount: 0,
        policy: Scenario.policy(
          #"{"name": "stop", "stages": {"start": 5, "growth": 2, "soak": "5m"},"#
            + #""failureLimit": {"share": "5%", "minimum": 2}, "onAbort": "stop"}"#),
        traits: traits))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.status == .halted)
    #expect(report.tally[.returned] == 0)
  }

  @Test(arguments: Scenario.Sabotage.allCases)
  func `each built-in bug is found by the invariants`(sabotage: Scenario.Sabotage) {
    let found = (0..<200 as Range<UInt64>).contains { seed in
      var scenario =
        sabotage.isAboutConditions ? Scenario.heldBack(seed: seed) : Scenario.drawn(seed: seed)
      scenario.sabotage = sabotage
      return Simulation.run(scenario).violation != nil
    }
    #expect(found, "no seed of 200 shows \(sabotage)")
  }

  @Test func `a violation names its seed`() {
    let found = (0..<20 as Range<UInt64>).lazy.compactMap { seed in
      var scenario = Scenario.drawn(seed: seed)
      scenario.sabotage = .ignoresStages
      return Simulation.run(scenario).violation
    }.first
    #expect(found?.description.hasPrefix("seed \(found?.seed ?? 0), after ") == true)
  }
}

func share(_ basisPoints: Int) -> Share { Share(basisPoints: basisPoints) ?? .none }
