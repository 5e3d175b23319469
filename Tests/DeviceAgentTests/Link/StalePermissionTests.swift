// What the server allowed once: it counts while the server answers, and no longer.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct StalePermissionTests {
  private let bench: AgentBench

  init() throws { bench = try AgentBench() }

  /// Requests for images so far.
  private var fetches: Int {
    bench.counter.seen { state in state.requests.count { $0.contains("/images/") } }
  }

  @Test(arguments: [403, 503])
  func `an update that may begin at last does not begin while the server is silent`(
    status: Int
  ) throws {
    let agent = try bench.agent()
    let state = try StateDirectory(bench.directory.file("state"))
    let now = Agent.wallTime()
    try Postponement(until: now + .hours(2), reason: "surgery", at: now).save(in: state)
    try bench.offer(patternBytes(10_000))
    _ = try agent.cycle(mayWait: false)
    #expect(agent.status()["update"]?["phase"] == "verified")
    try Postponement.remove(from: state)
    bench.counter.set { $0.trouble = status }
    _ = try agent.cycle(mayWait: false)
    #expect(agent.status()["update"]?["phase"] == "verified")
    bench.counter.set { $0.trouble = nil }
    #expect(try bench.turns(agent) { false } == .exit(.rebooting))
  }

  @Test func `a download does not begin while the server is silent`() throws {
    let product = bench.directory.file("product.json")
    bench.members = ["reported": ["file": .string(product)], "download": ["metered": false]]
    try bench.directory.write(#"{"network": {"metered": true}}"#, to: "product.json")
    try bench.offer(patternBytes(10_000))
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(fetches == 0)
    #expect(agent.status()["waiting"]?["reason"] == "the network is metered")
    try bench.directory.write(#"{"network": {"metered": false}}"#, to: "product.json")
    bench.counter.set { $0.trouble = 503 }
    _ = try agent.cycle(mayWait: false)
    #expect(fetches == 0)
    #expect(agent.isIdle)
    bench.counter.set { $0.trouble = nil }
    _ = try agent.cycle(mayWait: false)
    #expect(fetches > 0)
  }

  @Test func `an offer that the server does not stand by any more is forgotten`() throws {
    let no: JSON = ["allowed": false, "reason": "later"]
    try bench.offer(patternBytes(10_000), members: ["install": no])
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(agent.answer?.offer != nil)
    bench.counter.set { $0.trouble = 404 }
    _ = try agent.cycle(mayWait: false)
    #expect(agent.answer == nil)
    // An unchanged answer is asked for as a whole again.
    bench.counter.set { $0.trouble = nil }
    _ = try agent.cycle(mayWait: false)
    #expect(agent.answer?.offer != nil)
  }
}
