// LeaseTests: a device holds one lease at most, whatever it says and whenever.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct LeaseTests {
  @Test func `a late success in one rollout never adds a second lease`() throws {
    let shop = try Workshop()
    try shop.release("os", "2", component: "os")
    try shop.release("app", "2", component: "app")
    try shop.register("d1")
    try shop.roll("os-2", "os:2")
    let first = try #require(try shop.offer("d1"))
    try shop.report(.rejected, first, "d1")
    try shop.roll("app-2", "app:2")
    let second = try #require(try shop.offer("d1"))
    #expect(second != first)
    try shop.report(.installed, first, "d1")
    // The store refuses a second lease, and would refuse everything after it.
    try shop.flush()
    #expect(try shop.standing("d1", "os-2") == .postponed)
    #expect(try shop.standing("d1", "app-2") == .offered)
    #expect(try shop.offer("d1") == second)
  }

  @Test func `a start that is refused closes nothing`() throws {
    let shop = try Workshop()
    try shop.release("os", "1", component: "os")
    try shop.release("app", "1", component: "app")
    try shop.release("app", "2", component: "app")
    try shop.release("os", "2", component: "os")
    _ = try shop.plane.createRelease(
      named: try Name("both"), version: try FirmwareVersion("2"), notes: "",
      artifacts: [ArtifactID(3), ArtifactID(4)], in: shop.room)
    try shop.setStatus(.published, of: "both:2")
    try shop.register("d1")
    try shop.roll("old", "os:1")
    try shop.roll("busy", "app:1")
    try shop.steer(.abort, "busy")
    // One of the two is in the way, the other would be closed; both orders are tried.
    for (final, running) in [("busy", "old"), ("old", "busy")] {
      if final == "old" {
        try shop.steer(.abort, "old")
        try shop.roll("busy-again", "app:1")
      }
      let name = "both-\(running)"
      try shop.create(name, "both:2")
      #expect(throws: Problem.self) { try shop.steer(.start, name) }
      let before = try shop.rollout(final).status
      try shop.restart()
      #expect(try shop.rollout(final).status == before)
      #expect(before != .closed)
    }
  }

  @Test func `a release that is revoked while its rollout starts is not handed out`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1")
    try shop.create("os-2", "os:2")
    shop.clock.interrupt { [plane = shop.plane, room = shop.room] in
      // A refusal shows in what the start does.
      _ = try? plane.setStatus(.revoked, ofRelease: "os:2", by: "tester", in: room)
    }
    #expect(throws: Problem.self) { try shop.steer(.start, "os-2") }
    #expect(try shop.offer("d1") == nil)
  }

  @Test func `an offer of a stopped rollout is not handed out`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1")
    try shop.roll("os-2", "os:2")
    let id = try #require(try shop.offer("d1"))
    try shop.steer(.abort, "os-2")
    #expect(try shop.fetch(id, "d1") == nil)
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .cancelled)
  }

  @Test func `a late success after a cancel is verified at the next poll`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1")
    try shop.roll("os-2", "os:2", overrides: [("onAbort", "stop")])
    let id = try #require(try shop.offer("d1"))
    _ = try shop.fetch(id, "d1")
    try shop.steer(.abort, "os-2")
    _ = try shop.poll("d1")
    try shop.report(.cancelAccepted, id, "d1")
    _ = try shop.poll("d1")
    try shop.report(.installed, id, "d1")
    #expect(try shop.standing("d1", "os-2") == .verifying)
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .unverified)
  }

  @Test func `repeating a final report does not fill the store`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    try shop.roll("os-2", "os:2")
    let id = try shop.install("d1")
    for _ in 0..<ControlPlane.reportsPerActionMax + 50 {
      guard case .accepted = try shop.report(.installed, id, "d1") else {
        Issue.record("a repeated success is accepted")
        return
      }
    }
    try shop.flush()
    let device = try DeviceID("d1")
    var count = 0
    var place: Int64?
    repeat {
      let page = try shop.plane.moments(of: device, in: shop.room, before: place, limit: 1000)
      count += page.moments.count
      place = page.next
    } while place != nil
    // One more is the grant.
    #expect(count == ControlPlane.reportsPerActionMax + 1)
  }
}
