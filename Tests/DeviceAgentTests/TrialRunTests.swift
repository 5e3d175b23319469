// A trial that its own agent cannot bring to an end: restarts are counted, deadlines are kept.

import Glibc
import Synchronization
import Testing
import UpdateModel

@testable import DeviceAgent

/// A device in memory whose slot b runs on trial, armed by an agent that kept its state.
struct TrialDevice {
  let disk = SimulatedDisk()
  let programs = ScriptedPrograms()
  var setup: DeviceSetup
  let update: Update

  init() throws {
    update = try Examples.update()
    setup = DeviceSetup(hardware: try Name("gs1"), signingKeys: [])
    setup.stateDirectory = "/state"
    setup.boot = .file(directory: "/boot")
    setup.slots = SlotSetup(
      pathA: "/slots/a", pathB: "/slots/b", component: try Name("os"), running: .file("/run/slot"))
    setup.bootIdentifierPath = "/run/boot"
    disk.install("/state/.keep", [])
    disk.install("/slots/a", [1])
    disk.install("/slots/b", [2])
    disk.install("/run/slot", Array("b".utf8))
    disk.install("/run/boot", Array("2".utf8))
    disk.install("/boot/.keep", [])
    try boot.write(
      BootStatus(slot: .b, previous: .a, isTrial: true, bootCount: 1, state: .installed))
  }

  var boot: BootAccess {
    BootAccess(disk: disk, programs: programs, control: .file(directory: "/boot"))
  }

  /// Leaves the state of a device that armed slot b in the boot before this one.
  func saveArmed() throws {
    var state = AgentState()
    state.phase = .armed(update, image: 0, place: .slot(.b), departures: 0)
    state.bootIdentifier = "1"
    state.confirmed = .a
    try Journal(disk: disk, directory: "/state").save(state)
  }

  func updater(_ clock: DeviceClock) throws -> DeviceUpdater {
    try DeviceUpdater(setup, disk: disk, programs: programs, clock: clock)
  }
}

/// A time that a test sets; whoever waits goes on soon.
final class SetClock: Sendable {
  private let time = Mutex(Interval.zero)

  func set(_ value: Interval) { time.withLock { $0 = value } }

  var clock: DeviceClock {
    DeviceClock(now: { self.time.withLock { $0 } }, wait: { _ in usleep(1000) })
  }
}

struct TrialRunTests {
  private func trial(_ boot: Int, bootCount: Int, now: Interval = .zero) -> AgentEvent {
    let record = BootStatus(
      slot: .b, previous: .a, isTrial: true, bootCount: bootCount, state: .installed)
    return .started(
      Examples.facts(running: .b, boot: record, bootIdentifier: "\(boot)", now: now))
  }

  private func armed(_ update: Update) -> AgentState {
    Examples.play([
      .started(Examples.facts()), .offered(update), .downloaded,
      .installAllowed(action: update.action), .written, .armed,
    ]).state
  }

  @Test func `an agent that ends ten times on a trial without proof is not started once more`()
    throws
  {
    let update = try Examples.update()
    var state = armed(update)
    for _ in 1...AgentMachine.trialProcessesMax {
      let step = AgentMachine.step(state, trial(2, bootCount: 1))
      #expect(step.effects == [.checkTrial(.slot(.b))])
      state = step.state
    }
    let step = AgentMachine.step(state, trial(2, bootCount: 1))
    #expect(step.effects == [.revert(update.images[0], .slot(.b))])
  }

  @Test func `processes are counted over the boots of one trial and not over two trials`() throws {
    let update = try Examples.update()
    var state = armed(update)
    for (boot, count) in [(2, 1), (3, 2)] {
      for _ in 0..<4 { state = AgentMachine.step(state, trial(boot, bootCount: count)).state }
    }
    #expect(state.trial?.processes == 8)
    state = Examples.play([.trialPassed, .confirmed], from: state).state
    #expect(state.trial == nil)
    let next = try Examples.update(action: "124")
    state.phase = .armed(next, image: 0, place: .slot(.a), departures: 0)
    let record = BootStatus(slot: .a, previous: .b, isTrial: true, bootCount: 1)
    let start = AgentEvent.started(
      Examples.facts(running: .a, boot: record, bootIdentifier: "4"))
    #expect(AgentMachine.step(state, start).state.trial?.processes == 1)
  }

  @Test func `the time of a trial counts from its first process in this boot`() throws {
    var state = armed(try Examples.update())
    state = AgentMachine.step(state, trial(2, bootCount: 1, now: .seconds(20))).state
    state = AgentMachine.step(state, trial(2, bootCount: 1, now: .seconds(90))).state
    #expect(state.trial?.since == .seconds(20))
    state = AgentMachine.step(state, trial(3, bootCount: 2, now: .seconds(15))).state
    #expect(state.trial?.since == .seconds(15))
    // A kernel that does not name its runs has gone back in time.
    state = AgentMachine.step(state, trial(3, bootCount: 2, now: .seconds(5))).state
    #expect(state.trial?.since == .seconds(5))
  }

