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
    #expect(try shop.standing("d1", "os-2") == .retrying)
    #expect(try shop.standing("d1", "app-2") == .offered)
    #expect(try shop.offer("d1") == second)
  }
}
