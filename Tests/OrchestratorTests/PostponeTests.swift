// PostponeTests: devices that say "not now", and devices that come while a rollout runs.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct PostponeTests {
  private func workshop(_ overrides: [(path: String, value: String)] = []) throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "2")
    for device in ["d1", "d2"] { try shop.register(device, version: "1") }
    try shop.roll("os-2", "os:2", overrides: overrides)
    return shop
  }

  @Test func `a postponed device holds no slot and says why, also after a restart`() throws {
    let shop = try workshop([("limits.concurrent", "1")])
    let id = try #require(try shop.offer("d1"))
    #expect(try shop.offer("d2") == nil)
    try shop.report(.rejected, id, "d1", text: "the crane is moving")
    #expect(try shop.standing("d1", "os-2") == .postponed)
    #expect(try shop.offer("d2") != nil)
    try shop.restart()
    #expect(try shop.rollout("os-2").tally[.postponed] == 1)
    let words = try shop.explain("d1", "os-2")
    #expect(words.hasPrefix("postponed by the device since 2027-01-15T08:00:00Z"), "\(words)")
    #expect(words.contains("the crane is moving"))
    #expect(try shop.rollout("os-2").tally.verdicts == 0)
  }

  @Test func `a postponed device is asked again and may go on`() throws {
    let shop = try workshop()
    let id = try #require(try shop.offer("d1"))
    try shop.report(.rejected, id, "d1", text: "busy")
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.minutes(6))
    try shop.update("d1", to: "2")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
    #expect(try shop.part("d1", "os-2")?.attempt == 1)
  }

  @Test func `a postponement that lasts too long ends by time alone, also after a restart`() throws
  {
    let shop = try workshop([("postpone.atMost", "2h"), ("postpone.then", "fail")])
    let id = try #require(try shop.offer("d1"))
    try shop.report(.rejected, id, "d1", text: "busy")
    try shop.restart()
    shop.clock.advance(Interval(milliseconds: 7_199_999))
    shop.plane.advance()
    #expect(try shop.standing("d1", "os-2") == .postponed)
    shop.clock.advance(Interval(milliseconds: 1))
    shop.plane.advance()
    #expect(try shop.standing("d1", "os-2") == .undelivered)
    #expect(try shop.part("d1", "os-2")?.failure?.cause == .postponed)
    #expect(try shop.rollout("os-2").tally.failures == 0)
    #expect(try shop.rollout("os-2").tally.exposed == 0)
  }

  @Test func `a pause does not use up the time for which a device may postpone`() throws {
    let shop = try workshop([("postpone.atMost", "2h"), ("postpone.then", "fail")])
    let id = try #require(try shop.offer("d1"))
    try shop.report(.rejected, id, "d1")
    try shop.steer(.pause, "os-2")
    shop.clock.advance(.hours(3))
    shop.plane.advance()
    #expect(try shop.standing("d1", "os-2") == .postponed)
    try shop.steer(.resume, "os-2")
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a stage does not wait for postponed devices longer than it may`() throws {
    let shop = try workshop([
      ("stages", #"[{"upTo": "100%", "soak": "0s", "quorum": "100%", "waitAtMost": "1d"}]"#)
    ])
    try shop.update("d1", to: "2")
    let id = try #require(try shop.offer("d2"))
    try shop.report(.rejected, id, "d2")
    shop.plane.advance()
    #expect(try shop.rollout("os-2").stages[0].settledAt == nil)
    shop.clock.advance(.days(1))
    shop.plane.advance()
    #expect(try shop.rollout("os-2").status == .completed)
  }
}

@Suite struct MembershipTests {
  private func workshop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "2")
    for device in ["d1", "d2"] { try shop.register(device, version: "1") }
    let group = DeviceGroup(name: try Name("berlin"), membership: .explicit)
    _ = try shop.plane.putGroup(group, in: shop.room)
    try move("d1", into: "berlin", shop)
    return shop
  }

  private func move(_ device: String, into group: String, _ shop: Workshop) throws {
    _ = try shop.plane.editMembers(
      of: try Name(group), in: shop.room, add: [try DeviceID(device)], remove: [])
  }

  @Test func `a device that is registered or moved after the start is granted at its next poll`()
    throws
  {
    let shop = try workshop()
    try shop.roll("os-2", "os:2", target: .group(try Name("berlin")))
    #expect(try shop.offer("d2") == nil)
    // It was found to have nothing to do; the move makes it look again.
    try move("d2", into: "berlin", shop)
    #expect(try shop.offer("d2") != nil)
    try shop.register("d3", version: "1")
    #expect(try shop.offer("d3") == nil)
    try move("d3", into: "berlin", shop)
    #expect(try shop.offer("d3") != nil)
  }

  @Test func `a device that comes later waits when its stage is not open`() throws {
    let shop = try workshop()
    try shop.roll(
      "os-2", "os:2", overrides: [("canary.group", "berlin"), ("canary.soak", "0s")])
    try shop.register("d3", version: "1")
    #expect(try shop.offer("d3") == nil)
    #expect(try shop.explain("d3", "os-2").contains("waits for stage 1 to open"))
    try shop.update("d1", to: "2")
    #expect(try shop.rollout("os-2").openStage == 1)
    #expect(try shop.offer("d3") != nil)
  }

  @Test func `a device that comes later waits when every slot is taken`() throws {
    let shop = try workshop()
    try shop.roll("os-2", "os:2", overrides: [("limits.concurrent", "1")])
    #expect(try shop.offer("d1") != nil)
    try shop.register("d3", version: "1")
    #expect(try shop.offer("d3") == nil)
    #expect(try shop.explain("d3", "os-2").contains("1 devices are updating, the limit"))
  }
}
