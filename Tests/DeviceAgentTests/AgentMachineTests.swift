// The machine of the agent: the way of an update, and what each event means in each phase.

import Testing
import UpdateModel

@testable import DeviceAgent

struct AgentMachineTests {
  private let failure = UpdateFailure(.health, "not well")

  /// The events of an update up to the reboot.
  private func untilArmed(_ update: Update) -> [AgentEvent] {
    [
      .started(Examples.facts()), .offered(update), .downloaded,
      .installAllowed(action: update.action), .written, .armed,
    ]
  }

  private func trial(count: Int = 1) -> AgentEvent {
    let boot = BootStatus(
      slot: .b, previous: .a, isTrial: true, bootCount: count, state: .installed)
    return .started(Examples.facts(running: .b, boot: boot, bootIdentifier: "2"))
  }

  @Test func `an update goes from offer to confirmation`() throws {
    let update = try Examples.update()
    let image = update.images[0]
    var state = AgentState()
    let steps: [(AgentEvent, [AgentEffect], String)] = [
      (.started(Examples.facts()), [.discardDownloads(keeping: [])], "idle"),
      (
        .offered(update), [.discardDownloads(keeping: [image.sha256]), .download(image)],
        "downloading"
      ),
      (.downloaded, [], "verified"),
      (.installAllowed(action: update.action), [.write(image, .slot(.b))], "writing"),
      (.written, [.arm(image, .slot(.b))], "written"),
      (.armed, [.reboot()], "armed"),
      (trial(), [.checkTrial(.slot(.b))], "on-trial"),
      (.trialPassed, [.confirm(image, .slot(.b))], "on-trial"),
      (.confirmed, [.discardDownloads(keeping: [])], "idle"),
    ]
    for (event, effects, word) in steps {
      let step = AgentMachine.step(state, event)
      #expect(step.effects == effects, "\(event)")
      #expect(step.state.phase.word == word, "\(event)")
      state = step.state
    }
    #expect(state.confirmed == .b)
    #expect(state.contents[.b]?.sha256 == image.sha256)
    #expect(state.outbox.map(\.phase) == [.downloaded, .installing, .rebooting, .installed])
    #expect(state.latestEnd?.phase == .installed)
  }

  @Test func `the slot that is not running is written`() throws {
    let update = try Examples.update()
    let events: [AgentEvent] = [
      .offered(update), .downloaded, .installAllowed(action: update.action),
    ]
    for (running, target) in [(Slot.a, Slot.b), (.b, .a)] {
      let boot = BootStatus(slot: running, previous: running)
      let start = AgentEvent.started(Examples.facts(running: running, boot: boot))
      let end = Examples.play([start] + events)
      #expect(end.effects == [.write(update.images[0], .slot(target))])
    }
    // A recovery system spares the slot that proved itself last.
    var state = AgentState()
    state.confirmed = .b
    let end = Examples.play([.started(Examples.facts(running: nil))] + events, from: state)
    #expect(end.effects == [.write(update.images[0], .slot(.a))])
  }

  @Test func `a slot that was being written and runs is never written`() throws {
    let update = try Examples.update()
    var state = Examples.play(Array(untilArmed(update).prefix(4))).state
    #expect(state.phase.word == "writing")
    state = Examples.play([trial()], from: state).state
    #expect(state.phase == .idle)
    #expect(state.latestEnd?.failure?.failureClass == .install)
  }

  @Test func `each phase is resumed after a restart with the effect that it waits for`() throws {
    let update = try Examples.update(prepare: "stop-motors", resume: "start-motors")
    let image = update.images[0]
    let start = AgentEvent.started(Examples.facts())
    let rows: [([AgentEvent], AgentEffect?)] = [
      ([start, .offered(update)], .download(image)),
      ([start, .offered(update), .downloaded], nil),
      (
        [start, .offered(update), .downloaded, .installAllowed(action: update.action)],
        .prepare(try Name("stop-motors"))
      ),
      (
        [start, .offered(update), .downloaded, .installAllowed(action: update.action), .prepared],
        .write(image, .slot(.b))
      ),
      (
        [
          start, .offered(update), .downloaded, .installAllowed(action: update.action), .prepared,
          .written,
        ], .arm(image, .slot(.b))
      ),
      (
        [
          start, .offered(update), .downloaded, .installAllowed(action: update.action), .prepared,
          .written, .armed,
        ], .reboot()
      ),
    ]
    for (events, effect) in rows {
      let state = Examples.play(events).state
      let again = AgentMachine.step(state, start)
      #expect(again.effects == (effect.map { [$0] } ?? []), "\(state.phase.word)")
    }
  }