  @Test func `a second process of a trial has no more time than was left`() throws {
    let device = try TrialDevice()
    try device.saveArmed()
    let clock = SetClock()
    _ = try device.updater(clock.clock).start(program: nil)
    clock.set(device.setup.health.deadline)
    let second = try device.updater(clock.clock)
    _ = try second.start(program: nil)
    _ = try second.checkTrial { false }
    guard case .reverting(_, _, .slot(.b), let failure, _) = second.state.phase else {
      Issue.record("the trial goes on: \(second.state.phase.word)")
      return
    }
    #expect(failure.failureClass == .health)
    #expect(try device.boot.read().slot == .a)
  }

  @Test func `a watchdog bites a trial that is over its time however often its agent starts`()
    throws
  {
    var device = try TrialDevice()
    try device.saveArmed()
    let folder = try TestDirectory()
    let path = try folder.write("", to: "watchdog")
    device.setup.health.watchdog = path
    device.setup.health.watchdogPeriod = .seconds(1)
    func petted() throws -> Int { try folder.text("watchdog").utf8.count }
    let clock = SetClock()
    let first = try device.updater(clock.clock)
    _ = try first.start(program: nil)
    let early = try petted()
    for _ in 0..<10_000 where try petted() == early { usleep(1000) }
    #expect(try petted() > early)
    clock.set(device.setup.health.deadline + .minutes(2))
    let second = try device.updater(clock.clock)
    _ = try second.start(program: nil)
    let late = try petted()
    usleep(50_000)
    #expect(try petted() == late)
    withExtendedLifetime((first, second)) {}
  }

  @Test func `a watchdog bites a system that failed its trial and does not go down`() throws {
    var device = try TrialDevice()
    try device.saveArmed()
    // The checks fail, and the process that found it ends with its request unanswered.
    device.setup.health.checks = [
      HealthSetup.Check(name: try Name("ill"), call: try #require(ProgramCall(["/bin/false"])))
    ]
    device.programs.answer = { _ in ProgramResult(.exited(1)) }
    let clock = SetClock()
    let failed = try device.updater(clock.clock)
    _ = try failed.start(program: nil)
    _ = try failed.checkTrial { true }
    #expect(failed.state.phase.word == "reverting")
    let folder = try TestDirectory()
    device.setup.health.watchdog = try folder.write("", to: "watchdog")
    let next = try device.updater(clock.clock)
    _ = try next.start(program: nil)
    let early = try folder.text("watchdog").utf8.count
    for _ in 0..<10_000 where try folder.text("watchdog").utf8.count <= early { usleep(1000) }
    #expect(try folder.text("watchdog").utf8.count > early)
    clock.set(.minutes(6))
    _ = try next.handle(.rebootAsked(hookFailure: nil))
    // A petting that had begun is over when the event was taken.
    let late = try folder.text("watchdog").utf8.count
    usleep(50_000)
    #expect(try folder.text("watchdog").utf8.count == late)
  }

  @Test func `an agent that cannot use its state directory on a trial starts the device again`()
    throws
  {
    for (isTrial, expected) in [(true, AgentExit.rebooting), (false, nil)] {
      let bench = try AgentBench()
      let boot = BootAccess(
        disk: POSIXDisk(), programs: SpawnedPrograms(),
        control: .file(directory: bench.directory.file("boot")))
      try boot.write(BootStatus(slot: .a, previous: .b, isTrial: isTrial, bootCount: 1))
      try bench.directory.write("no folder", to: "state")
      let path = try bench.directory.write(
        try bench.configuration().prettyText, to: "agent.json")
      let run = AgentRun(
        path: path, stateDirectory: bench.directory.file("state"), program: nil,
        interruption: try Interruption(), log: .none)
      let end: AgentExit?
      do throws(LinkError) {
        end = try run.run { (_, _) in }
      } catch {
        end = nil
      }
      #expect(end == expected)
    }
  }

  @Test func `nothing is commanded in a system on trial`() throws {
    let bench = try AgentBench()
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try bench.boot()
    bench.members = [
      "health": ["checks": [["name": "ill", "command": ["/bin/false"], "attempts": 1]]],
      "capabilities": [["name": "note", "command": [.string(bench.directory.file("note"))]]],
    ]
    bench.counter.set { $0.commands = [["id": "1", "name": "note"]] }
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    #expect(try bench.directory.text("calls") == "")
    try bench.boot()
    let back = try bench.agent()
    _ = try bench.turns(back) { try bench.directory.text("calls") != "" }
    #expect(try bench.directory.text("calls") != "")
  }
}
