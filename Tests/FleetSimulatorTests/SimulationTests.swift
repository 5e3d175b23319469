// SimulationTests: seeds over the real engine; a failure names the seed that shows it again.

import FleetSimulator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct SimulationTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a drawn rollout keeps every invariant and comes to rest`(seed: UInt64) {
    let report = Simulation.run(.drawn(seed: seed))
    #expect(report.violation == nil, "\(report.violation.map { "\($0)" } ?? "")")
  }
}
