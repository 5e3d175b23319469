// EvidenceSimulationTests: the statistical gate in the simulation: what it must do in the end.

import FleetSimulator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct EvidenceSimulationTests {
  private func scenario(
    seed: UInt64, _ gate: String = "", size: Int = 120, onAbort: String = "rollback"
  ) -> Scenario {
    var traits = FleetTraits()
    traits.poll = .minutes(10)
    return Scenario(
      seed: seed, fleetSize: size, canaryCount: 0,
      policy: Scenario.policy(
        #"{"name": "gate", "gate": {"soak": "30m", "first": 3\#(gate)}, "#
          + #""timeouts": {"accept": "30m", "download": "70m", "install": "70m","#
          + #""verify": "70m"}, "onAbort": "\#(onAbort)"}"#),
      traits: traits, horizon: .days(6))
  }

  private func expectSound(_ report: SimulationReport) {
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `a good release reaches every model, newcomers of an unknown one too, through an outage`(
    seed: UInt64
  ) {
    var scenario = scenario(seed: seed)
    scenario.models = [
      .init(name: "a", weight: 3), .init(name: "b", weight: 1), .init(name: "n", weight: 0),
    ]
    scenario.newcomers = .init(count: 5, within: .hours(6))
    scenario.faults.outageAfter = .minutes(95)
    scenario.faults.outageLength = .hours(4)
    let report = Simulation.run(scenario)
    expectSound(report)
    #expect(report.status == .completed)
    #expect(report.tally[.succeeded] == 125)
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `a model that the release bricks is taken out early and the others get it`(seed: UInt64) {
    var scenario = scenario(seed: seed, size: 150)
    scenario.models = [
      .init(name: "a", weight: 6), .init(name: "b", weight: 5),
      .init(name: "c", weight: 3, fault: .bricks),
    ]
    let report = Simulation.run(scenario)
    expectSound(report)
    #expect(report.status == .completed)
    let bricked = report.tally[.lost] + report.tally[.installing] + report.tally[.verifying]
    #expect(bricked <= 8, "seed \(seed): \(bricked) of the model were lost")
    #expect(report.tally[.succeeded] > 100)
  }

  @Test(arguments: 0..<4 as Range<UInt64>)
  func `a release that goes bad after hours is stopped, and those that have it are brought back`(
    seed: UInt64
  ) {
    var scenario = scenario(seed: seed)
    scenario.traits.lateFailures = share(8000)
    scenario.traits.lateness = .hours(3)
    scenario.traits.failingVersion = Scenario.newVersion
    let report = Simulation.run(scenario)
    expectSound(report)
    #expect(report.status == .rolledBack)
    #expect(report.tally[.succeeded] == 0)
  }

  @Test func `devices that are away for days do not hold up the others, and are served later`() {
    var scenario = scenario(seed: 5, #", "tolerance": "20%""#)
    scenario.faults.absent = share(1500)
    let report = Simulation.run(scenario)
    expectSound(report)
    #expect(report.status == .completed)
    #expect(report.tally[.succeeded] == 120)
  }

  @Test func `seeds draw both kinds of policy and every kind of trouble`() {
    let drawn = (0..<200 as Range<UInt64>).map(Scenario.drawn)
    let gates = drawn.filter { $0.policy.evidence != nil }
    #expect((80...120).contains(gates.count))
    #expect(gates.contains { $0.canaryCount > 0 && $0.policy.canary != nil })
    #expect(gates.contains { $0.policy.stages != .adaptive })
    #expect(gates.contains { $0.policy.approve.above != nil })
    #expect(gates.contains { $0.isHealthy && $0.faults.outageAfter != nil })
    for fault in Scenario.HardwareModel.Fault.allCases {
      #expect(gates.contains { $0.models.contains { $0.fault == fault } }, "\(fault)")
    }
    #expect(gates.contains { $0.faults.absent > .none })
    #expect(gates.contains { ($0.newcomers?.count ?? 0) > 0 && $0.models.last?.weight == 0 })
    #expect(drawn.contains { $0.policy.evidence == nil && $0.faults.outageAfter != nil })
    #expect(drawn.contains { $0.traits.lateFailures > .none })
  }
}
