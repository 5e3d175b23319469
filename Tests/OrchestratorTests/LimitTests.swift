// LimitTests: what devices get, and are told, when a limit is reached; before and after a restart.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct LimitTests {
  private func shop(
    _ devices: Int, overrides: [(path: String, value: String)],
    tags: (Int) -> [String: String] = { _ in [:] }
  ) throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "2")
    for number in 1...devices { try shop.register("d\(number)", tags: tags(number)) }
    try shop.roll("os-2", "os:2", overrides: overrides)
    return shop
  }

  private func finish(_ device: String, _ shop: Workshop) throws {
    try shop.install(device)
    try shop.describe(device, ["version": "2"])
    _ = try shop.poll(device)
    #expect(try shop.standing(device, "os-2") == .succeeded)
  }

  @Test func `one device of a site at a time, from the offer to the proof, across a restart`()
    throws
  {
    let shop = try shop(
      4, overrides: [("limits.domains", #"[{"by": "tag.site", "atMost": 1}]"#)]
    ) { $0 == 4 ? [:] : ["site": $0 == 3 ? "oslo" : "berlin"] }
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.offer("d2") == nil)
    #expect(
      try shop.explain("d2", "os-2").contains(
        "waits: 1 of tag.site berlin are updating, the limit"))
    #expect(try shop.offer("d3") != nil)
    #expect(try shop.offer("d4") != nil)
    try shop.install("d1")
    #expect(try shop.offer("d2") == nil)
    try shop.restart()
    #expect(try shop.offer("d2") == nil)
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    #expect(try shop.offer("d2") != nil)
  }

  @Test func `a share of a site is one of the site as it was at the start, across a restart`()
    throws
  {
    let shop = try shop(
      4, overrides: [("limits.domains", #"[{"by": "tag.site", "atMost": "50%"}]"#)]
    ) { _ in ["site": "berlin"] }
    #expect(try shop.offer("d1") != nil)
    try shop.restart()
    // Devices that join later do not make the share larger.
    for number in 5...8 { try shop.register("d\(number)", tags: ["site": "berlin"]) }
    #expect(try shop.offer("d2") != nil)
    for number in 3...8 { #expect(try shop.offer("d\(number)") == nil) }
    try finish("d1", shop)
    #expect(try shop.offer("d8") != nil)
  }

  @Test func `a device that moves to another site under way keeps its place in the first`() throws {
    let shop = try shop(
      3, overrides: [("limits.domains", #"[{"by": "attr.site", "atMost": 1}]"#)])
    for device in ["d1", "d2"] { try shop.describe(device, ["site": "berlin"]) }
    try shop.describe("d3", ["site": "oslo"])
    #expect(try shop.offer("d1") != nil)
    try shop.describe("d1", ["site": "oslo"])
    #expect(try shop.offer("d2") == nil)
    #expect(try shop.offer("d3") != nil)
    try finish("d1", shop)
    #expect(try shop.offer("d2") != nil)
  }

  // The image of these tests is "os 2", four bytes.
  @Test func `downloads are granted at the pace of the bandwidth, across a restart`() throws {
    let shop = try shop(
      4, overrides: [("limits.bandwidth", "1B/s"), ("limits.bandwidthBurst", "8s")])
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.offer("d2") != nil)
    guard case .idle(let terms) = try shop.poll("d3") else {
      Issue.record("the line is full for four seconds")
      return
    }
    #expect(terms.sleep <= .seconds(6))
    #expect(try shop.explain("d3", "os-2").contains("1B/s, the limit"))
    shop.clock.advance(.seconds(3))
    #expect(try shop.offer("d3") == nil)
    shop.clock.advance(.seconds(2))
    #expect(try shop.offer("d3") != nil)
    try shop.restart()
    #expect(try shop.offer("d4") == nil)
    shop.clock.advance(.seconds(5))
    #expect(try shop.offer("d4") != nil)
  }

  @Test func `the rate grows with the devices that were notified, across a restart`() throws {
    let growth = #"{"basePerMinute": 1, "factor": 2, "every": {"notified": 2}, "ceiling": 3}"#
    let shop = try shop(8, overrides: [("limits.rate", growth)])
    func granted() throws -> Int {
      try (1...8).count { number in
        try shop.part("d\(number)", "os-2") == nil && shop.offer("d\(number)") != nil
      }
    }
    #expect(try granted() == 1)
    #expect(try shop.explain("d8", "os-2").contains("1 grants per minute"))
    shop.clock.advance(.seconds(61))
    // The second device makes the step, so that the third is granted with it.
    #expect(try granted() == 2)
    try shop.restart()
    #expect(try granted() == 0)
    shop.clock.advance(.seconds(61))
    // With the fourth device the rate would be four; the ceiling is three.
    #expect(try granted() == 3)
  }

  @Test func `a spent budget of repetitions holds failed devices back, across a restart`() throws {
    let shop = try shop(
      3,
      overrides: [
        ("retry.backoff", "1s"), ("retry.budget", #"{"share": "0%", "minimum": 1}"#),
      ])
    for device in ["d1", "d2"] {
      let id = try #require(try shop.offer(device))
      _ = try shop.fetch(id, device)
      try shop.report(.failed, id, device)
    }
    shop.clock.advance(.seconds(2))
    let again = try #require(try shop.offer("d1"))
    #expect(try shop.offer("d2") == nil)
    #expect(try shop.standing("d2", "os-2") == .retrying)
    let sentence = try shop.explain("d2", "os-2")
    #expect(sentence.contains("waits to try again: 1 repeated attempts"))
    try shop.restart()
    #expect(try shop.offer("d1") == again)
    #expect(try shop.offer("d2") == nil)
    // A first attempt is no repetition.
    #expect(try shop.offer("d3") != nil)
  }

  @Test func `a failed download has more attempts than a failed installation`() throws {
    let shop = try shop(
      2,
      overrides: [
        ("retry.backoff", "1s"), ("retry.attempts", "1"),
        ("retry.classes.download.attempts", "2"),
      ])
    for (device, state) in [("d1", Standing.retrying), ("d2", .failed)] {
      let id = try #require(try shop.offer(device))
      _ = try shop.fetch(id, device)
      if device == "d2" { try shop.report(.downloaded, id, device) }
      try shop.report(.failed, id, device)
      #expect(try shop.standing(device, "os-2") == state)
    }
  }
}
