// ReturnTests: the way back, and what devices say they run.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct ReturnTests {
  @Test func `a limit delays the way back of a cancelled device and does not end it`() throws {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    for name in ["d1", "d2"] { try shop.register(name, version: "1") }
    try shop.roll("os-2", "os:2", overrides: [("limits.perMinute", "2")])
    try shop.install("d1")
    let late = try #require(try shop.offer("d2"))
    _ = try shop.fetch(late, "d2")
    try shop.steer(.rollback, "os-2")
    _ = try shop.poll("d2")
    try shop.report(.cancelAccepted, late, "d2")
    shop.clock.advance(.seconds(1))
    try shop.describe("d2", ["version": "2"])
    #expect(try shop.offer("d2") == nil)
    shop.clock.advance(.minutes(3))
    #expect(try shop.offer("d2") != nil)
  }

  @Test func `a wrong image hash is as good as a wrong version`() throws {
    let shop = try Workshop()
    try shop.release("os", "2")
    try shop.register("d1")
    try shop.roll("os-2", "os:2", overrides: [("retry.attempts", "1")])
    try shop.install("d1")
    shop.clock.advance(.minutes(11))
    try shop.describe("d1", ["image_sha256": String(repeating: "ab", count: 32)])
    _ = try shop.poll("d1")
    #expect(try shop.part("d1", "os-2")?.failure?.cause == .wrongVersion)
  }

  @Test func `the way back leads to the product that the device ran`() throws {
    let shop = try Workshop()
    let old = try shop.release("os", "1", component: "os")
    try shop.release("os", "2", component: "os")
    // The same version of something else that fits the same model.
    try shop.release("app", "1", component: "app")
    try shop.register("d1", version: "1")
    try shop.roll("os-2", "os:2")
    try shop.install("d1")
    #expect(try shop.part("d1", "os-2")?.fallback == old.id)
  }

  @Test func `a device that reports the version of its image finds its way back`() throws {
    let shop = try Workshop()
    let old = try shop.release("os", "1", imageVersion: "2024.01")
    try shop.release("os", "2", imageVersion: "2024.07")
    try shop.register("d1", version: "2024.01")
    try shop.roll("os-2", "os:2")
    try shop.install("d1")
    #expect(try shop.part("d1", "os-2")?.fallback == old.id)
  }

  @Test func `a revoked release is no way back`() throws {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    try shop.register("d1", version: "1")
    try shop.roll("os-2", "os:2")
    try shop.install("d1")
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    try shop.setStatus(.revoked, of: "os:1")
    try shop.steer(.rollback, "os-2")
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .stranded)
  }
}
