// RestartTests: what a restart must not change.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct RestartTests {
  @Test func `a restart does not make an old version a new report`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    try shop.roll("os-2", "os:2")
    shop.clock.advance(.minutes(1))
    try shop.install("d1")
    shop.clock.advance(.minutes(1))
    _ = try shop.poll("d1")
    shop.plane.saveLastSeen(all: true)
    shop.clock.advance(.minutes(20))
    try shop.restart()
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .verifying)
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
  }

  @Test func `a device that went back before a restart is asked and found`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    try shop.roll("os-2", "os:2")
    try shop.install("d1")
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
    shop.clock.advance(.minutes(1))
    try shop.describe("d1", ["version": "1"])
    try shop.restart()
    guard case .idle(let terms) = try shop.poll("d1") else { throw TestFailure() }
    #expect(terms.wantsAttributes)
    shop.clock.advance(.minutes(1))
    try shop.describe("d1", ["version": "1"])
    _ = try shop.poll("d1")
    #expect(try shop.part("d1", "os-2")?.failure?.cause == .reverted)
  }

  @Test func `a restart keeps the limit of grants per minute`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    for name in ["d1", "d2", "d3"] { try shop.register(name) }
    try shop.roll("os-2", "os:2", overrides: [("limits.perMinute", "2")])
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.offer("d2") != nil)
    try shop.restart()
    #expect(try shop.offer("d3") == nil)
    shop.clock.advance(.seconds(62))
    #expect(try shop.offer("d3") != nil)
  }

  private struct TestFailure: Error {}
}
