// EvidenceTests: what a service makes of silence, outages, kinds of devices and reported numbers.

import FleetStore
import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct EvidenceTests {
  /// A fleet of two models, 90 and 30 devices, on version 1; the rollout of version 2 has started.
  private func shop(metric: String = "attr.crashes") throws -> Workshop {
    let shop = try Workshop()
    for model in ["a", "b"] { try shop.release("os-\(model)", "1", hardware: "board-\(model)") }
    let artifacts = try ["a", "b"].map {
      try shop.upload("next-\($0)", "2", hardware: "board-\($0)").id
    }
    _ = try shop.plane.createRelease(
      named: try Name("os"), version: try FirmwareVersion("2"), notes: "", artifacts: artifacts,
      in: shop.room)
    try shop.setStatus(.published, of: "os:2")
    for device in EvidenceTests.fleet {
      try shop.register(device, hardware: "board-\(device.prefix(1))", version: "1")
    }
    try shop.pollAll()
    try shop.roll(
      "r", "os:2", policy: "proof",
      overrides: [(path: "gate.metrics", value: #"[{"name": "\#(metric)", "kind": "count"}]"#)])
    return shop
  }

  fileprivate static let fleet = (0..<90).map { "a\($0)" } + (0..<30).map { "b\($0)" }

  @Test func `the first step reaches five devices of each model, whoever polls`() throws {
    let shop = try shop()
    let granted = try EvidenceTests.fleet.filter { try shop.offer($0) != nil }
    #expect(granted.count { $0.hasPrefix("a") } == 5)
    #expect(granted.count { $0.hasPrefix("b") } == 5)
  }

  @Test func `a healthy release reaches everybody, step by step`() throws {
    let shop = try shop()
    for _ in 0..<30 where try shop.rollout("r").status != .completed {
      try shop.updateAll()
      try shop.live(.minutes(12))
    }
    let rollout = try shop.rollout("r")
    #expect(rollout.status == .completed)
    #expect(rollout.tally[.succeeded] == 120)
    #expect(rollout.stages.count > 2)
  }

  @Test func `a model that falls silent is quarantined; its kind is kept from later rollouts`()
    throws
  {
    let shop = try shop()
    var lost: Set<String> = []
    for device in EvidenceTests.fleet {
      guard let id = try shop.offer(device) else { continue }
      _ = try shop.fetch(id, device)
      if device.hasPrefix("b") {
        try shop.report(.downloaded, id, device)
        lost.insert(device)
      } else {
        try shop.succeed(id, device)
      }
    }
    try shop.live(.minutes(45), without: lost)
    let rollout = try shop.rollout("r")
    let quarantined = rollout.strata.filter { $0.quarantine != nil }
    #expect(quarantined.map(\.label) == ["hardware=board-b"])
    #expect(rollout.status == .running)
    let safeguards = shop.plane.safeguards(in: shop.room)
    #expect(safeguards.map(\.filter.description) == ["hardware=board-b"])
    #expect(
      try EvidenceTests.fleet.filter { $0.hasPrefix("b") && !lost.contains($0) }
        .allSatisfy { try shop.offer($0) == nil })

    try shop.restart()
    #expect(try shop.rollout("r").strata.filter { $0.quarantine != nil }.count == 1)
    #expect(shop.plane.safeguards(in: shop.room).count == 1)
    _ = try shop.plane.liftSafeguard(1, by: "ann", in: shop.room)
    #expect(try shop.rollout("r").strata.allSatisfy { $0.quarantine == nil })
  }

  @Test func `when everybody falls silent it is an outage, and nobody is lost`() throws {
    let shop = try shop()
    for device in EvidenceTests.fleet {
      guard let id = try shop.offer(device) else { continue }
      try shop.succeed(id, device)
    }
    try shop.live(.hours(6), without: Set(EvidenceTests.fleet))
    let rollout = try shop.rollout("r")
    #expect(rollout.tally[.lost] == 0)
    #expect(rollout.strata.allSatisfy { $0.evidence.lost == 0 && $0.quarantine == nil })
    #expect(try shop.plane.rollout("r", in: shop.room).reason.hasPrefix("outage:"))
    try shop.live(.hours(1))
    #expect(try shop.rollout("r").status == .running)
    #expect(try shop.rollout("r").stages.count > 1)
  }

  @Test func `a device that was lost counts as alive when it polls again`() throws {
    let shop = try shop()
    let device = try #require(try EvidenceTests.fleet.first { try shop.offer($0) != nil })
    let id = try #require(try shop.offer(device))
    try shop.succeed(id, device)
    try shop.live(.minutes(40), without: [device])
    #expect(try shop.rollout("r").strata[0].evidence.lost == 1)
    _ = try shop.poll(device)
    #expect(try shop.rollout("r").strata[0].evidence.lost == 0)
  }

  @Test func `a device that registers late takes its place under the same gate`() throws {
    let shop = try shop()
    for _ in 0..<30 where try shop.rollout("r").status != .completed {
      try shop.updateAll()
      try shop.live(.minutes(12))
    }
    try shop.register("a-late", hardware: "board-a", version: "1")
    try shop.release("os-c", "1", hardware: "board-c")
    #expect(try shop.offer("a-late") != nil)
    #expect(try shop.rollout("r").strata[0].size == 91)
  }

  @Test func `counters survive a restart`() throws {
    let shop = try shop()
    for device in EvidenceTests.fleet {
      guard let id = try shop.offer(device) else { continue }
      try shop.succeed(id, device)
    }
    let before = try shop.rollout("r")
    try shop.restart()
    let after = try shop.rollout("r")
    #expect(after.strata.map(\.evidence.exposed) == before.strata.map(\.evidence.exposed))
    #expect(after.strata.map(\.opened) == before.strata.map(\.opened))
    #expect(after.stages == before.stages)
    try shop.live(.minutes(12))
    #expect(try shop.rollout("r").stages.count == 2)
  }

  @Test(arguments: ["attr.crashes", "attr.health.crashes"])
  func `crashes on updated devices only stop the rollout`(metric: String) throws {
    let shop = try shop(metric: metric)
    for device in EvidenceTests.fleet {
      guard let id = try shop.offer(device) else { continue }
      try shop.succeed(id, device)
    }
    for hour in 1...30 where try !shop.rollout("r").status.isStopped {
      shop.clock.advance(.hours(1))
      for device in EvidenceTests.fleet {
        let isUpdated = try shop.part(device, "r") != nil
        try crash(isUpdated ? 5 * hour : hour / 10, device, metric, in: shop)
        _ = try shop.poll(device)
      }
      if try shop.rollout("r").strata.contains(where: { $0.quarantine != nil }) { break }
    }
    let rollout = try shop.rollout("r")
    let isNoticed = rollout.status.isStopped || rollout.strata.contains { $0.quarantine != nil }
    #expect(isNoticed)
    let words = rollout.stop?.description ?? rollout.strata.compactMap(\.quarantine?.reason).first
    #expect(words?.contains(metric) == true)
  }

  @Test func `a counter below zero says nothing, however far it jumps`() throws {
    let metric = "attr.crashes"
    let shop = try shop(metric: metric)
    let before = try shop.rollout("r").strata.map(\.evidence)
    for count in [-1, Int.max, Int.min, Int.max, -1] {
      shop.clock.advance(.hours(1))
      try crash(count, "a80", metric, in: shop)
    }
    #expect(try shop.rollout("r").strata.map(\.evidence) == before)
  }

  // Says how often a device has crashed, where the metric looks for it.
  private func crash(_ count: Int, _ device: String, _ metric: String, in shop: Workshop) throws {
    let number = JSON.integer(Int64(count))
    _ = try shop.plane.report(
      by: try DeviceID(device),
      metric == "attr.crashes" ? ["crashes": number] : ["health": ["crashes": number]],
      in: shop.room)
  }

  @Test func `devices come back a few at a time`() throws {
    let shop = try shop()
    for _ in 0..<30 where try shop.rollout("r").status != .completed {
      try shop.updateAll()
      try shop.live(.minutes(12))
    }
    try shop.steer(.rollback, "r")
    let first = try EvidenceTests.fleet.filter { try shop.offer($0) != nil }
    #expect(first.count == 10)
    for device in first {
      let id = try #require(try shop.offer(device))
      _ = try shop.fetch(id, device)
      try shop.report(.installed, id, device)
      try shop.describe(device, ["version": "1"])
      _ = try shop.poll(device)
    }
    let second = try EvidenceTests.fleet.filter { try shop.offer($0) != nil }
    #expect(second.count == 110)
  }
}

extension Workshop {
  func pollAll(without silent: Set<String> = []) throws {
    for device in EvidenceTests.fleet where !silent.contains(device) { _ = try poll(device) }
  }

  /// Time passes; devices poll every five minutes, the service looks every minute.
  func live(_ length: Interval, without silent: Set<String> = []) throws {
    for minute in 0..<Int(length.wholeSeconds / 60) {
      clock.advance(.minutes(1))
      if minute % 5 == 4 { try pollAll(without: silent) }
      plane.advance()
    }
  }

  /// A device that was offered the release installs it and proves it.
  func succeed(_ id: ActionID, _ device: String) throws {
    _ = try fetch(id, device)
    try report(.installed, id, device)
    try describe(device, ["version": "2"])
    _ = try poll(device)
  }

  /// Everybody who is offered the release takes it.
  func updateAll() throws {
    for device in EvidenceTests.fleet {
      if let id = try offer(device) { try succeed(id, device) }
    }
  }
}

@Suite struct AmendmentTests {
  @Test func `a changed limit is effective for the next grant, and survives a restart`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    for number in 0..<3 { try shop.register("d\(number)") }
    try shop.roll("r", "os:2", overrides: [("limits.concurrent", "1")])
    #expect(try shop.offer("d0") != nil)
    #expect(try shop.offer("d1") == nil)
    _ = try shop.plane.amend(
      "r", overrides: [("limits.concurrent", "2")], by: "ann", in: shop.room)
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.offer("d2") == nil)
    try shop.restart()
    #expect(try shop.rollout("r").policy.limits.concurrent == 2)
    #expect(try shop.offer("d2") == nil)
  }

  @Test func `what was planned from a policy cannot be changed under way`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d0")
    try shop.roll("r", "os:2", policy: "proof")
    for (path, value) in [("gate.soak", "1h"), ("stages", "[]"), ("gate.strata", "[\"tag.x\"]")] {
      #expect(throws: Problem.self) {
        try shop.plane.amend("r", overrides: [(path, value)], by: "ann", in: shop.room)
      }
    }
    _ = try shop.plane.amend("r", overrides: [("gate.budget", "99")], by: "ann", in: shop.room)
    #expect(try shop.rollout("r").policy.evidence?.budget == 99)
  }
}

@Suite struct LateSuccessTests {
  @Test func `a device whose success came for the attempt before is asked what it runs`() throws {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    try shop.register("d0", version: "1")
    try shop.roll("r", "os:2", overrides: [("retry.backoff", "1s"), ("retry.maximum", "1s")])
    let first = try #require(try shop.offer("d0"))
    _ = try shop.fetch(first, "d0")
    shop.clock.advance(.days(1))
    shop.plane.advance()
    shop.clock.advance(.minutes(1))
    let second = try #require(try shop.offer("d0"))
    #expect(second != first)
    try shop.report(.installed, first, "d0")
    guard case .deployment(_, let terms) = try shop.poll("d0") else {
      Issue.record("the offer stands")
      return
    }
    #expect(terms.wantsAttributes)
    try shop.describe("d0", ["version": "2"])
    _ = try shop.poll("d0")
    try shop.steer(.rollback, "r")
    #expect(try shop.offer("d0") != nil)
    #expect(try shop.part("d0", "r")?.kind == .rollback)
  }
}
