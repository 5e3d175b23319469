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
}
