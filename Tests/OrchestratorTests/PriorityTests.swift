// PriorityTests: which rollout a device is offered when several want it.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct PriorityTests {
  /// Two products for the same boards; rollouts of them never exclude each other.
  private func workshop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "2", component: "os")
    try shop.release("app", "2", component: "app")
    try shop.register("d1", version: "1")
    return shop
  }

  @Test func `a device is offered the rollout of the highest priority first, also after a restart`()
    throws
  {
    let shop = try workshop()
    try shop.roll("os-2", "os:2", terms: try RolloutTerms(priority: 600))
    try shop.roll("app-2", "app:2")
    try shop.restart()
    #expect(try shop.rollout("os-2").specification.terms.priority == 600)
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.standing("d1", "os-2") == .offered)
    #expect(try shop.standing("d1", "app-2") == nil)
  }

  @Test func `of equal priorities the newest rollout goes first`() throws {
    let shop = try workshop()
    try shop.roll("os-2", "os:2")
    try shop.roll("app-2", "app:2")
    _ = try shop.offer("d1")
    #expect(try shop.standing("d1", "app-2") == .offered)
  }

  @Test func `a device that downloads gives way to a higher priority and comes back to the other`()
    throws
  {
    let shop = try workshop()
    try shop.roll("app-2", "app:2", terms: try RolloutTerms(priority: 100))
    let low = try #require(try shop.offer("d1"))
    _ = try shop.fetch(low, "d1")
    try shop.roll("os-2", "os:2", terms: try RolloutTerms(priority: 900))
    guard case .cancel(low, _) = try shop.poll("d1") else {
      Issue.record("the device is asked to stop")
      return
    }
    #expect(try shop.explain("d1", "app-2").contains("asked to stop: gave way"))
    try shop.restart()
    try shop.report(.cancelAccepted, low, "d1", answersCancel: true)
    #expect(try shop.standing("d1", "app-2") == .postponed)
    #expect(try shop.rollout("app-2").tally.failures == 0)
    let high = try #require(try shop.offer("d1"))
    #expect(try shop.part("d1", "os-2")?.id == high)
    _ = try shop.fetch(high, "d1")
    try shop.report(.installed, high, "d1")
    try shop.describe("d1", ["version": "2"])
    // The version of both is 2 here, so what it says proves the app as well.
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
    _ = try shop.poll("d1")
    #expect(try shop.part("d1", "app-2")?.attempt == 1)
    #expect(try shop.standing("d1", "app-2") == .succeeded)
  }

  @Test func `an offer that nobody fetched gives way at once and is made again later`() throws {
    let shop = try workshop()
    try shop.roll("app-2", "app:2", terms: try RolloutTerms(priority: 100))
    _ = try #require(try shop.offer("d1"))
    try shop.roll("os-2", "os:2", overrides: [("retry.attempts", "1")])
    let high = try #require(try shop.offer("d1"))
    #expect(try shop.standing("d1", "os-2") == .offered)
    #expect(try shop.standing("d1", "app-2") == .postponed)
    _ = try shop.fetch(high, "d1")
    try shop.report(.failed, high, "d1")
    #expect(try shop.standing("d1", "os-2") == .failed)
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.standing("d1", "app-2") == .offered)
    #expect(try shop.part("d1", "app-2")?.attempt == 1)
  }

  @Test func `a device that installs finishes before a higher priority has it`() throws {
    let shop = try workshop()
    try shop.roll("app-2", "app:2", terms: try RolloutTerms(priority: 100))
    let low = try #require(try shop.offer("d1"))
    _ = try shop.fetch(low, "d1")
    try shop.report(.downloaded, low, "d1")
    try shop.roll("os-2", "os:2", terms: try RolloutTerms(priority: 900))
    #expect(try shop.offer("d1") == low)
    #expect(try shop.standing("d1", "app-2") == .installing)
  }

  @Test func `a higher priority that may not have the device now stops nobody`() throws {
    let shop = try workshop()
    try shop.register("d2", version: "1")
    try shop.roll("app-2", "app:2", terms: try RolloutTerms(priority: 100))
    let low = try #require(try shop.offer("d1"))
    _ = try shop.fetch(low, "d1")
    try shop.roll(
      "os-2", "os:2", overrides: [("limits.concurrent", "1")],
      terms: try RolloutTerms(priority: 900))
    // The only slot goes to another device.
    #expect(try shop.offer("d2") != nil)
    #expect(try shop.offer("d1") == low)
    try shop.steer(.pause, "os-2")
    #expect(try shop.offer("d1") == low)
  }
}
