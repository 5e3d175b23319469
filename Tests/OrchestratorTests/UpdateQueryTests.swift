// UpdateQueryTests: how updates go, asked of the whole fleet.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct UpdateQueryTests {
  private let shop: Workshop

  /// d1 failed, d2 downloads, d3 was offered it, d4 has it, d5 is not in the rollout.
  init() throws {
    shop = try Workshop()
    for number in 1...5 {
      try shop.register("d\(number)", version: "1", tags: ["lab": "\(number == 5)"])
    }
    try shop.release("os", "2")
    try shop.roll(
      "r", "os:2", overrides: [("retry.attempts", "1")],
      target: .filter(try DeviceFilter("tag.lab=false")))
    let failing = try #require(try shop.offer("d1"))
    _ = try shop.fetch(failing, "d1")
    _ = shop.plane.record(
      DeviceReport(
        meaning: .failed, word: "failed", text: "no kernel", code: 7, errorClass: "boot"),
      of: try DeviceID("d1"), action: failing, answersCancel: false, in: shop.room)
    let loading = try #require(try shop.offer("d2"))
    _ = try shop.fetch(loading, "d2")
    try shop.report(.progress(percent: 40), loading, "d2")
    _ = try shop.offer("d3")
    try shop.update("d4", to: "2")
  }

  private func ask(_ query: String) throws -> FleetAnswer {
    try shop.plane.query(try QueryStatement(query), in: shop.room)
  }

  // Conditions, and the devices that meet them.
  private static let rows: [(query: String, found: [String])] = [
    ("update.phase = 'failed'", ["d1"]), ("reported.update.phase = 'downloading'", ["d2"]),
    ("update.phase in ['offered', 'succeeded']", ["d3", "d4"]),
    ("update.phase != 'failed'", ["d2", "d3", "d4"]), ("not exists(update)", ["d5"]),
    ("update.phase = null", ["d5"]), ("reported.update.error.class = 'boot'", ["d1"]),
    ("update.error.text like '*kernel*'", ["d1"]), ("update.error.code = 7", ["d1"]),
    ("update.percent >= 40%", ["d2"]), ("update.percent > 40", []),
    ("update.attempt = 1 and update.rollout = 1", ["d1", "d2", "d3", "d4"]),
    ("update.rollout = 2", []), ("update.since < 1h", ["d1", "d2", "d3", "d4"]),
    ("update.nothing = 1", []), ("update[0] = 1", []), ("update.phase.more = 1", []),
  ]

  @Test func `devices are found by how their update goes`() throws {
    for (query, found) in UpdateQueryTests.rows {
      let answer = try ask(query)
      #expect(answer.devices.map(\.id) == found, "\(query)")
      #expect(answer.count == found.count)
      for device in ["d1", "d2", "d3", "d4", "d5"] {
        let verdict = shop.plane.explain(
          try Query(query), for: try DeviceID(device), in: shop.room)
        #expect((verdict == .holds) == found.contains(device), "\(query) for \(device)")
      }
    }
  }

  @Test func `how updates go is counted, shown and ordered by`() throws {
    let counted = try ask("group by update.phase")
    #expect(counted.count == 5 && counted.groups.count == 5)
    #expect(counted.groups.allSatisfy { $0.count == 1 })
    #expect(counted.groups.contains { $0.values == [nil] })
    let shown = try ask(
      "exists(update) select update.phase, update.percent order by update.percent desc limit 1")
    #expect(shown.devices.map(\.id) == ["d2"] && shown.hasMore)
    #expect(shown.devices.first?.values == [.text("downloading"), .json(40)])
  }

  @Test func `an answer is of its moment and nothing of it is kept`() throws {
    #expect(try ask("update.phase = 'succeeded'").count == 1)
    try shop.update("d3", to: "2")
    #expect(try ask("update.phase = 'succeeded'").count == 2)
    try shop.restart()
    #expect(try ask("update.phase = 'succeeded'").count == 2)
    #expect(try ask("update.phase = 'failed' and update.error.text like '*kernel*'").count == 1)
  }

  @Test func `what devices say below update is theirs and is asked for by its whole name`() throws {
    try shop.describe("d5", ["update.phase": "failed"])
    #expect(try ask("update.phase = 'failed'").devices.map(\.id) == ["d1"])
    #expect(try ask("reported.\"update.phase\" = 'failed'").devices.map(\.id) == ["d5"])
    #expect(try ask("attr.update.phase=failed").devices.map(\.id) == ["d5"])
  }

  @Test func `groups, rollouts and jobs cannot be chosen by how updates go`() throws {
    let query = try Query("update.phase = 'failed'")
    let group = problem {
      _ = try shop.plane.putGroup(
        DeviceGroup(name: try Name("failed"), membership: .query(query)), in: shop.room)
    }
    let rollout = problem { try shop.create("again", "os:2", target: .query(query)) }
    let job = problem { _ = try shop.startJob("x", to: .query(query)) }
    for refused in [group, rollout, job] {
      #expect(refused?.kind == .invalidRequest)
      #expect("\(String(describing: refused))".contains("cannot follow from update"))
    }
  }
}
