// ConditionRolloutTests: devices that may not download or install now stand by without a slot.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

/// What devices say in these tests, and what is asked of them.
struct HeldBack {
  static let inUse = #"{"install": {"notInUse": true}}"#
  static let battery = #"{"download": {"batteryAtLeast": "30%"}}"#

  /// A rollout of os:2 to devices that run version 1 and report more.
  static func shop(
    _ overrides: [(path: String, value: String)], devices: [String: [String: String]],
    terms: RolloutTerms = .usual, release: Release.Terms = .usual
  ) throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2", terms: release)
    for (name, reported) in devices.sorted(by: { $0.key < $1.key }) {
      try shop.register(name, version: "1")
      try shop.describe(name, reported)
    }
    try shop.roll("os-2", "os:2", overrides: overrides, terms: terms)
    return shop
  }
}

extension Workshop {
  /// Polls as a device that can wait with the images at hand; what it is shown.
  func patientOffer(_ device: String) throws -> (id: ActionID, permission: Permission)? {
    let name = try DeviceID(device)
    plane.noteWaitsToInstall(name, in: room)
    guard let id = try offer(device) else { return nil }
    return (id, try #require(plane.permission(for: id, of: name, in: room)))
  }

  func put(off id: ActionID, _ device: String, until: Instant? = nil, _ why: String = "busy") throws
  {
    _ = plane.record(
      DeviceReport(meaning: .rejected, word: "postponed", text: why, code: nil, until: until),
      of: try DeviceID(device), action: id, in: room)
  }

  /// The device reports a merge patch.
  func tell(_ device: String, _ patch: String) throws {
    _ = try plane.report(
      by: try DeviceID(device), try JSON.parse(Array(patch.utf8)), in: room)
  }

  func told(_ device: String) throws -> [String] {
    try flush()
    let moments = try plane.moments(
      of: try DeviceID(device), in: room, before: nil, limit: 100
    ).moments
    return moments.map { "\($0.kind): \($0.text)" }
  }
}

@Suite struct ConditionRolloutTests {
  @Test func `a device that may not download waits without a slot, and goes on when it may`()
    throws
  {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.battery), ("limits.concurrent", "1")],
      devices: ["d1": ["battery.percent": "12"], "d2": ["battery.percent": "80"]])
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .waiting)
    #expect(try shop.part("d1", "os-2")?.attempt == 0)
    // It blocks nobody.
    #expect(try shop.offer("d2") != nil)
    let words = try shop.explain("d1", "os-2")
    #expect(
      words.hasPrefix(
        "waits since 2027-01-15T08:00:00Z: its battery is at 12%, at least 30% is needed"),
      "\(words)")
    // The slot is taken now: it waits for its turn, and is looked at when it speaks.
    try shop.describe("d1", ["battery.percent": "31"])
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.part("d1", "os-2")?.standby?.cause != nil)
    #expect(try shop.explain("d1", "os-2").contains("other devices have the slots"))
    try shop.update("d2", to: "2")
    try shop.update("d1", to: "2")
    let rollout = try shop.rollout("os-2")
    #expect(rollout.tally[.succeeded] == 2 && rollout.tally[.waiting] == 0)
    #expect(try shop.part("d1", "os-2")?.attempt == 1)
  }

  @Test func `since when a device waits is kept over a restart`() throws {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.battery)], devices: ["d1": ["battery.percent": "12"]])
    #expect(try shop.offer("d1") == nil)
    let before = try #require(try shop.part("d1", "os-2"))
    shop.clock.advance(.hours(1))
    try shop.restart()
    #expect(try shop.part("d1", "os-2") == before)
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.part("d1", "os-2") == before)
    #expect(try shop.told("d1").count { $0.hasPrefix("waiting: ") } == 1)
  }

  @Test func `policy and release must both be content`() throws {
    let release = Release.Terms(
      conditions: try #require(
        UpdateConditions.read(#"{"install": {"temperature": {"max": 60}}}"#)), isSecurity: false,
      prepare: nil, resume: nil)
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.battery)],
      devices: [
        "cold": ["battery.percent": "50", "temperature": "60"],
        "hot": ["battery.percent": "50", "temperature": "61"],
        "flat": ["battery.percent": "5", "temperature": "20"],
      ], release: release)
    try shop.restart()
    #expect(try shop.offer("hot") == nil && shop.offer("flat") == nil)
    #expect(try shop.offer("cold") != nil)
  }

  @Test func `a device that cannot wait with the image is granted when it may install too`() throws
  {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.inUse)], devices: ["d1": ["inUse": "true"]])
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .waiting)
    try shop.describe("d1", ["inUse": "false"])
    let id = try #require(try shop.offer("d1"))
    // What was offered and not taken up is taken back.
    try shop.describe("d1", ["inUse": "true"])
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.fetch(id, "d1") == nil)
    try shop.describe("d1", ["inUse": "false"])
    try shop.update("d1", to: "2")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
  }

  @Test func `a device that can wait downloads, stands by with the image, and installs later`()
    throws
  {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.inUse), ("limits.concurrent", "1")],
      devices: ["d1": ["inUse": "true"], "d2": ["inUse": "false"]])
    let offer = try #require(try shop.patientOffer("d1"))
    #expect(offer.permission.download == .allowed)
    #expect(offer.permission.install == .refused(reason: "it is in use", until: nil))
    let deployment = try #require(try shop.fetch(offer.id, "d1"))
    // Serving the bytes does not make it install.
    shop.plane.served(deployment.artifacts[0].id, to: try DeviceID("d1"), in: shop.room)
    #expect(try shop.standing("d1", "os-2") == .downloading)
    try shop.report(.downloaded, offer.id, "d1")
    #expect(try shop.standing("d1", "os-2") == .waiting)
    #expect(try shop.rollout("os-2").tally.leased == 0)
    // It holds no slot, and is shown what it waits for.
    let other = try #require(try shop.patientOffer("d2"))
    #expect(other.permission.install == .allowed)
    let waiting = try #require(try shop.patientOffer("d1"))
    #expect(waiting.id == offer.id)
    #expect(waiting.permission.install == .refused(reason: "it is in use", until: nil))
    #expect(try shop.fetch(offer.id, "d1") != nil)
    // Admitted again, it is subject to the limits.
    try shop.describe("d1", ["inUse": "false"])
    let queued = try #require(try shop.patientOffer("d1"))
    #expect(
      queued.permission.install == .refused(reason: "other devices have the slots", until: nil))
    try shop.update("d2", to: "2")
    let admitted = try #require(try shop.patientOffer("d1"))
    #expect(admitted.id == offer.id && admitted.permission.install == .allowed)
    #expect(try shop.standing("d1", "os-2") == .installing)
    try shop.report(.installed, admitted.id, "d1")
    shop.clock.advance(.seconds(1))
    try shop.describe("d1", ["version": "2"])
    _ = try shop.poll("d1")
    #expect(try shop.standing("d1", "os-2") == .succeeded)
    #expect(try shop.part("d1", "os-2")?.standby == nil)
  }

  @Test func `a device that downloads stops when it may not any more`() throws {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.battery)], devices: ["d1": ["battery.percent": "40"]])
    let offer = try #require(try shop.patientOffer("d1"))
    _ = try #require(try shop.fetch(offer.id, "d1"))
    try shop.describe("d1", ["battery.percent": "20"])
    let paused = try #require(try shop.patientOffer("d1"))
    #expect(paused.id == offer.id)
    #expect(
      paused.permission.download
        == .refused(reason: "its battery is at 20%, at least 30% is needed", until: nil))
    #expect(try shop.rollout("os-2").tally.leased == 0)
    try shop.describe("d1", ["battery.percent": "30"])
    let again = try #require(try shop.patientOffer("d1"))
    #expect(again.id == offer.id && again.permission.download == .allowed)
  }

  @Test func `a stage does not wait for devices that are held back longer than it may`() throws {
    let shop = try HeldBack.shop(
      [
        ("conditions", HeldBack.battery),
        ("stages", #"[{"upTo": "100%", "soak": "0s", "quorum": "100%", "waitAtMost": "1d"}]"#),
      ], devices: ["d1": ["battery.percent": "12"], "d2": ["battery.percent": "80"]])
    #expect(try shop.offer("d1") == nil)
    try shop.update("d2", to: "2")
    shop.plane.advance()
    #expect(try shop.rollout("os-2").stages[0].settledAt == nil)
    shop.clock.advance(.days(1))
    shop.plane.advance()
    #expect(try shop.rollout("os-2").status == .completed)
    // Who comes late is served all the same.
    try shop.describe("d1", ["battery.percent": "80"])
    try shop.update("d1", to: "2")
    #expect(try shop.rollout("os-2").tally[.succeeded] == 2)
  }

  @Test func `an abort ends the part of a device that waits`() throws {
    let shop = try HeldBack.shop(
      [("conditions", HeldBack.battery)], devices: ["d1": ["battery.percent": "12"]])
    #expect(try shop.offer("d1") == nil)
    try shop.steer(.abort, "os-2")
    #expect(try shop.offer("d1") == nil)
    #expect(try shop.standing("d1", "os-2") == .cancelled)
    #expect(try shop.rollout("os-2").tally.exposed == 0)
  }

  @Test func `the evidence counts a device that waits for nothing and goes on without it`() throws {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    for number in 0..<8 {
      try shop.register("d\(number)", version: "1")
      try shop.describe("d\(number)", ["battery.percent": number == 3 ? "5" : "90"])
    }
    try shop.roll(
      "os-2", "os:2", policy: "proof", overrides: [("conditions", HeldBack.battery)])
    for _ in 0..<300 where try shop.rollout("os-2").status != .completed {
      for number in 0..<8 {
        if let id = try shop.offer("d\(number)") {
          _ = try shop.fetch(id, "d\(number)")
          try shop.report(.installed, id, "d\(number)")
          shop.clock.advance(.seconds(1))
          try shop.describe("d\(number)", ["version": "2"])
        }
      }
      shop.clock.advance(.minutes(5))
      shop.plane.advance()
    }
    let rollout = try shop.rollout("os-2")
    let reason = try shop.plane.rollout("os-2", in: shop.room).reason
    #expect(rollout.status == .completed, "\(reason)")
    #expect(rollout.tally[.succeeded] == 7 && rollout.tally[.waiting] == 1)
    #expect(rollout.tally.exposed == 7)
  }

  @Test func `the plan counts who would wait now, by reason`() throws {
    let shop = try HeldBack.shop(
      [], devices: ["d1": [:], "d2": ["autoUpdate": "manual"], "d3": [:]])
    try shop.tell("d1", #"{"battery": {"percent": 12}}"#)
    try shop.tell("d3", #"{"battery": {"percent": 99}}"#)
    func plan(_ conditions: String) throws -> [DevicesApart] {
      try shop.plane.plan(
        RolloutRequest(
          release: "os:2", policy: "open", overrides: [("conditions", conditions)], target: nil),
        in: shop.room
      ).apart.filter { $0.fate == .later }
    }
    for conditions in [HeldBack.battery, #"{"install": {"where": "battery.percent >= 30"}}"#] {
      let found = try plan(conditions)
      let kind: Hindrance.Kind = conditions == HeldBack.battery ? .battery : .query
      #expect(found.first { $0.reason == kind.ofSeveral }?.count == 2, "\(found)")
    }
    #expect(try plan("{}").map(\.reason) == [Hindrance.Kind.wish.ofSeveral])
  }

  @Test func `an orderly shutdown is asked of devices that offer it`() throws {
    let shop = try HeldBack.shop(
      [("prepare", "stop-motors"), ("resume", "start-motors")], devices: ["d1": [:], "d2": [:]])
    try shop.tell("d1", #"{"capabilities": [{"name": "stop-motors"}, {"name": "blink"}]}"#)
    let offer = try #require(try shop.patientOffer("d1"))
    #expect(offer.permission.prepare == (try Name("stop-motors")) && offer.permission.resume == nil)
    #expect(
      try shop.told("d1").contains(
        "granted: granted, attempt 1; start-motors is left out, the device does not offer it"))
    let other = try #require(try shop.patientOffer("d2"))
    #expect(other.permission.prepare == nil && other.permission.resume == nil)
  }
}

extension UpdateConditions {
  /// Reads conditions; nil when they are refused.
  static func read(_ text: String) -> UpdateConditions? {
    guard let document = try? JSON.parse(Array("{\"conditions\": \(text)}".utf8)) else {
      return nil
    }
    return DocumentReader(document, faults: DocumentReader.Faults()).conditions()
  }
}
