// WishTests: devices are updated when they wish to be, for as long as the policy lets them.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

/// The clock of a workshop starts on Friday, 2027-01-15, at 08:00 UTC.
@Suite struct WishTests {
  private static let night = ["autoUpdate": "at 02:00-04:00", "timeZone": "Europe/Paris"]

  @Test func `a device is updated at the time it wishes, by its own clocks`() throws {
    let shop = try HeldBack.shop([], devices: ["d1": WishTests.night])
    guard case .idle(let terms) = try shop.poll("d1") else {
      Issue.record("it is to wait")
      return
    }
    #expect(terms.sleep <= .minutes(5))
    #expect(try shop.standing("d1", "os-2") == .waiting)
    #expect(
      try shop.explain("d1", "os-2").contains(
        "it wants to be updated at another time of its day, by the clocks of Europe/Paris"))
    // 01:59:59 in Paris, then 02:00.
    shop.clock.advance(.seconds(17 * 3600 - 1))
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.seconds(1))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a wish that clocks skip waits for the next day, and one they show twice holds twice`()
    throws
  {
    let shop = try HeldBack.shop(
      [], devices: ["d1": ["autoUpdate": "at 02:00-03:00", "timeZone": "Europe/Paris"]])
    // Sunday, 2027-03-28: from 02:00 the clocks show 03:00.
    shop.clock.advance(.seconds(72 * 86_400 - 8 * 3600 + 55 * 60))
    #expect(shop.clock.now.description == "2027-03-28T00:55:00Z")
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.minutes(10))
    #expect(try shop.offer("d1") == nil)
    let part = try #require(try shop.part("d1", "os-2"))
    #expect(part.standing == .waiting)
    // 02:00 on Monday, which is midnight UTC.
    shop.clock.advance(.minutes(22 * 60 + 54))
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.minutes(1))
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a user who wants to be asked approves on the device`() throws {
    for (word, isRight) in [("2", true), ("true", true), ("3", false)] {
      let shop = try HeldBack.shop([], devices: ["d1": ["autoUpdate": "manual"]])
      let offer = try #require(try shop.patientOffer("d1"))
      #expect(offer.permission.download == .allowed)
      guard case .refused(let reason, nil) = offer.permission.install else {
        Issue.record("it is to be asked")
        return
      }
      #expect(reason.contains("has not approved 2"))
      _ = try shop.fetch(offer.id, "d1")
      try shop.report(.downloaded, offer.id, "d1")
      try shop.describe("d1", ["updateApproved": word])
      let later = try #require(try shop.patientOffer("d1"))
      #expect((later.permission.install == .allowed) == isRight, "\(word)")
    }
  }

  @Test func `a user who lets it begin at the device has accepted`() throws {
    let shop = try HeldBack.shop([], devices: ["d1": ["autoUpdate": "manual"]])
    let offer = try #require(try shop.patientOffer("d1"))
    _ = try shop.fetch(offer.id, "d1")
    try shop.report(.downloaded, offer.id, "d1")
    #expect(try shop.standing("d1", "os-2") == .waiting)
    try shop.report(.installing(percent: 1), offer.id, "d1")
    #expect(try shop.standing("d1", "os-2") == .installing)
  }

  @Test func `what protects the device is not for its user to pass over`() throws {
    let shop = try HeldBack.shop(
      [("conditions", #"{"install": {"batteryAtLeast": "30%"}}"#)],
      devices: ["d1": ["battery.percent": "10"]])
    let offer = try #require(try shop.patientOffer("d1"))
    _ = try shop.fetch(offer.id, "d1")
    try shop.report(.downloaded, offer.id, "d1")
    guard case .closed = try shop.report(.installing(percent: 1), offer.id, "d1") else {
      Issue.record("it is to be refused")
      return
    }
    #expect(try shop.standing("d1", "os-2") == .waiting)
  }

  @Test func `a malformed wish, and one that is ignored, hold nobody back`() throws {
    let malformed = try HeldBack.shop([], devices: ["d1": ["autoUpdate": "at night"]])
    #expect(try malformed.offer("d1") != nil)
    let story = try malformed.plane.explain(
      try DeviceID("d1"), rollout: "os-2", in: malformed.room
    ).story
    let told = "it reports a wish that cannot be read, autoUpdate at night, and counts as always"
    #expect(story.facts.contains { $0.hasPrefix(told) })
    let ignored = try HeldBack.shop([("wish", "ignore")], devices: ["d1": WishTests.night])
    #expect(try ignored.offer("d1") != nil)
    let silent = try HeldBack.shop(
      [("wish", "ignore")], devices: ["d1": ["autoUpdate": "at night"]])
    let facts = try silent.plane.explain(try DeviceID("d1"), rollout: "os-2", in: silent.room)
      .story.facts
    #expect(!facts.contains { $0.contains("wish") })
  }

  @Test func `a wish is honoured for as long as a device may put its update off`() throws {
    let shop = try HeldBack.shop(
      [("postpone.atMost", "1h"), ("postpone.then", "force")],
      devices: ["d1": ["autoUpdate": "manual"]])
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(Interval(milliseconds: 3_599_999))
    shop.plane.advance()
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(Interval(milliseconds: 1))
    shop.plane.advance()
    let offer = try #require(try shop.patientOffer("d1"))
    #expect(offer.permission.isForced && offer.permission.install == .allowed)
  }

  @Test func `a window for the installation lets devices that can wait download before`() throws {
    let windows = #"{"windows": [{"from": "02:00", "to": "04:00"}], "appliesTo": "install"}"#
    let shop = try HeldBack.shop([("windows", windows)], devices: ["d1": [:], "d2": [:]])
    #expect(try shop.offer("d2") == nil)
    let offer = try #require(try shop.patientOffer("d1"))
    #expect(offer.permission.download == .allowed)
    let opening = shop.clock.now + .hours(18)
    #expect(
      offer.permission.install
        == .refused(reason: "it is outside of its maintenance window", until: opening))
    _ = try shop.fetch(offer.id, "d1")
    try shop.report(.downloaded, offer.id, "d1")
    #expect(try shop.standing("d1", "os-2") == .waiting)
    shop.clock.advance(.hours(18))
    #expect(try shop.patientOffer("d1")?.permission.install == .allowed)
    #expect(try shop.offer("d2") != nil)
  }
}

