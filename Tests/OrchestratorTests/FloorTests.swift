// FloorTests: devices walk over the floors of a release, and never below an anti-rollback floor.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct FloorTests {
  private func floor(_ text: String) -> ReleaseFloors { ReleaseFloors(floor: text) }

  /// os:1, os:2, os:3 above 2, os:4 above 3.
  private func workshop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    try shop.release("os", "3", floors: floor("os:2"))
    try shop.release("os", "4", floors: floor("os:3"))
    return shop
  }

  @Test func `a device takes every floor within the same action before the release`() throws {
    let shop = try workshop()
    try shop.register("d1", version: "1")
    try shop.roll("os-4", "os:4")
    #expect(try shop.explain("d1", "os-4").contains("takes os:2 first, a floor of os:4"))
    for version in ["2", "3"] {
      #expect(try shop.offer("d1") != nil)
      #expect(try shop.fetchedVersion("d1", "os-4") == version)
      try shop.update("d1", to: version)
      #expect(try shop.standing("d1", "os-4") == .offered)
      try shop.restart()
    }
    #expect(try shop.fetchedVersion("d1", "os-4") == "4")
    try shop.update("d1", to: "4")
    #expect(try shop.standing("d1", "os-4") == .succeeded)
    #expect(try shop.rollout("os-4").tally.participants == 1)
    // The way back leads to what it ran at first, not to a floor.
    try shop.steer(.rollback, "os-4")
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.fetchedVersion("d1", "os-4") == "1")
  }

  @Test func `a device that runs the floor or something newer skips it, an unknown one does not`()
    throws
  {
    let shop = try workshop()
    for (device, version) in [("at", "3"), ("below", "2"), ("odd", "custom")] {
      try shop.register(device, version: version)
    }
    try shop.roll("os-4", "os:4")
    let first = ["at": "4", "below": "3", "odd": "2"]
    for (device, version) in first.sorted(by: { $0.key < $1.key }) {
      _ = try #require(try shop.offer(device))
      #expect(try shop.fetchedVersion(device, "os-4") == version, "\(device)")
    }
  }

  @Test func `a failure at a floor counts like any other`() throws {
    let shop = try workshop()
    try shop.register("d1", version: "2")
    try shop.roll("os-4", "os:4", overrides: [("retry.attempts", "1")])
    let id = try #require(try shop.offer("d1"))
    _ = try shop.fetch(id, "d1")
    try shop.report(.failed, id, "d1")
    #expect(try shop.standing("d1", "os-4") == .failed)
    #expect(try shop.rollout("os-4").tally.failures == 1)
  }

  @Test func `a device that cannot say that it runs the floor goes no further`() throws {
    let shop = try workshop()
    try shop.register("mute")
    try shop.roll("os-3", "os:3")
    try shop.install("mute")
    _ = try shop.poll("mute")
    #expect(try shop.standing("mute", "os-3") == .undelivered)
    #expect(try shop.explain("mute", "os-3").contains("cannot say what it runs"))
    #expect(try shop.rollout("os-3").tally.failures == 0)
  }

  @Test func `a repeated report about the floor says nothing about the release`() throws {
    let shop = try workshop()
    try shop.register("d1", version: "2")
    try shop.register("d2", version: "2")
    try shop.roll("os-4", "os:4", overrides: [("limits.concurrent", "1")])
    let floor = try shop.install("d1")
    try shop.describe("d1", ["version": "3"])
    // The slot of the device is free for a moment and another one has it.
    try shop.steer(.pause, "os-4")
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-4") == .retrying)
    try shop.report(.installed, floor, "d1")
    #expect(try shop.standing("d1", "os-4") == .retrying)
    try shop.steer(.resume, "os-4")
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.fetchedVersion("d1", "os-4") == "4")
  }

  @Test func `a device that stopped on a floor is brought back to where it began`() throws {
    let shop = try workshop()
    try shop.register("d1", version: "2")
    try shop.roll("os-4", "os:4")
    try shop.update("d1", to: "3")
    #expect(try shop.standing("d1", "os-4") == .offered)
    try shop.steer(.rollback, "os-4")
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.fetchedVersion("d1", "os-4") == "2")
  }

  @Test func `floors that cannot be are refused when the release is made`() throws {
    let shop = try workshop()
    try shop.release("app", "1", component: "app")
    for text in ["os:5", "self", "os:9", "app:1", "77"] {
      #expect(throws: Problem.self, "\(text)") { try shop.release("os", "5", floors: floor(text)) }
    }
    for text in ["os:9", "app:1"] {
      #expect(throws: Problem.self, "\(text)") {
        try shop.release("os", "5", floors: ReleaseFloors(rollbackFloor: text))
      }
    }
    // os:4 has two floors before it; eight may be.
    for version in 5...10 {
      try shop.release("os", "\(version)", floors: floor("os:\(version - 1)"))
    }
    let problem = #expect(throws: Problem.self) {
      try shop.release("os", "11", floors: floor("os:10"))
    }
    #expect(problem?.detail.contains("at most 8") == true)
  }

  @Test func `a revoked floor bars the way with its reason, in explain and in the plan`() throws {
    let shop = try workshop()
    try shop.register("d1", version: "1")
    try shop.register("d2", version: "2")
    try shop.roll("os-3", "os:3")
    try shop.setStatus(.revoked, of: "os:2")
    #expect(try shop.offer("d1") == nil)
    let reason = "it must first run os:2, a floor of os:3, which is revoked"
    #expect(try shop.explain("d1", "os-3").contains(reason))
    #expect(try shop.offer("d2") != nil)
    #expect(
      try shop.warnings("os:3").contains("1 targeted devices are left out: \(reason)"))
  }

  @Test func `a plan tells how many devices take a floor first`() throws {
    let shop = try workshop()
    for (device, version) in [("a", "1"), ("b", "1"), ("c", "3")] {
      try shop.register(device, version: version)
    }
    #expect(
      try shop.warnings("os:4")
        .contains("2 devices first take os:2, a floor of os:4, and then go on"))
  }
}

