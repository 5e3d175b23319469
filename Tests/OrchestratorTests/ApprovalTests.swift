// ApprovalTests: where the policy asks for a person, nothing widens before that person has spoken.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct ApprovalTests {
  private func workshop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("c1", version: "1")
    try shop.register("d1", version: "1")
    let group = DeviceGroup(name: try Name("staging"), membership: .explicit)
    _ = try shop.plane.putGroup(group, in: shop.room)
    _ = try shop.plane.editMembers(
      of: group.name, in: shop.room, add: [try DeviceID("c1")], remove: [])
    try shop.roll(
      "signed", "os:2",
      overrides: [
        ("canary.group", "staging"), ("canary.signOff", "true"), ("canary.soak", "0s"),
      ])
    return shop
  }

  @Test func `a canary cannot be approved before it has shown anything`() throws {
    let shop = try workshop()
    #expect(throws: Problem.self) { try shop.steer(.approve, "signed") }
    #expect(try shop.rollout("signed").openStage == 0)
  }

  @Test func `a canary that is done waits for its approval, also across a restart`() throws {
    let shop = try workshop()
    _ = try shop.install("c1")
    try shop.describe("c1", ["version": "2"])
    _ = try shop.poll("c1")
    shop.plane.advance()
    #expect(try shop.standing("c1", "signed") == .succeeded)
    #expect(try shop.rollout("signed").openStage == 0)
    #expect(try shop.offer("d1") == nil)
    try shop.restart()
    shop.plane.advance()
    #expect(try shop.rollout("signed").openStage == 0)
    try shop.steer(.approve, "signed")
    #expect(try shop.rollout("signed").openStage == 1)
    #expect(try shop.rollout("signed").stages[0].signedOffBy != nil)
    #expect(try shop.offer("d1") != nil)
    #expect(throws: Problem.self) { try shop.steer(.approve, "signed") }
  }

  @Test func `a stage that no device is left to speak for goes on when a person approves it`()
    throws
  {
    let shop = try Workshop()
    try shop.release("os", "2")
    for number in 1...2 { try shop.register("d\(number)", version: "1") }
    try shop.roll(
      "stuck", "os:2",
      overrides: [("stages", #"{"start": 1, "soak": "0s", "waitAtMost": "1h"}"#)])
    #expect(throws: Problem.self) { try shop.steer(.approve, "stuck") }
    shop.clock.advance(.hours(1))
    shop.plane.advance()
    #expect(try shop.rollout("stuck").openStage == 0)
    try shop.steer(.approve, "stuck")
    #expect(try shop.rollout("stuck").openStage == 1)
    try shop.restart()
    #expect(try shop.rollout("stuck").stages[0].signedOffBy == "tester")
  }
}