@Suite struct PutOffTests {
  private func shop(_ then: String, _ more: [(path: String, value: String)] = []) throws -> Workshop
  {
    try HeldBack.shop([("postpone.then", then)] + more, devices: ["d1": [:], "d2": [:]])
  }

  @Test func `a device names until when, but not beyond what the policy allows`() throws {
    let shop = try shop("ask", [("postpone.atMost", "2h")])
    let id = try #require(try shop.offer("d1"))
    try shop.put(off: id, "d1", until: shop.clock.now + .minutes(50))
    shop.clock.advance(.minutes(49))
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.minutes(1))
    let again = try #require(try shop.offer("d1"))
    try shop.put(off: again, "d1", until: shop.clock.now + .days(300))
    guard case .retrying(let from)? = try shop.part("d1", "os-2")?.state else {
      Issue.record("it is to wait")
      return
    }
    #expect(from == shop.clock.now + .minutes(70))
  }

  @Test func `wait goes on asking without end`() throws {
    let shop = try shop("wait", [("postpone.times", "1"), ("postpone.atMost", "1h")])
    for _ in 0..<5 {
      let id = try #require(try shop.offer("d1"))
      try shop.put(off: id, "d1")
      shop.clock.advance(.hours(2))
      shop.plane.advance()
    }
    let part = try #require(try shop.part("d1", "os-2"))
    #expect(part.standing == .postponed && part.standby?.count == 5)
    #expect(part.standby?.ruling == Standby.Ruling.none)
  }

  @Test func `force after so many times, kept over a restart`() throws {
    let shop = try shop("force", [("postpone.times", "2")])
    for _ in 0..<2 {
      let id = try #require(try shop.patientOffer("d1")).id
      try shop.put(off: id, "d1")
      shop.clock.advance(.minutes(10))
    }
    #expect(try shop.patientOffer("d1")?.permission.isForced == false)
    let id = try #require(try shop.patientOffer("d1")).id
    try shop.put(off: id, "d1")
    try shop.restart()
    // It may go on at once.
    let offer = try #require(try shop.patientOffer("d1"))
    #expect(offer.permission.isForced)
    #expect(try shop.part("d1", "os-2")?.standby?.count == 3)
    #expect(try shop.explain("d1", "os-2").contains("it may not be put off any more"))
  }

  @Test func `a forced update passes over comfort, and not over what protects the device`() throws {
    let both = #"{"install": {"notInUse": true, "batteryAtLeast": "30%"}}"#
    let shop = try HeldBack.shop(
      [("conditions", both), ("postpone.then", "force"), ("postpone.atMost", "1h")],
      devices: ["d1": ["inUse": "true", "battery.percent": "50"]])
    #expect(try shop.offer("d1") == nil)
    shop.clock.advance(.hours(1))
    shop.plane.advance()
    try shop.describe("d1", ["battery.percent": "10"])
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.explain("d1", "os-2").contains("its battery is at 10%"))
    try shop.describe("d1", ["battery.percent": "30"])
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `ask leaves it to a person, who forces it`() throws {
    let shop = try shop("ask", [("postpone.atMost", "1h"), ("limits.concurrent", "1")])
    let id = try #require(try shop.offer("d1"))
    try shop.put(off: id, "d1")
    shop.clock.advance(.hours(1))
    shop.plane.advance()
    #expect(try shop.standing("d1", "os-2") == .undecided)
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.offer("d2") != nil)
    try shop.restart()
    let lines = try shop.plane.explain(rollout: "os-2", in: shop.room).story.lines
    let undecided = lines.filter { $0.topic == .undecided }.map(\.sentence)
    #expect(undecided.count == 2 && undecided[0].hasPrefix("d1: postponed by the device since"))
    #expect(undecided[1].contains("groundswell rollout force os-2 DEVICE"))
    try shop.update("d2", to: "2")
    let ruled = try shop.plane.rule(
      .force, try DeviceID("d1"), rollout: "os-2", by: "eva", in: shop.room)
    #expect(ruled.part.action.standby?.isForced == true)
    #expect(try shop.history("os-2").contains("eva forced the update of d1"))
    try shop.update("d1", to: "2")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
  }

  @Test func `a person lets a device go`() throws {
    let shop = try shop("ask", [("postpone.atMost", "1h")])
    try shop.put(off: try #require(try shop.offer("d1")), "d1")
    _ = try shop.plane.rule(
      .letGo, try DeviceID("d1"), rollout: "os-2", by: "eva", in: shop.room)
    #expect(try shop.standing("d1", "os-2") == .undelivered)
    #expect(try shop.part("d1", "os-2")?.failure?.detail == "let go by eva: busy")
    #expect(try shop.rollout("os-2").tally.failures == 0)
    #expect(try shop.offer("d1") == nil)
    for (device, ruling) in [("d1", StandbyRuling.force), ("d2", .letGo), ("d9", .force)] {
      #expect(throws: Problem.self) {
        try shop.plane.rule(
          ruling, try DeviceID(device), rollout: "os-2", by: "eva", in: shop.room)
      }
    }
  }

  @Test func `a user's approval ends a postponement and a wait for a decision`() throws {
    let shop = try shop("ask", [("postpone.times", "1")])
    try shop.put(
      off: try #require(try shop.offer("d1")), "d1", until: shop.clock.now + .days(2))
    #expect(try shop.offer("d1") == nil)
    try shop.describe("d1", ["updateApproved": "2"])
    let id = try #require(try shop.offer("d1"))
    try shop.describe("d1", ["updateApproved": "false"])
    try shop.put(off: id, "d1")
    #expect(try shop.standing("d1", "os-2") == .undecided)
    try shop.describe("d1", ["updateApproved": "2"])
    #expect(try shop.offer("d1") != nil)
  }

  @Test func `a security release passes over comfort where the policy says so, and it is written`()
    throws
  {
    let windows = #"{"windows": [{"from": "02:00", "to": "04:00"}]}"#
    let both = #"{"install": {"notInUse": true, "batteryAtLeast": "30%"}}"#
    let security = Release.Terms(
      conditions: .none, isSecurity: true, prepare: nil, resume: nil)
    let state = ["inUse": "true", "battery.percent": "50", "autoUpdate": "manual"]
    for (allows, isUrgent) in [(true, true), (true, false), (false, true)] {
      let shop = try HeldBack.shop(
        [
          ("conditions", both), ("windows", windows), ("securityOverrides", "\(allows)"),
        ], devices: ["d1": state, "d2": state.merging(["battery.percent": "9"]) { $1 }],
        release: isUrgent ? security : .usual)
      let isOffered = try shop.offer("d1") != nil
      #expect(isOffered == (allows && isUrgent), "\(allows) \(isUrgent)")
      #expect(try shop.offer("d2") == nil)
      let sentence =
        "its release is for security: devices in use, wishes and windows do not hold it back, as "
        + "policy open allows"
      #expect(try shop.history("os-2").contains(sentence) == isOffered)
      let told = try shop.told("d1").first { $0.hasPrefix("granted: ") } ?? ""
      for word in ["for security", "it is in use", "wants to approve", "maintenance window"] {
        #expect(told.contains(word) == isOffered, "\(told)")
      }
    }
  }

  @Test func `a rollout for security is the same as a release`() throws {
    let shop = try HeldBack.shop(
      [("securityOverrides", "true")], devices: ["d1": ["autoUpdate": "manual"]],
      terms: try RolloutTerms(isSecurity: true))
    try shop.restart()
    #expect(try shop.offer("d1") != nil)
    #expect(try shop.history("os-2")[0].hasSuffix(", for security"))
  }
}
