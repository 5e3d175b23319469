// ScheduleTests: rollouts that start and end by themselves, and people who must approve.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct ScheduleTests {
  private func workshop() throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    for device in ["d1", "d2"] { try shop.register(device, version: "1") }
    return shop
  }

  @Test func `a scheduled rollout starts by itself, also after a restart`() throws {
    let shop = try workshop()
    try shop.create(
      "night", "os:2", terms: try RolloutTerms(startAt: shop.clock.now + .hours(1)))
    shop.clock.advance(Interval(milliseconds: 3_599_999))
    shop.plane.advance()
    #expect(try shop.rollout("night").status == .draft)
    #expect(try shop.plane.rollout("night", in: shop.room).reason.hasPrefix("starts by itself at"))
    try shop.restart()
    shop.clock.advance(Interval(milliseconds: 1))
    shop.plane.advance()
    #expect(try shop.rollout("night").status == .running)
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.history("night").contains("its start time had come"))
  }

  @Test func `a schedule does not start what nobody has approved`() throws {
    let shop = try workshop()
    try shop.create(
      "night", "os:2", overrides: [("approve.before", "start")],
      terms: try RolloutTerms(startAt: shop.clock.now + .hours(1)))
    #expect(throws: Problem.self) { try shop.steer(.start, "night") }
    shop.clock.advance(.hours(2))
    shop.plane.advance()
    #expect(try shop.rollout("night").status == .draft)
    _ = try shop.plane.steer(
      .approve, rollout: "night", by: "ada", comment: "release notes read", in: shop.room)
    #expect(throws: Problem.self) { try shop.steer(.approve, "night") }
    try shop.restart()
    #expect(try shop.rollout("night").approvedBy == "ada")
    shop.plane.advance()
    #expect(try shop.rollout("night").status == .running)
    #expect(try shop.rollout("night").approvedBy == "ada")
    #expect(try shop.history("night").contains("start approved by ada: release notes read"))
  }

  @Test func `a scheduled start that is refused says why, once, and is tried again`() throws {
    let shop = try workshop()
    try shop.release("other", "9")
    try shop.roll("busy", "other:9")
    try shop.create(
      "night", "os:2", terms: try RolloutTerms(startAt: shop.clock.now + .hours(1)))
    shop.clock.advance(.hours(1))
    for _ in 0..<5 {
      shop.plane.advance()
      shop.clock.advance(.minutes(1))
    }
    #expect(try shop.rollout("night").status == .draft)
    let refusals = try shop.history("night").filter { $0.hasPrefix("not started as scheduled") }
    #expect(refusals.count == 1)
    #expect(
      try shop.plane.rollout("night", in: shop.room).reason.hasPrefix("not started as scheduled"))
    try shop.steer(.abort, "busy")
    shop.plane.advance()
    #expect(try shop.rollout("night").status == .running)
  }

  @Test func `after its end time a rollout grants nothing, what runs finishes, and it can go back`()
    throws
  {
    let shop = try workshop()
    try shop.roll("short", "os:2", terms: try RolloutTerms(endAt: shop.clock.now + .minutes(10)))
    let id = try #require(try shop.offer("d1"))
    _ = try shop.fetch(id, "d1")
    shop.clock.advance(.minutes(10))
    // Before the clock was looked at, too.
    #expect(try shop.offer("d2") == nil)
    #expect(try shop.explain("d2", "short").contains("the end time of the rollout was"))
    shop.plane.advance()
    #expect(try shop.rollout("short").status == .ended)
    #expect(
      try shop.plane.rollout("short", in: shop.room).reason
        == "ended: its end time passed; 1 devices under way finish")
    try shop.restart()
    #expect(try shop.rollout("short").status == .ended)
    try shop.report(.installed, id, "d1")
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "short") == .succeeded)
    #expect(try shop.offer("d2") == nil)
    try shop.steer(.rollback, "short")
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `an end time that has passed is refused, and so is a start after it`() throws {
    let shop = try workshop()
    #expect(throws: Problem.self) {
      try shop.create("late", "os:2", terms: try RolloutTerms(endAt: shop.clock.now))
    }
    try shop.create("soon", "os:2", terms: try RolloutTerms(endAt: shop.clock.now + .minutes(1)))
    shop.clock.advance(.minutes(1))
    #expect(throws: Problem.self) { try shop.steer(.start, "soon") }
    #expect(try shop.plane.rollout("soon", in: shop.room).reason.hasPrefix("cannot start any more"))
  }

  @Test func `a share of the fleet opens only after a person has approved it`() throws {
    let shop = try workshop()
    try shop.roll(
      "careful", "os:2",
      overrides: [
        ("stages", #"{"start": 1, "growth": 2, "soak": "0s"}"#), ("approve.above", "50%"),
      ])
    let first = try #require(["d1", "d2"].first { try shop.offer($0) != nil })
    try shop.update(first, to: "2")
    shop.plane.advance()
    #expect(try shop.rollout("careful").openStage == 0)
    #expect(
      try shop.plane.rollout("careful", in: shop.room).reason.contains("waits for a person's"))
    _ = try shop.plane.steer(
      .approve, rollout: "careful", by: "ada", comment: "dashboards are fine", in: shop.room)
    #expect(try shop.rollout("careful").openStage == 1)
    #expect(try shop.history("careful").contains("stage 1 approved by ada: dashboards are fine"))
  }
}
