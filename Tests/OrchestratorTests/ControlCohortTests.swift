// ControlCohortTests: what the devices that are not updated say about silence and outages.

import RolloutEngine
import Testing
import UpdateModel

@testable import Orchestrator

@Suite struct ControlCohortTests {
  private static let start = Instant(milliseconds: 1_000_000_000_000)

  /// A look an hour after a step opened, two days into a rollout: of 100 devices `gone` fell silent
  /// a day ago and the others were heard just now.
  private func look(gone: Int) throws -> ControlSample {
    let policy = try Policy.read(Array(#"{"name": "p", "gate": {}}"#.utf8), file: "p")
    let terms = try #require(policy.evidence)
    let ids = try (0..<100).map { try DeviceID("d\($0)") }
    let now = ControlCohortTests.start + .hours(49)
    var heard: [DeviceID: Instant] = [:]
    for (number, id) in ids.enumerated() {
      heard[id] = number < gone ? now + Interval(milliseconds: -Interval.days(1).milliseconds) : now
    }
    var cohort = ControlCohort(ids.map { ($0, nil) })
    return cohort.look(
      terms: terms, poll: .hours(1), startedAt: ControlCohortTests.start,
      stepOpenedAt: ControlCohortTests.start + .hours(48), now: now, isGranted: { _ in false },
      lastHeard: { heard[$0] })
  }

  @Test func `devices that dropped out before the present step count as ordinary silence`() throws {
    let sample = try look(gone: 5)
    #expect(sample.devices == 100)
    #expect(sample.lost == 5)
  }

  @Test func `devices that dropped out before the present step are no outage`() throws {
    #expect(try look(gone: 60).heard == .whole)
  }
}
