// A device that is asked to start again and does not: less and less, told once, never disarmed.

import Testing
import UpdateModel

@testable import DeviceAgent

struct RebootRequestTests {
  @Test(
    arguments: [
      (0, 0), (1, 1), (2, 2), (3, 4), (7, 64), (10, 512), (11, 600), (12, 600), (.max, 600),
    ] as [(Int, Int64)])
  func `the pause doubles from a second to ten minutes`(_ asked: Int, _ seconds: Int64) {
    #expect(AgentMachine.rebootPause(afterAsking: asked) == .seconds(seconds))
  }

  private func armed() throws -> AgentState {
    let update = try Examples.update()
    let events: [AgentEvent] = [
      .started(Examples.facts()), .offered(update), .downloaded,
      .installAllowed(action: update.action), .written, .armed,
    ]
    return Examples.play(events).state
  }

  @Test func `the server is told once, after seven requests in vain, and the trial stays armed`()
    throws
  {
    var state = try armed()
    let told = state.outbox.count
    for asked in 1...30 {
      let step = AgentMachine.step(state, .rebootAsked(hookFailure: asked == 8 ? "no power" : nil))
      state = step.state
      #expect(step.effects == [.reboot(after: AgentMachine.rebootPause(afterAsking: asked))])
      #expect(state.outbox.count == told + (asked <= AgentMachine.rebootsInVainMax ? 0 : 1))
      #expect(state.phase.word == "armed")
    }
    let report = try #require(state.outbox.last)
    #expect(report.phase == .rebooting)
    #expect(report.failure?.failureClass == .boot)
    #expect(
      report.failure?.text
        == "the device was asked 7 times to start again and did not: no power; it is asked on, at "
        + "most every 10m")
  }

  @Test func `a new process keeps the pause, and a new start forgets it`() throws {
    var state = try armed()
    for _ in 1...5 { state = AgentMachine.step(state, .rebootAsked(hookFailure: nil)).state }
    let restarted = AgentMachine.step(state, .started(Examples.facts()))
    #expect(restarted.effects == [.reboot(after: .seconds(16))])
    let armed = BootStatus(slot: .b, previous: .a, isTrial: true, state: .installed)
    let booted = AgentMachine.step(
      state, .started(Examples.facts(boot: armed, bootIdentifier: "2")))
    #expect(booted.state.rebootsAsked == 0)
    #expect(Examples.play([.armed], from: booted.state).effects == [.reboot()])
  }

  @Test func `a request without an update that waits for it counts for nothing`() {
    let step = AgentMachine.step(AgentState(), .rebootAsked(hookFailure: nil))
    #expect(step.state == AgentState())
    #expect(step.effects.isEmpty)
  }

  // MARK: With the agent

  @Test func `an agent whose device does not start again asks less and less, and polls on`() throws
  {
    let bench = try AgentBench()
    let note = bench.directory.file("note")
    bench.members = ["rebootEndsAgent": false, "hooks": ["reboot": [.string(note), "down"]]]
    func requests() throws -> Int {
      try bench.directory.text("calls").split(separator: "\n").count
    }
    let system = patternBytes(10_000)
    try bench.offer(system)
    let time = WaitingClock()
    let agent = try bench.agent(clock: time.clock)
    guard case .sleep = try agent.cycle(mayWait: false) else {
      Issue.record("the agent ended")
      return
    }
    for asked in 1...7 {
      #expect(try requests() == asked)
      let pause = AgentMachine.rebootPause(afterAsking: asked)
      #expect(agent.departureDue.map { $0 - time.time } == pause)
      // A poll in between neither asks sooner nor later.
      _ = try agent.cycle(mayWait: false)
      #expect(try requests() == asked)
      #expect(bench.counter.phases.last == "rebooting")
      #expect(bench.counter.seen { $0.reports.last?["error"] } == nil)
      time.clock.wait(pause)
      #expect(try agent.attend(isWoken: false) == nil)
    }
    let told = bench.counter.seen { $0.reports.last }
    #expect(told?["phase"] == "rebooting")
    #expect(told?["error"]?["class"] == "boot")
    #expect(bench.counter.seen { state in state.reports.count { $0["error"] != nil } } == 1)
    // The next process goes on slowly; the trial is what the boot loader finds at last.
    let next = try bench.agent(clock: time.clock)
    _ = try next.cycle(mayWait: false)
    #expect(try requests() == 8)
    #expect(next.departureDue.map { $0 - time.time } == .seconds(128))
    try bench.boot()
    let after = try bench.agent()
    _ = try bench.turns(after) { after.isIdle }
    #expect(bench.counter.phases.last == "installed")
    #expect(try bench.directory.read("slot-b") == system)
  }

  @Test func `a commanded reboot has failed when the device is still there minutes later`() throws {
    let bench = try AgentBench()
    bench.members = ["rebootEndsAgent": false, "hooks": ["reboot": ["/bin/true"]]]
    bench.counter.set { $0.commands = [["id": "4", "name": "reboot"]] }
    let time = WaitingClock()
    let agent = try bench.agent(clock: time.clock)
    _ = try agent.cycle(mayWait: false)
    func states() -> [String] {
      bench.counter.seen { state in
        state.answers.compactMap { $0["answer"]?["state"]?.string }
      }
    }
    time.clock.wait(.minutes(4))
    _ = try agent.cycle(mayWait: false)
    #expect(states() == ["running"])
    time.clock.wait(.minutes(1))
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    #expect(states() == ["running", "failed"])
  }
}
