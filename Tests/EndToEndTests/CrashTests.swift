// CrashTests: the server is killed without warning, again and again, while a rollout runs.

import Glibc
import Testing
import UpdateModel

@Suite(.serialized) struct CrashTests {
  private static var isLong: Bool {
    getenv("GROUNDSWELL_LONG_TESTS").map { $0.pointee == 49 } ?? false
  }
  private static var kills: Int { isLong ? 100 : 12 }

  @Test(.timeLimit(.minutes(20)))
  func
    `whatever was acknowledged survives kill -9, nobody is granted twice, the rollout completes`()
    throws
  {
    let seed = UInt64(time(nil))
    var random = Randomness(state: seed)
    let server = try TestServer()
    let fleet = try prepare(server)
    defer { fleet.end(SIGTERM) }
    var acknowledged: [String] = []
    for kill in 0..<CrashTests.kills {
      acknowledged += try trouble(server, kill: kill, &random)
      server.crash()
      try server.start()
      let lost = try acknowledged.filter { device in
        try server.call("GET", TestServer.path("/devices/\(device)")).status != 200
      }
      #expect(lost.isEmpty, "seed \(seed), kill \(kill): \(lost) were acknowledged and are gone")
    }
    try awaitCompletion(server, seed: seed)
    try checkGrants(server, seed: seed)
    #expect(server.stop() == 0, "a server that is asked to stop stops in order")
  }

  // Two releases, a fleet on the first, a rollout of the second under way.
  private func prepare(_ server: TestServer) throws -> ChildProcess {
    try server.call("PATCH", "/api/v1/tenants/DEFAULT", ["pollSeconds": 1])
    let old = try server.upload(image(1), name: "fw", version: "1.0.0", hardware: "board")
    let new = try server.upload(image(2), name: "fw", version: "2.0.0", hardware: "board")
    try server.publish("fw", "1.0.0", artifact: old)
    try server.publish("fw", "2.0.0", artifact: new)
    setenv("GROUNDSWELL_TOKEN", server.token, 1)
    let log = "\(server.directory)/fleet.log"
    let fleet = try ChildProcess(
      [
        "simulate", "fleet", "--server", server.url, "--devices", "200", "--hardware", "board",
        "--initial-version", "1.0.0", "--poll", "1s", "--register", "--group", "staging:10",
        "--install", "300ms", "--reboot", "300ms", "--seed", "3", "--duration", "30m",
      ], output: log)
    for _ in 0..<600 where try reporting("1.0.0", server) < 200 { pause(50) }
    #expect(try reporting("1.0.0", server) == 200, "\(contents(of: log).suffix(500))")
    let soak = CrashTests.isLong ? "12s" : "1s"
    let created = try server.call(
      "POST", TestServer.path("/rollouts"),
      [
        "name": "crash", "release": "fw:2.0.0", "policy": "standard", "start": true,
        "overrides": ["canary.soak": .string(soak), "gate.soak": .string(soak)],
      ])
    #expect(created.status == 201, "\(created)")
    return fleet
  }

  private func image(_ fill: UInt8) -> [UInt8] {
    (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) ^ fill }
  }

  private func reporting(_ version: String, _ server: TestServer) throws -> Int {
    let summary = try server.call("GET", TestServer.path("/summary")).document
    let entry = summary["versions"]?.array?.first { $0["version"]?.string == version }
    return Int(entry?["count"]?.integer ?? 0)
  }

  // Registers devices until the moment of the crash; returns those that were acknowledged.
  private func trouble(
    _ server: TestServer, kill: Int, _ random: inout Randomness
  ) throws -> [String] {
    var acknowledged: [String] = []
    let count = 1 + Int(random.next() % 12)
    for index in 0..<count {
      let id = "extra-\(kill)-\(index)"
      let answer = try server.call(
        "POST", TestServer.path("/devices"), ["id": .string(id), "hardware": "other"])
      if answer.status == 201 { acknowledged.append(id) }
      pause(Int(random.next() % 120))
    }
    #expect(acknowledged.count == count, "a healthy server registers devices")
    return acknowledged
  }

  private func awaitCompletion(_ server: TestServer, seed: UInt64) throws {
    var rollout = JSON.null
    for _ in 0..<2400 {
      rollout = try server.call("GET", TestServer.path("/rollouts/crash")).document
      if rollout["status"]?.string != "running" { break }
      pause(100)
    }
    #expect(rollout["status"]?.string == "completed", "seed \(seed): \(rollout)")
    // The last stage is done at its quorum; the stragglers follow.
    for _ in 0..<1200 where try reporting("2.0.0", server) < 200 { pause(100) }
    #expect(try reporting("2.0.0", server) == 200, "seed \(seed)")
  }

  // One grant per device, one attempt, verified: a lost grant or report would have cost another.
  private func checkGrants(_ server: TestServer, seed: UInt64) throws {
    var items: [JSON] = []
    for _ in 0..<1200 {
      items =
        try server.call("GET", TestServer.path("/rollouts/crash/devices?limit=1000"))
        .document["items"]?.array ?? []
      if items.allSatisfy({ $0["action"]?["standing"]?.string == "succeeded" }) { break }
      pause(100)
    }
    #expect(items.count == 200, "seed \(seed)")
    for item in items {
      let id = item["id"]?.string ?? "?"
      #expect(item["action"]?["standing"]?.string == "succeeded", "seed \(seed), \(id): \(item)")
      #expect(item["action"]?["attempt"]?.integer == 1, "seed \(seed), \(id): \(item)")
      let history =
        try server.call("GET", TestServer.path("/devices/\(id)/history?limit=1000"))
        .document["items"]?.array ?? []
      let grants = history.filter { $0["kind"]?.string == "granted" }
      #expect(grants.count == 1, "seed \(seed), \(id) was granted \(grants.count) times")
    }
  }
}

/// SplitMix64; enough to vary when the server is killed.
struct Randomness {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