@Suite struct AntiRollbackTests {
  private func workshop(_ floors: ReleaseFloors = ReleaseFloors(rollbackFloor: "self")) throws
    -> Workshop
  {
    let shop = try Workshop()
    try shop.release("os", "1.0")
    try shop.release("os", "2.0", floors: floors)
    try shop.register("d1", version: "1.0")
    return shop
  }

  private static let reason = "cannot go back: anti-rollback floor 2.0 of release os:2.0"

  @Test func `a device that ran a release with an anti-rollback floor is stranded, with reason`()
    throws
  {
    let shop = try workshop()
    try shop.register("d2", version: "1.0")
    try shop.roll("os-2", "os:2.0")
    try shop.update("d1", to: "2.0")
    try shop.steer(.rollback, "os-2")
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .stranded)
    let listed = try shop.plane.participants(
      of: "os-2", in: shop.room, standing: .stranded, after: nil, limit: 10)
    #expect(listed.map(\.part.action.failure?.detail) == [AntiRollbackTests.reason])
    #expect(try shop.explain("d1", "os-2").contains(AntiRollbackTests.reason))
    try shop.restart()
    #expect(try shop.explain("d1", "os-2").contains(AntiRollbackTests.reason))
  }

  @Test func `a plan warns of the devices that could not go back, and why`() throws {
    let shop = try workshop()
    try shop.register("d2", version: "1.0")
    try shop.register("other", version: "unknown")
    let warnings = try shop.warnings("os:2.0")
    #expect(
      warnings.contains {
        $0.hasPrefix("2 devices could not go back once they run os:2.0: anti-rollback floor 2.0")
      }, "\(warnings)")
  }

  @Test func `a floor that still allows what ran before bars no way back`() throws {
    let shop = try workshop(ReleaseFloors(rollbackFloor: "os:1.0"))
    #expect(try shop.warnings("os:2.0").allSatisfy { !$0.contains("anti-rollback") })
    try shop.roll("os-2", "os:2.0")
    try shop.update("d1", to: "2.0")
    try shop.steer(.rollback, "os-2")
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.fetchedVersion("d1", "os-2") == "1.0")
  }

  @Test func `a device keeps the floor of what it once ran, over releases and restarts`() throws {
    let shop = try workshop()
    try shop.release("os", "3.0")
    try shop.describe("d1", ["version": "2.0"])
    shop.clock.advance(.seconds(1))
    try shop.describe("d1", ["version": "3.0"])
    try shop.flush()
    try shop.restart()
    try shop.register("new", version: "2.5")
    try shop.roll("down", "os:1.0")
    #expect(try shop.offer("d1") == nil)
    #expect(
      try shop.explain("d1", "down").contains(
        "not in this rollout: anti-rollback floor 2.0 of release os:2.0"))
    try shop.steer(.abort, "down")
    try shop.roll("two", "os:2.0")
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a device that never ran the release has no floor`() throws {
    let shop = try workshop()
    try shop.release("os", "3.0")
    try shop.describe("d1", ["version": "3.0"])
    try shop.roll("down", "os:1.0")
    #expect(try shop.offer("d1") != nil)
  }
}

extension Workshop {
  /// The version of the release that a device is given.
  func fetchedVersion(_ device: String, _ rollout: String) throws -> String? {
    guard let id = try part(device, rollout)?.id else { return nil }
    return try fetch(id, device)?.release.version.text
  }

  /// What a plan of a release warns of.
  func warnings(_ release: String) throws -> [String] {
    try plane.plan(
      RolloutRequest(release: release, policy: "open", overrides: [], target: nil), in: room
    ).warnings
  }
}
