// QueryTargetTests: rollouts that a query chooses devices for, while their twins change.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct QueryTargetTests {
  private let shop: Workshop
  private let target = "tags.line = \"4\" and reported.battery.percent > 40"

  /// d1 meets the query, d2 has another line, d3 a low battery, and d4 says nothing of one.
  init() throws {
    shop = try Workshop()
    for (device, line) in [("d1", "4"), ("d2", "5"), ("d3", "4"), ("d4", "4")] {
      try shop.register(device, version: "1", tags: ["line": line])
    }
    for (device, percent) in [("d1", 80), ("d2", 80), ("d3", 40)] { try charge(device, percent) }
    try shop.release("os", "2")
  }

  private func charge(_ device: String, _ percent: Int) throws {
    let battery: JSON = ["battery": ["percent": JSON(percent)]]
    _ = try shop.plane.report(by: try DeviceID(device), battery, in: shop.room)
  }

  private func plan(_ query: String) throws -> RolloutForecast {
    let request = RolloutRequest(
      release: "os:2", policy: "open", overrides: [], target: .query(try Query(query)))
    return try shop.plane.plan(request, in: shop.room)
  }

  @Test func `a plan counts the devices that meet the query`() throws {
    #expect(try plan(target).population == 1)
    #expect(try plan("not (\(target))").population == 3)
    #expect(try plan("version = '1' and hardware = 'board-a' and device != 'd2'").population == 3)
    try charge("d3", 41)
    #expect(try plan(target).population == 2)
  }

  @Test func `a rollout reaches devices while they meet its query`() throws {
    try shop.roll("r", "os:2", target: .query(try Query(target)))
    for device in ["d2", "d3", "d4"] { #expect(try shop.offer(device) == nil) }
    #expect(
      try shop.explain("d3", "r").contains("outside its target, as battery.percent is 40, must be"))
    // One that begins to match is taken in, by its own word or by a tag.
    try charge("d3", 41)
    #expect(try shop.offer("d3") != nil)
    _ = try shop.plane.changeTwin(of: try DeviceID("d2"), .tags, by: ["line": "4"], in: shop.room)
    #expect(try shop.offer("d2") != nil)
    // One that stops before it was granted is not offered anything.
    try charge("d1", 5)
    #expect(try shop.offer("d1") == nil)
    // What was granted goes on, whatever becomes of the battery.
    try charge("d3", 5)
    #expect(try shop.offer("d3") != nil)
    try shop.update("d3", to: "2")
    #expect(try shop.standing("d3", "r") == .succeeded)
  }

  @Test func `the query of a rollout survives a restart`() throws {
    try shop.roll("r", "os:2", target: .query(try Query(target)))
    #expect(try shop.offer("d4") == nil)
    try shop.restart()
    #expect(try shop.rollout("r").specification.target == .query(try Query(target)))
    #expect(try shop.offer("d3") == nil)
    #expect(try shop.offer("d1") != nil)
    try charge("d4", 100)
    #expect(try shop.offer("d4") != nil)
  }

  @Test(arguments: [
    ("lastSeen < 2h", "leave out lastSeen"), ("createdAt > 3d", "ages"),
    ("group = 'staging'", "leave out lastSeen, group"),
  ])
  func `what changes without the device is no target`(query: String, words: String) throws {
    let wanted = RolloutSpecification.Target.query(try Query(query))
    let refused = try #require(problem { try shop.create("r", "os:2", target: wanted) })
    #expect(refused.kind == .invalidRequest && "\(refused)".contains(words), "\(refused)")
    #expect(problem { _ = try plan(query) }?.kind == .invalidRequest)
    #expect(problem { _ = try shop.rollout("r") }?.kind == .notFound)
  }

  @Test func `a newer rollout for the same query takes the place of the older`() throws {
    try shop.release("os", "3")
    try shop.roll("second", "os:2", target: .query(try Query(target)))
    try shop.roll("third", "os:3", target: .query(try Query(target)))
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.standing("d1", "third") == .offered)
    #expect(try shop.standing("d1", "second") == .superseded)
  }
}
