// ServiceSimulationTests: seeds over the real service; a failure names the seed that shows it again.

import FleetSimulator
import ServiceSimulator
import Testing
import UpdateModel

@Suite struct ServiceSimulationTests {
  private static let images = Result { try SimulationImages() }

  @Test(arguments: 0..<80 as Range<UInt64>)
  func `the service keeps its promises in a bad world and comes to rest`(seed: UInt64) throws {
    let report = ServiceSimulation.run(
      .drawn(seed: seed), images: try ServiceSimulationTests.images.get())
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test func `the same seed gives the same run and another seed another`() throws {
    let images = try ServiceSimulationTests.images.get()
    let first = ServiceSimulation.run(.drawn(seed: 7), images: images)
    #expect(first == ServiceSimulation.run(.drawn(seed: 7), images: images))
    #expect(first.digest != ServiceSimulation.run(.drawn(seed: 8), images: images).digest)
  }
}
