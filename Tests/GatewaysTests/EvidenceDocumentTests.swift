// EvidenceDocumentTests: what the API tells of evidence: documents, decisions, reasons, safeguards.

import HTTPClient
import Orchestrator
import Testing
import UpdateModel

/// Forty devices of two models, driven through a rollout that breaks one of the models.
private struct Breakage {
  let service: ManagementService
  let client: ManagementClient
  private let clock = MovableClock()
  private let room: Room
  private var tokens: [String: String] = [:]

  static let policy = #"""
    {"name": "proof", "gate": {"soak": "0s"}, "retry": {"attempts": 1}, "onAbort": "rollback"}
    """#

  init() throws {
    service = try ManagementService(clock: clock)
    client = try ManagementClient(service)
    room = try #require(service.plane.room(try Name("DEFAULT")))
    try write(Breakage.policy, to: service.directory + "/policies/proof.json")
    _ = try client.expect(
      201, "POST", ManagementClient.image, "firmware", type: "application/octet-stream")
    let second = ManagementClient.image.replacing("version=1.0", with: "version=2.0")
    _ = try client.expect(201, "POST", second, "newer", type: "application/octet-stream")
    for (version, artifact) in [("1.0", 1), ("2.0", 2)] {
      _ = try client.expect(
        201, "POST", "T/releases",
        #"{"name":"app","version":"\#(version)","artifacts":[\#(artifact)]}"#)
      _ = try client.expect(200, "POST", "T/releases/app:\(version)/publish", "{}")
    }
    for index in 0..<30 { try register("a\(index)", "board-a") }
    for index in 0..<10 { try register("b\(index)", "board-b") }
    try register("x0", "board-x")
    _ = try client.expect(
      201, "POST", "T/rollouts",
      #"{"name":"spring","release":"app:2.0","policy":"proof","start":true}"#)
  }

  private mutating func register(_ device: String, _ hardware: String) throws {
    let id = try DeviceID(device)
    let registration = try Registration(
      device: id, hardware: try Name(hardware), tags: [:], token: nil)
    tokens[device] = try service.plane.register([registration], in: room).tokens.first
    try describe(device, "1.0")
  }

  @discardableResult
  func describe(_ device: String, _ version: String) throws -> UInt64 {
    try service.plane.updateAttributes(
      of: try DeviceID(device), in: room, mode: .merge, values: [(key: "version", value: version)])
  }

  func poll(_ device: String) throws -> PollAnswer {
    let token = try #require(tokens[device])
    return Array(device.utf8).withUnsafeBytes { id in
      Array(token.utf8).withUnsafeBytes { service.plane.poll(room, device: id, token: $0) }
    }
  }

  /// Polls, and installs well or badly what is offered; false when nothing is.
  func visit(_ device: String, isGood: Bool) throws -> Bool {
    guard case .deployment(let id, _) = try poll(device) else { return false }
    let name = try DeviceID(device)
    _ = try #require(service.plane.deployment(id, for: name, in: room))
    func report(_ meaning: DeviceReport.Meaning) {
      _ = service.plane.record(
        DeviceReport(meaning: meaning, word: "said", text: "no space", code: nil), of: name,
        action: id, in: room)
    }
    report(.downloaded)
    report(isGood ? .installed : .failed)
    guard isGood else { return true }
    try describe(device, "2.0")
    _ = try poll(device)
    return true
  }

  /// A second passes, which is more than the soak time.
  func pass() {
    clock.move(by: .seconds(1))
    service.plane.advance()
  }

  /// The model `board-b` breaks; `board-a` goes on.
  func breakModel() throws {
    for index in 0..<10 { _ = try visit("b\(index)", isGood: false) }
    for index in 0..<30 { _ = try visit("a\(index)", isGood: true) }
    pass()
  }

  func get(_ path: String) throws -> JSON {
    // What is read from the disk has to be there; a change that changes nothing tells up to where.
    try service.plane.wait(for: try describe("x0", "1.0"))
    return try client.expect(200, "GET", "T/rollouts/spring" + path)
  }
}

struct EvidenceDocumentTests {
  @Test func `a rollout by evidence tells its strata, and a stage its parts`() throws {
    let breakage = try Breakage()
    let found = try breakage.get("")
    let stage = try #require(found["stages"]?.array?.first)
    #expect(stage["name"] == "stage 1" && stage["size"] == 10)
    let parts: JSON = [
      ["stratum": "hardware=board-a", "size": 5], ["stratum": "hardware=board-b", "size": 5],
    ]
    #expect(stage["parts"] == parts)
    let evidence = try #require(found["evidence"])
    #expect(evidence["tolerance"] == "0.5%" && evidence["soakSeconds"] == 0)
    let strata = evidence["strata"]?.array ?? []
    #expect(strata.map { $0["label"] } == ["hardware=board-a", "hardware=board-b"])
    #expect(strata.map { $0["size"] } == [30, 10])
    #expect(strata.map { $0["opened"] } == [5, 5])
    #expect(strata.allSatisfy { $0["quarantine"] == nil && $0["upper"] == nil })
    // Those that gather no evidence say nothing about it.
    let plain = try breakage.client.expect(
      201, "POST", "T/rollouts", #"{"name":"plain","release":"app:2.0","policy":"plain"}"#)
    #expect(plain["evidence"] == nil)
  }

  @Test func `a model in quarantine is told with numbers and reason`() throws {
    let breakage = try Breakage()
    try breakage.breakModel()
    let evidence = try #require(try breakage.get("")["evidence"])
    let (good, bad) = (evidence["strata"]?.array?.first, evidence["strata"]?.array?.last)
    #expect(good?["quarantine"] == nil)
    #expect((good?["matured"]?.integer ?? 0) >= 5)
    #expect(good?["upper"]?.string?.hasSuffix("%") == true)
    #expect(bad?["reported"]?.integer ?? 0 >= 2)
    #expect(bad?["quarantine"]?["reason"]?.string?.contains("failed") == true)
    #expect(bad?["quarantine"]?["since"]?.string?.hasSuffix("Z") == true)
    let listed = try breakage.client.expect(200, "GET", "T/rollouts")["items"]?.array?.first
    #expect(listed?["evidence"]?["strata"]?.array?.count == 2)
  }

  @Test func `decisions are paged with everything that they were taken from`() throws {
    let breakage = try Breakage()
    try breakage.breakModel()
    let all = try breakage.get("/decisions")["items"]?.array ?? []
    #expect(all.last?["verdict"] == "ADVANCE")
    #expect(all.contains { $0["verdict"] == "QUARANTINE" })
    for decision in all {
      #expect(decision["sentence"]?.string?.isEmpty == false)
      #expect(decision["inputs"]?["strata"]?.array?.count == 2)
    }
    let first = try breakage.get("/decisions?limit=1")
    let next = try #require(first["next"]?.string)
    let second = try breakage.get("/decisions?limit=1&after=\(next)")
    #expect((first["items"]?.array ?? []) + (second["items"]?.array ?? []) == Array(all.prefix(2)))
    _ = try breakage.client.expect(400, "GET", "T/rollouts/spring/decisions?after=x")
    _ = try breakage.client.expect(404, "GET", "T/rollouts/none/decisions")
  }

  @Test func `a rollout tells its whole story`() throws {
    let breakage = try Breakage()
    try breakage.breakModel()
    let told = try breakage.get("/explain")
    let story = told["story"]?.array ?? []
    func sentence(_ topic: String) -> String? {
      story.first { $0["topic"]?.string == topic }?["sentence"]?.string
    }
    #expect(sentence("status")?.isEmpty == false)
    #expect(sentence("quarantine")?.hasPrefix("hardware=board-b since ") == true)
    #expect(sentence("evidence")?.hasPrefix("hardware=board-a: ") == true)
    #expect(sentence("then")?.isEmpty == false)
    #expect((told["decisions"]?.array ?? []).contains { $0["verdict"] == "QUARANTINE" })
    #expect(told["events"]?.array?.isEmpty == false)
  }

  @Test func `any registered device is told why it is where it is`() throws {
    let breakage = try Breakage()
    try breakage.breakModel()
    func told(_ device: String) throws -> JSON { try breakage.get("/explain?device=\(device)") }
    let parts =
      try breakage.client.expect(200, "GET", "T/rollouts/spring/devices?limit=1000")["items"]?
      .array ?? []
    func one(_ standing: String) -> String? {
      parts.first { $0["action"]?["standing"]?.string == standing }?["id"]?.string
    }
    let failed = try told(try #require(one("failed")))
    #expect(failed["sentence"]?.string?.hasPrefix("failed for good in attempt 1 of 1") == true)
    #expect(failed["stratum"] == "hardware=board-b")
    let proven = try told(try #require(one("succeeded")))
    #expect(proven["standing"] == "succeeded" && proven["stratum"] == "hardware=board-a")
    let granted = Set(parts.compactMap { $0["id"]?.string })
    let kept = try #require((0..<10).map { "b\($0)" }.first { !granted.contains($0) })
    #expect(try told(kept)["sentence"]?.string?.contains("is in quarantine") == true)
    #expect(try told(kept)["place"]?["of"] == 10)
    #expect(try told("x0")["sentence"]?.string?.contains("board-x") == true)
    _ = try breakage.client.expect(404, "GET", "T/rollouts/spring/explain?device=nobody")
    _ = try breakage.client.expect(404, "GET", "T/rollouts/none/explain")
  }

  @Test func `a device of a closed rollout is told what became of it`() throws {
    let breakage = try Breakage()
    for _ in 0..<10 {
      for index in 0..<30 { _ = try breakage.visit("a\(index)", isGood: true) }
      for index in 0..<10 { _ = try breakage.visit("b\(index)", isGood: true) }
      breakage.pass()
    }
    #expect(try breakage.get("")["status"] == "completed")
    _ = try breakage.client.expect(
      201, "POST", "T/rollouts",
      #"{"name":"next","release":"app:1.0","policy":"plain","start":true}"#)
    #expect(try breakage.get("")["status"] == "closed")
    let told = try breakage.get("/explain?device=a0")
    #expect(told["standing"] == "succeeded")
    #expect(told["next"] == "nothing more from this rollout: a later one took its place")
  }

  @Test func `a safeguard is listed until a person lifts it`() throws {
    let breakage = try Breakage()
    let client = breakage.client
    #expect(try client.expect(200, "GET", "T/safeguards")["items"] == [])
    try breakage.breakModel()
    let listed = try client.expect(200, "GET", "T/safeguards")["items"]?.array ?? []
    #expect(listed.count == 1)
    #expect(listed.first?["filter"] == "hardware=board-b")
    #expect(listed.first?["rollout"] == ["id": 1, "name": "spring"])
    _ = try client.expect(
      201, "POST", "T/rollouts", #"{"name":"other","release":"app:2.0","policy":"plain"}"#)
    let granted = try client.expect(200, "GET", "T/rollouts/spring/devices?limit=1000")["items"]
    let ids = Set((granted?.array ?? []).compactMap { $0["id"]?.string })
    let kept = try #require((0..<10).map { "b\($0)" }.first { !ids.contains($0) })
    func other() throws -> JSON {
      try client.expect(200, "GET", "T/rollouts/other/explain?device=\(kept)")
    }
    #expect(try other()["sentence"]?.string?.hasPrefix("kept from updates by a safeguard") == true)
    _ = try client.expect(404, "DELETE", "T/safeguards/7")
    _ = try client.expect(404, "DELETE", "T/safeguards/x")
    _ = try client.expect(204, "DELETE", "T/safeguards/1")
    _ = try client.expect(404, "DELETE", "T/safeguards/1")
    // The evidence was set aside by a person, in the rollout that found it too.
    let strata = try breakage.get("")["evidence"]?["strata"]?.array
    #expect(strata?.last?["quarantine"] == nil)
    #expect(try other()["sentence"]?.string?.hasPrefix("the rollout is a draft") == true)
  }
}
