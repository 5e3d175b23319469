// A device from enrolment through updates, fallbacks, postponement and silence of the server.

import Crypto
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct AgentLifeTests {
  private let bench: AgentBench

  init() throws { bench = try AgentBench() }

  @Test func `a device enrols, describes itself, updates, reboots and proves the new version`()
    throws
  {
    let system = patternBytes(700_000)
    try bench.offer(system)
    let agent = try bench.agent()
    let step = try bench.turns(agent) { false }
    #expect(step == .exit(.rebooting))
    #expect(bench.counter.phases == ["downloading", "downloaded", "installing", "rebooting"])
    #expect(try bench.directory.read("slot-b") == system)
    #expect(try bench.directory.text("slot-a") == "old system")
    #expect(bench.counter.seen { $0.reported["version"] } == nil)

    try bench.boot()
    let after = try bench.agent()
    #expect(after.isOnTrial)
    _ = try bench.turns(after) { !after.isOnTrial }
    #expect(bench.counter.phases.last == "installed")
    #expect(bench.counter.seen { $0.reported["version"] } == "2.0")
    #expect(bench.counter.seen { $0.reported["slot"] } == "b")
    let digest = SHA256.value(of: system).hex
    #expect(bench.counter.seen { $0.reported["image_sha256"] } == .string(digest))
  }

  @Test func `a system that does not start is reported as reverted, with the reason`() throws {
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try bench.boot(starts: false)
    let after = try bench.agent()
    _ = try after.cycle(mayWait: false)
    let last = bench.counter.seen { $0.reports.last }
    #expect(last?["phase"] == "reverted")
    #expect(last?["error"]?["class"] == "boot")
    #expect(try bench.directory.text("running") == "a\n")
    #expect(bench.counter.seen { $0.reported["boot"]?["lastFailure"]?.string } != nil)
  }

  @Test func `a new system that is not well goes back by itself`() throws {
    bench.members = [
      "health": ["checks": [["name": "ill", "command": ["/bin/false"], "attempts": 1]]]
    ]
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try bench.boot()
    let ill = try bench.agent()
    #expect(try ill.cycle(mayWait: false) == .exit(.rebooting))
    try bench.boot()
    _ = try bench.agent().cycle(mayWait: false)
    let last = bench.counter.seen { $0.reports.last }
    #expect(last?["phase"] == "reverted")
    #expect(last?["error"]?["class"] == "health")
  }

  @Test func `an image that nobody trusted signed is never fetched`() throws {
    try bench.offer(patternBytes(10_000), signer: try SigningKey.generate())
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    let last = bench.counter.seen { $0.reports.last }
    #expect(last?["phase"] == "failed")
    #expect(last?["error"]?["class"] == "signature")
    #expect(bench.counter.seen { state in state.requests.allSatisfy { !$0.contains("/images/") } })
  }

  @Test func `pinned keys count instead of those of the enrolment`() throws {
    let pinned = try SigningKey.generate()
    bench.members = ["signingKeys": [.string(pinned.verifyingKey.hex)]]
    try bench.offer(patternBytes(10_000))
    _ = try bench.agent().cycle(mayWait: false)
    #expect(bench.counter.seen { $0.reports.last?["error"]?["class"] } == "signature")
  }

  @Test func `reports that the server could not take are delivered after a restart, in order`()
    throws
  {
    bench.members = ["health": ["server": false]]
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    bench.counter.set {
      $0.trouble = 503
      $0.answer = .object([])
    }
    try bench.boot()
    let silent = try bench.agent()
    _ = try silent.cycle(mayWait: false)
    #expect(!silent.isOnTrial)
    #expect(bench.counter.phases.last == "rebooting")
    bench.counter.set { $0.trouble = nil }
    let again = try bench.agent()
    _ = try bench.turns(again) { again.isIdle }
    #expect(
      bench.counter.phases == ["downloading", "downloaded", "installing", "rebooting", "installed"])
  }

  @Test func `a report whose answer was lost is told again until it is answered, then no more`()
    throws
  {
    bench.members = ["health": ["server": false]]
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try bench.boot()
    bench.counter.set {
      $0.answer = .object([])
      $0.lostAnswers = 3
    }
    let agent = try bench.agent()
    _ = try bench.turns(agent) { agent.isIdle }
    _ = try agent.cycle(mayWait: false)
    let ends = bench.counter.seen { state in state.reports.filter { $0["phase"] == "installed" } }
    #expect(ends.count == 4)
    #expect(Set(ends.map { String(decoding: $0.text, as: UTF8.self) }).count == 1)
    #expect(agent.isIdle)
  }

  @Test func `nothing is downloaded or installed before the server allows it`() throws {
    let no: JSON = ["allowed": false, "reason": "outside the window"]
    try bench.offer(patternBytes(10_000), members: ["download": no])
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.phases.isEmpty)
    #expect(agent.status()["waiting"]?["reason"] == "outside the window")
    try bench.offer(patternBytes(10_000), members: ["install": no])
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.phases == ["downloading", "downloaded"])
    #expect(agent.status()["waiting"]?["step"] == "install")
    try bench.offer(patternBytes(10_000))
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
  }

  @Test func `a person may postpone until the server forces the update`() throws {
    let agent = try bench.agent()
    let state = try StateDirectory(bench.directory.file("state"))
    let now = Agent.wallTime()
    try Postponement(until: now + .hours(2), reason: "surgery", at: now).save(in: state)
    try bench.offer(patternBytes(10_000))
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    let told = bench.counter.seen { state in state.reports.filter { $0["phase"] == "postponed" } }
    #expect(told.count == 1)
    #expect(told.first?["text"] == "surgery")
    #expect(told.first?["until"]?.string.flatMap(Instant.init(rfc3339:)) != nil)
    try bench.offer(patternBytes(10_000), members: ["forced": true])
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
  }

  @Test func `a device whose owner updates by hand waits for a word`() throws {
    bench.members = ["autoUpdate": "manual"]
    try bench.offer(patternBytes(10_000))
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.phases == ["downloading", "downloaded", "postponed"])
    let state = try StateDirectory(bench.directory.file("state"))
    try Postponement.consent(to: try Name("7"), in: state)
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
  }

  @Test func `an action that is cancelled in time leaves no trace, and too late is refused`() throws
  {
    let no: JSON = ["allowed": false, "reason": "later"]
    try bench.offer(patternBytes(10_000), members: ["install": no])
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    bench.counter.set { $0.answer = ["cancel": ["action": "7"]] }
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.phases.last == "cancelled")
    try bench.offer(patternBytes(10_000), action: "8")
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
    try bench.boot()
    bench.members = ["health": ["checks": [["name": "slow", "command": ["/bin/sleep", "1"]]]]]
    bench.counter.set { $0.answer = ["cancel": ["action": "8"]] }
    let after = try bench.agent()
    _ = try bench.turns(after) { after.isIdle }
    #expect(bench.counter.phases.last == "installed")
  }

  @Test func `the declared actions are called around an installation`() throws {
    let note = bench.directory.file("note")
    bench.members = [
      "hooks": [
        "actions": [
          ["name": "motors-off", "command": [.string(note), "off"]],
          ["name": "motors-on", "command": [.string(note), "on"]],
        ]
      ]
    ]
    try bench.offer(
      patternBytes(10_000), members: ["prepare": "motors-off", "resume": "motors-on"])
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    #expect(
      try bench.directory.text("calls").split(separator: "\n").map { $0.dropLast() } == ["note off"]
    )
    try bench.boot()
    let after = try bench.agent()
    _ = try bench.turns(after) { after.isIdle }
    let calls = try bench.directory.text("calls").split(separator: "\n").map { $0.dropLast() }
    #expect(calls == ["note off", "note on"])
  }

  @Test func `approval is waited for as told, and a new key is accepted at once`() throws {
    bench.counter.set { $0.pending = 1 }
    let agent = try bench.agent()
    #expect(try agent.cycle(mayWait: false) == .sleep(.seconds(1)))
    #expect(agent.status()["enrolment"] == "waits for approval")
    _ = try agent.cycle(mayWait: false)
    #expect(agent.status()["device"] == "device-1")
    bench.counter.set {
      $0.answer = [
        "desired": [
          "version": 3, "properties": ["credential": ["rotateBy": "2027-01-01T00:00:00Z"]],
        ]
      ]
    }
    let before = bench.counter.seen { $0.keys["device-1"] }
    _ = try agent.cycle(mayWait: false)
    let after = bench.counter.seen { $0.keys["device-1"] }
    #expect(before != after)
    // The new key is in force, also after a restart, and the wish is followed once.
    let count = bench.counter.seen { $0.requests.count { $0.hasSuffix("/credentials") } }
    _ = try bench.agent().cycle(mayWait: false)
    #expect(bench.counter.seen { $0.requests.count { $0.hasSuffix("/credentials") } } == count)
    #expect(bench.counter.seen { $0.requests.last?.contains("desired=3") } == true)
  }

  @Test func `a token that the server forgot is renewed without a failure`() throws {
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    bench.counter.set { $0.tokens = [] }
    _ = try agent.cycle(mayWait: false)
    #expect(agent.troubleNow == nil)
    #expect(bench.counter.seen { $0.requests.count { $0.hasSuffix("/session") } } == 2)
  }

  @Test func `silence of the server is answered with longer and longer pauses`() throws {
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    bench.counter.set { $0.trouble = 500 }
    var pauses: [Int64] = []
    for _ in 0..<8 {
      if case .sleep(let pause) = try agent.cycle(mayWait: false) {
        pauses.append(pause.milliseconds)
      }
    }
    #expect(pauses.count == 8)
    #expect(pauses.last ?? 0 > 30_000)
    #expect(agent.status()["trouble"]?.string?.contains("500") == true)
    bench.counter.set { $0.trouble = nil }
    #expect(try agent.cycle(mayWait: false) == .sleep(.seconds(1)))
  }
}
