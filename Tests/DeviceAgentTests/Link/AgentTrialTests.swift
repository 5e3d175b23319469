// The trial of a new agent: it ends in time, and the server is not called more often for it.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct AgentTrialTests {
  private let bench: AgentBench
  private let new = String(repeating: "b", count: 64)

  init() throws {
    bench = try AgentBench()
    bench.members = [
      "agentVersions": .string(bench.directory.file("agents")), "health": ["deadline": "10m"],
    ]
    let disk = POSIXDisk()
    try disk.makeDirectory(bench.directory.file("agents/\(new)"))
    try disk.link(bench.directory.file("agents/current"), to: new)
    // A device that knows its server, and then was given a new agent.
    _ = try bench.agent().cycle(mayWait: false)
    let journal = Journal(disk: disk, directory: bench.directory.file("state"))
    var state = try journal.load()
    let image = try Examples.image(component: "agent")
    let digest = try #require(Digest(hex: new))
    let written = UpdateImage(
      component: image.component, name: image.name, file: image.file, version: image.version,
      hardware: image.hardware, size: image.size, sha256: digest, signature: image.signature,
      source: image.source)
    state.phase = .armed(try Examples.update([written]), image: 0, place: .agent, departures: 0)
    try journal.save(state)
  }

  private func newAgent(_ clock: DeviceClock) throws -> Agent {
    let agent = try bench.agent(
      clock: clock, program: bench.directory.file("agents/\(new)/groundswell-agent"))
    #expect(agent.isOnTrial)
    return agent
  }

  @Test func `an agent that reaches no server gives way when its time is over`() throws {
    bench.counter.set { $0.trouble = 503 }
    let clock = SetClock()
    let agent = try newAgent(clock.clock)
    _ = try agent.cycle(mayWait: false)
    #expect(agent.isOnTrial)
    clock.set(.minutes(10))
    #expect(try agent.cycle(mayWait: false) == .exit(.done))
    #expect(try POSIXDisk().target(ofLink: bench.directory.file("agents/current")) == nil)
    // The one before tells it.
    bench.counter.set { $0.trouble = nil }
    let before = try bench.agent()
    _ = try before.cycle(mayWait: false)
    #expect(before.isIdle)
    #expect(bench.counter.phases.last == "reverted")
    #expect(bench.counter.seen { $0.reports.last?["error"]?["class"] } == "health")
  }

  @Test func `a server that asks for time is not called every other second by new agents`() throws {
    let clock = SetClock()
    bench.counter.set {
      $0.trouble = 429
      $0.retryAfter = 300
    }
    let agent = try newAgent(clock.clock)
    guard case .sleep(let asked) = try agent.cycle(mayWait: false) else {
      Issue.record("the agent ends")
      return
    }
    #expect(asked >= .seconds(300))
    // Not later than the end of its time.
    clock.set(.minutes(9))
    #expect(try agent.cycle(mayWait: false) == .sleep(.minutes(1)))
  }

  @Test func `an agent whose first poll is answered is kept`() throws {
    let agent = try newAgent(SetClock().clock)
    _ = try agent.cycle(mayWait: false)
    #expect(!agent.isOnTrial)
    #expect(bench.counter.phases.last == "installed")
  }
}
