// SupersessionTests: two rollouts of one product: who gets what, and what the older one counts.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct SupersessionTests {
  private func workshop(_ devices: [String] = ["d1"]) throws -> Workshop {
    let shop = try Workshop()
    for version in ["1", "2", "3"] { try shop.release("os", version) }
    for device in devices { try shop.register(device, version: "1") }
    return shop
  }

  @Test func `a newer rollout of the same product takes the devices that have not begun`() throws {
    let shop = try workshop(["offered", "loading", "installing", "waiting", "new"])
    try shop.roll("second", "os:2")
    _ = try #require(try shop.offer("offered"))
    let loading = try #require(try shop.offer("loading"))
    _ = try shop.fetch(loading, "loading")
    let installing = try #require(try shop.offer("installing"))
    _ = try shop.fetch(installing, "installing")
    try shop.report(.downloaded, installing, "installing")
    let waiting = try #require(try shop.offer("waiting"))
    _ = try shop.fetch(waiting, "waiting")
    try shop.report(.failed, waiting, "waiting")
    try shop.roll("third", "os:3")
    #expect(try shop.rollout("second").status == .running)

    #expect(try shop.offer("offered") != nil)
    #expect(try shop.standing("offered", "third") == .offered)
    guard case .cancel(loading, _) = try shop.poll("loading") else {
      Issue.record("a device that downloads is asked to stop")
      return
    }
    try shop.report(.cancelAccepted, loading, "loading", answersCancel: true)
    #expect(try shop.offer("installing") == installing)
    for device in ["waiting", "new", "loading"] {
      #expect(try shop.offer(device) != nil)
      #expect(try shop.standing(device, "third") == .offered, "\(device)")
    }
    for device in ["offered", "loading", "waiting", "new"] {
      #expect(try shop.standing(device, "second") == .superseded, "\(device)")
      #expect(try shop.explain(device, "second").contains("superseded by rollout 2"), "\(device)")
    }
    #expect(try shop.rollout("second").tally[.superseded] == 4)
    #expect(try shop.rollout("second").tally.failures == 0)
    try shop.restart()
    #expect(try shop.rollout("second").tally[.superseded] == 4)
    #expect(try shop.offer("installing") == installing)
  }

  @Test func `devices outside the newer rollout stay with the older`() throws {
    let shop = try workshop(["lab", "field"])
    let group = DeviceGroup(name: try Name("lab"), membership: .explicit)
    _ = try shop.plane.putGroup(group, in: shop.room)
    _ = try shop.plane.editMembers(
      of: group.name, in: shop.room, add: [try DeviceID("lab")], remove: [])
    try shop.roll("second", "os:2")
    try shop.roll("third", "os:3", target: .group(group.name))
    _ = try shop.offer("lab")
    _ = try shop.offer("field")
    #expect(try shop.standing("lab", "third") == .offered)
    #expect(try shop.standing("field", "second") == .offered)
    // The older one has its quorum without the device that was taken.
    let id = try #require(try shop.part("field", "second")?.id)
    _ = try shop.fetch(id, "field")
    try shop.report(.installed, id, "field")
    try shop.describe("field", ["version": "2"])
    _ = try shop.poll("field")
    #expect(try shop.rollout("second").stages[0].settledAt != nil)
  }

  @Test func `an older rollout of higher priority goes first, and the newer one after it`() throws {
    let shop = try workshop()
    try shop.roll("second", "os:2", terms: try RolloutTerms(priority: 800))
    try shop.roll("third", "os:3")
    try shop.update("d1", to: "2")
    #expect(try shop.standing("d1", "second") == .succeeded)
    #expect(try shop.standing("d1", "third") == .offered)
    try shop.update("d1", to: "3")
    #expect(try shop.standing("d1", "third") == .succeeded)
    // That it runs something newer now is no failure of the older release.
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "second") == .succeeded)
    #expect(try shop.offer("d1") == nil)
  }

  @Test func `an older rollout never takes a device back that the newer one has changed`() throws {
    let shop = try workshop(["d1"])
    try shop.roll("second", "os:2", terms: try RolloutTerms(priority: 800))
    try shop.steer(.pause, "second")
    try shop.roll("third", "os:3")
    try shop.update("d1", to: "3")
    try shop.steer(.resume, "second")
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "second") == .superseded)
  }

  @Test func `a device that went on to the newer release is not brought back by the older rollout`()
    throws
  {
    let shop = try workshop()
    try shop.roll("second", "os:2")
    try shop.update("d1", to: "2")
    try shop.roll("third", "os:3")
    try shop.update("d1", to: "3")
    #expect(try shop.standing("d1", "third") == .succeeded)
    #expect(try shop.standing("d1", "second") == .succeeded)
    try shop.steer(.rollback, "second")
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "second") == .cancelled)
    #expect(try shop.rollout("second").status == .rolledBack)
    #expect(try shop.standing("d1", "third") == .succeeded)
  }

  @Test func `a newer rollout that cannot serve a device leaves it to the older`() throws {
    let shop = try workshop(["d1", "d2"])
    try shop.release("os", "4", floors: ReleaseFloors(floor: "os:3"))
    try shop.describe("d2", ["version": "3"])
    try shop.roll("second", "os:2")
    try shop.setStatus(.revoked, of: "os:3")
    try shop.roll("fourth", "os:4")
    #expect(try shop.explain("d1", "fourth").contains("which is revoked"))
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.standing("d1", "second") == .offered)
  }

  @Test func `a stopped newer rollout takes nothing, and the older one goes on`() throws {
    let shop = try workshop()
    try shop.roll("second", "os:2")
    try shop.roll("third", "os:3")
    try shop.steer(.abort, "third")
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.standing("d1", "second") == .offered)
  }

  @Test func `a rollout whose devices a complete one has had is closed`() throws {
    let shop = try workshop()
    try shop.roll("second", "os:2")
    try shop.roll("third", "os:3", overrides: [("stages", #"[{"upTo": "100%", "soak": "0s"}]"#)])
    try shop.update("d1", to: "3")
    shop.plane.advance()
    #expect(try shop.rollout("third").status == .completed)
    #expect(try shop.rollout("second").status == .closed)
    #expect(try shop.rollout("second").tally[.superseded] == 1)
    try shop.restart()
    #expect(try shop.rollout("second").status == .closed)
  }

  @Test func `rollouts of different products on the same component still exclude each other`()
    throws
  {
    let shop = try workshop()
    try shop.release("other", "9")
    try shop.roll("second", "os:2")
    try shop.create("strange", "other:9")
    #expect(throws: Problem.self) { try shop.steer(.start, "strange") }
  }
}
