// ServiceSimulationTests: seeds over the real service; a failure names the seed that shows it.

import FleetSimulator
import Glibc
import ServiceSimulator
import Testing
import UpdateModel

@Suite struct ServiceSimulationTests {
  private static let images = Result { try SimulationImages() }

  private static let seeds: Range<UInt64> = {
    // Only asked whether it begins with 1, as Tools/test sets it.
    let isLong = getenv("GROUNDSWELL_LONG_TESTS").map { $0.pointee == 49 } ?? false
    return 0..<(isLong ? 2000 : 80)
  }()

  @Test(arguments: seeds)
  func `the service keeps its promises in a bad world and comes to rest`(seed: UInt64) throws {
    let report = ServiceSimulation.run(
      .drawn(seed: seed), images: try ServiceSimulationTests.images.get())
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
  }

  @Test(arguments: [7, 34, 52] as [UInt64])
  func `the same seed gives the same run and another seed another`(seed: UInt64) throws {
    let images = try ServiceSimulationTests.images.get()
    let first = ServiceSimulation.run(.drawn(seed: seed), images: images, keepsStory: true)
    #expect(first == ServiceSimulation.run(.drawn(seed: seed), images: images, keepsStory: true))
    #expect(
      first.digest != ServiceSimulation.run(.drawn(seed: seed + 1), images: images).digest)
  }

  @Test func `the worlds are bad enough: crashes, disk troubles, jumps, stops and returns occur`()
    throws
  {
    let images = try ServiceSimulationTests.images.get()
    var statuses: Set<String> = []
    var restarts = 0
    var story = ""
    for seed in 0..<24 as Range<UInt64> {
      let report = ServiceSimulation.run(.drawn(seed: seed), images: images, keepsStory: true)
      statuses.formUnion(report.statuses)
      restarts += report.restartCount
      story += report.story.joined(separator: "\n")
    }
    #expect(statuses.isSuperset(of: ["completed", "rolled-back"]))
    #expect(restarts > 24)
    for words in [
      "the power fails", "an orderly restart", "the clock jumps back", "the clock jumps forward",
      "the disk is full", "the disk is failing", "loses its power", "is away until",
      "pause is done", "resume of r1 is done", "register is done", ": 503 ", ": 304 ",
      "desire is done", "label is done", "send is done", "recall is done", "job is done",
      "is accepted #", "is done #", "is failed #", "is rejected #",
    ] {
      #expect(story.contains(words), "no run has: \(words)")
    }
  }

  @Test(arguments: [Share.none, .whole])
  func `an uneventful run answers everybody and brings the release to every device`(
    native: Share
  ) throws {
    let images = try ServiceSimulationTests.images.get()
    var scenario = ServiceScenario.drawn(seed: 0)
    scenario.scale = 1
    scenario.deviceCount = 12
    scenario.canaryCount = 0
    scenario.policy =
      #"{"name": "drawn", "stages": {"start": 3, "soak": "5m"}, "failureLimit": {"share": "5%"}}"#
    scenario.traits = .init()
    scenario.native = native
    scenario.network = .init()
    scenario.world = .init()
    let report = ServiceSimulation.run(scenario, images: images)
    #expect(report.violation == nil, "\(report.violation?.description ?? "")")
    #expect(report.statuses == ["completed"])
    #expect(report.grantCount == 12)
  }
}
