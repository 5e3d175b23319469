// SilenceTests: weaknesses that simulation found in the engine, mended since; they stay mended.

import FleetSimulator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct SilenceTests {
  @Test(arguments: 0..<3 as Range<UInt64>)
  func `devices that fall silent after the offer do not hold up their stage for ever`(
    seed: UInt64
  ) {
    var traits = FleetTraits()
    traits.silentRate = share(1500)
    traits.silences = [.afterOffer]
    let report = Simulation.run(
      Scenario(
        seed: seed, fleetSize: 60, canaryCount: 10,
        policy: Scenario.policy(
          #"{"name": "patient", "stages": {"start": 10, "soak": "5m", "waitAtMost": "3h"},"#
            + #""canary": {"group": "staging", "soak": "5m", "waitAtMost": "3h"},"#
            + #""failureLimit": {"share": "50%"}}"#), traits: traits, horizon: .days(1)))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test(arguments: 0..<3 as Range<UInt64>)
  func `devices that wait to retry their way back do not use up the limit`(seed: UInt64) {
    var traits = FleetTraits()
    traits.failureRate = share(3000)
    traits.failingVersion = Scenario.newVersion
    var faults = FaultPlan()
    faults.corruptDownloads = share(3000)
    faults.lasting = .days(1)
    let report = Simulation.run(
      Scenario(
        seed: seed, fleetSize: 30, canaryCount: 0,
        policy: Scenario.policy(
          #"{"name": "narrow", "stages": {"start": 10, "soak": "5m"}, "#
            + #""failureLimit": {"share": "5%"}, "limits": {"concurrent": 1},"#
            + #""retry": {"attempts": 6, "backoff": "1m", "maximum": "2m"}}"#),
        traits: traits, faults: faults, horizon: .days(2)))
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test func `a way back ends although a device that took the release is silent for good`() {
    var traits = FleetTraits()
    traits.failureRate = share(3000)
    traits.failingVersion = Scenario.newVersion
    traits.silentRate = share(3000)
    traits.silences = [.afterUpdate]
    let reports = (0..<3 as Range<UInt64>).map { seed in
      Simulation.run(
        Scenario(
          seed: seed, fleetSize: 40, canaryCount: 0,
          policy: Scenario.policy(
            #"{"name": "wide", "stages": {"start": 40, "soak": "5m", "waitAtMost": "3h"}, "#
              + #""failureLimit": {"share": "5%", "minimum": 3}}"#), traits: traits,
          horizon: .days(1)))
    }
    #expect(reports.allSatisfy { $0.status == .rolledBack })
  }
}