  @Test func `a failed trial falls back and says why`() throws {
    let update = try Examples.update(resume: "start-motors")
    var step = Examples.play(
      untilArmed(update) + [trial(), .trialFailed(failure, revertsAtOnce: true)])
    #expect(step.effects == [.revert(update.images[0], .slot(.b))])
    step = AgentMachine.step(step.state, .reverted)
    #expect(step.effects == [.reboot()])
    let back = BootStatus(slot: .a, previous: .a, state: .failed)
    step = AgentMachine.step(
      step.state, .started(Examples.facts(boot: back, bootIdentifier: "3")))
    #expect(step.state.phase == .idle)
    #expect(step.state.outbox.last?.phase == .reverted)
    #expect(step.state.outbox.last?.failure == failure)
    #expect(step.state.confirmed == .a)
    #expect(step.effects.contains(.resume(try Name("start-motors"))))
  }

  @Test func `a boot loader that fell back is a failure of the boot`() throws {
    let update = try Examples.update()
    let back = BootStatus(slot: .a, previous: .b, state: .failed)
    let step = Examples.play(
      untilArmed(update) + [.started(Examples.facts(boot: back, bootIdentifier: "5"))])
    #expect(step.state.outbox.last?.phase == .reverted)
    #expect(step.state.outbox.last?.failure?.failureClass == .boot)
  }

  @Test func `a trial that the boot loader counts keeps what the checks found`() throws {
    let update = try Examples.update()
    let step = Examples.play(
      untilArmed(update) + [trial(), .trialFailed(failure, revertsAtOnce: false)])
    #expect(step.effects == [.reboot()])
    let back = BootStatus(slot: .a, previous: .b, state: .failed)
    let end = AgentMachine.step(
      step.state, .started(Examples.facts(boot: back, bootIdentifier: "5")))
    #expect(end.state.outbox.last?.failure == failure)
  }

  @Test func `a slot that started more often than allowed is given up by the agent itself`() throws
  {
    let update = try Examples.update()
    #expect(
      Examples.play(untilArmed(update) + [trial(count: 3)]).effects == [.checkTrial(.slot(.b))])
    let step = Examples.play(untilArmed(update) + [trial(count: 4)])
    #expect(step.effects == [.revert(update.images[0], .slot(.b))])
  }

  @Test func `a bad system is kept when nothing else would start`() throws {
    let update = try Examples.update()
    let step = Examples.play(
      untilArmed(update) + [
        trial(), .trialFailed(failure, revertsAtOnce: true),
        .revertImpossible(UpdateFailure(.storage, "slot a is gone")),
      ])
    #expect(step.effects.first == .keep(.b))
    #expect(step.state.safeMode == .noGoodSlot)
    #expect(step.state.outbox.last?.phase == .failed)
    // The same image is offered again and not taken for granted in safe mode.
    let again = try Examples.update(attempt: 2)
    let offered = Examples.play(
      [.started(Examples.facts(running: .b)), .offered(again)], from: step.state)
    #expect(offered.effects.last == .download(update.images[0]))
  }

  @Test func `a restart of the agent alone does not look like a fallback`() throws {
    let update = try Examples.update()
    let step = Examples.play(untilArmed(update) + [.started(Examples.facts())])
    #expect(step.effects == [.reboot()])
    #expect(step.state.phase.word == "armed")
  }

  @Test func `a boot loader that ignores the record is given up after three reboots`() throws {
    let update = try Examples.update()
    let armed = BootStatus(slot: .b, previous: .a, isTrial: true, state: .installed)
    var step = Examples.play(untilArmed(update))
    for boot in 2...4 {
      step = AgentMachine.step(
        step.state, .started(Examples.facts(boot: armed, bootIdentifier: "\(boot)")))
      #expect(step.effects == [.arm(update.images[0], .slot(.b))])
      step = AgentMachine.step(step.state, .armed)
      #expect(step.effects == [.reboot()])
    }
    step = AgentMachine.step(step.state, .started(Examples.facts(boot: armed, bootIdentifier: "9")))
    #expect(step.effects == [.revert(update.images[0], .slot(.b))])
    step = AgentMachine.step(step.state, .reverted)
    #expect(step.state.latestEnd?.phase == .reverted)
  }

  @Test func `an update can be cancelled until it is prepared`() throws {
    let update = try Examples.update(prepare: "stop-motors")
    let all: [AgentEvent] = [
      .started(Examples.facts()), .offered(update), .downloaded,
      .installAllowed(action: update.action), .prepared, .written, .armed,
    ]
    for count in 2...all.count {
      let state = Examples.play(Array(all.prefix(count))).state
      let step = AgentMachine.step(state, .cancelled(action: update.action))
      let expected: UpdateReport.Phase = count <= 3 ? .cancelled : .cancelRefused
      #expect(step.state.outbox.last?.phase == expected, "\(state.phase.word)")
      #expect((step.state.phase == .idle) == (count <= 3))
    }
    // What the device never heard of is as good as cancelled.
    let unknown = Examples.play([.cancelled(action: try Name("9"))])
    #expect(unknown.state.outbox.map(\.phase) == [.cancelled])
  }

  @Test func `the same attempt is answered and not installed again`() throws {
    let update = try Examples.update()
    var step = Examples.play([.started(Examples.facts()), .refused(update, failure)])
    #expect(step.state.outbox.count == 1)
    step = Examples.play([.offered(update)], from: step.state)
    #expect(step.state.outbox.count == 1)
    step = Examples.play([.reportDelivered(number: 1), .offered(update)], from: step.state)
    #expect(step.state.outbox.map(\.phase) == [.failed])
    #expect(step.state.phase == .idle)
    step = Examples.play([.offered(try Examples.update(attempt: 2))], from: step.state)
    #expect(step.state.phase.word == "downloading")
  }

  @Test func `another offer replaces one that is not being installed`() throws {
    let first = try Examples.update()
    let second = try Examples.update([try Examples.image(byte: 2)], action: "124")
    let start: [AgentEvent] = [.started(Examples.facts()), .offered(first), .downloaded]
    #expect(Examples.play(start + [.offered(second)]).state.phase.update == second)
    let installing = Examples.play(
      start + [.installAllowed(action: first.action), .offered(second)])
    #expect(installing.state.phase.update == first)
  }

  @Test func `an image that is lost is fetched three times more`() throws {
    let update = try Examples.update()
    var state = Examples.play([.started(Examples.facts()), .offered(update)]).state
    for _ in 1...3 {
      let step = AgentMachine.step(state, .imageLost)
      #expect(step.effects == [.download(update.images[0])])
      state = step.state
    }
    state = AgentMachine.step(state, .imageLost).state
    #expect(state.latestEnd?.failure?.failureClass == .hash)
  }

  @Test func `several images are fetched first and then installed in turn`() throws {
    let agent = try Examples.image(component: "agent", byte: 2)
    let system = try Examples.image()
    let update = try Examples.update([agent, system])
    var step = Examples.play([
      .started(Examples.facts()), .offered(update), .downloaded, .downloaded,
      .installAllowed(action: update.action),
    ])
    #expect(step.effects == [.write(agent, .agent)])
    step = Examples.play([.written, .armed], from: step.state)
    #expect(step.effects == [.restartAgent])
    step = Examples.play(
      [.started(Examples.facts(agent: agent.sha256)), .trialPassed, .confirmed], from: step.state)
    #expect(step.effects == [.write(system, .slot(.b))])
    #expect(step.state.confirmedAgent == agent.sha256)
  }

  @Test func `an agent that never polls is replaced by the one before after five starts`() throws {
    let image = try Examples.image(component: "agent")
    let update = try Examples.update([image])
    var step = Examples.play(untilArmed(update))
    let start = AgentEvent.started(Examples.facts(agent: image.sha256))
    for _ in 1...AgentMachine.agentStartsMax {
      step = AgentMachine.step(step.state, start)
      #expect(step.effects == [.checkTrial(.agent)])
    }
    step = AgentMachine.step(step.state, start)
    #expect(step.effects == [.revert(image, .agent)])
    step = AgentMachine.step(step.state, .reverted)
    #expect(step.effects == [.restartAgent])
    step = AgentMachine.step(step.state, .started(Examples.facts()))
    #expect(step.state.latestEnd?.phase == .reverted)
  }

  @Test func `the outbox is bounded and keeps the ends`() throws {
    var state = AgentState()
    for action in 1...60 {
      let update = try Examples.update(action: "\(action)")
      state =
        Examples.play(
          [
            .started(Examples.facts()), .offered(update), .downloaded,
            .cancelled(action: update.action),
          ],
          from: state
        ).state
    }
    #expect(state.outbox.count == AgentState.outboxMax)
    #expect(state.outbox.allSatisfy { $0.phase == .cancelled })
  }

  @Test func `a recovery system is safe mode until a slot runs`() {
    let recovery = Examples.play([.started(Examples.facts(running: nil))]).state
    #expect(recovery.safeMode == .recoverySystem)
    #expect(Examples.play([.started(Examples.facts())], from: recovery).state.safeMode == nil)
    #expect(!SafeMode.allows(command: "factory-reset", recovery))
    #expect(SafeMode.allows(command: "reboot", recovery))
    #expect(SafeMode.allows(command: "factory-reset", AgentState()))
  }
}
