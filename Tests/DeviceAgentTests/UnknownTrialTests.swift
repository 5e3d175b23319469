// A system on trial whose state was lost: it is not trusted, and the slot behind it is not touched.

import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

struct UnknownTrialTests {
  private func isReboot(_ demands: [AgentDemand]) -> Bool {
    demands.contains { if case .reboot = $0 { true } else { false } }
  }

  @Test func `a trial that nobody knows of ends at its deadline, however often the agent starts`()
    throws
  {
    let device = try TrialDevice()
    let clock = SetClock()
    let first = try device.updater(clock.clock)
    #expect(!isReboot(try first.start(program: nil)))
    #expect(!isReboot(try first.checkUnknownTrial()))
    clock.set(device.setup.health.deadline)
    let second = try device.updater(clock.clock)
    _ = try second.start(program: nil)
    #expect(isReboot(try second.checkUnknownTrial()))
    // The boot loader counts it.
    #expect(try device.boot.read().isTrial)
    // A request that nothing comes of is repeated, and not at once.
    let asked = try second.handle(.rebootAsked(hookFailure: nil))
    #expect(asked == [.reboot(after: .seconds(1))])
  }

  @Test func `a trial that its owner confirms in time is trusted`() throws {
    let device = try TrialDevice()
    let clock = SetClock()
    let updater = try device.updater(clock.clock)
    _ = try updater.start(program: nil)
    #expect(updater.state.isOnUnknownTrial)
    try device.boot.write(BootStatus(slot: .b, previous: .a))
    clock.set(device.setup.health.deadline)
    #expect(!isReboot(try updater.checkUnknownTrial()))
    #expect(!updater.state.isOnUnknownTrial)
    #expect(updater.state.confirmed == .b)
  }

  @Test func `a trial that an agent with its state finds is left to whoever began it`() throws {
    let device = try TrialDevice()
    var state = AgentState()
    state.confirmed = .a
    try Journal(disk: device.disk, directory: "/state").save(state)
    let clock = SetClock()
    let updater = try device.updater(clock.clock)
    _ = try updater.start(program: nil)
    clock.set(.hours(1))
    #expect(!isReboot(try updater.checkUnknownTrial()))
  }

  @Test func `a watchdog is not petted for ever in a system on trial whose state was lost`() throws
  {
    var device = try TrialDevice()
    let folder = try TestDirectory()
    device.setup.health.watchdog = try folder.write("", to: "watchdog")
    let clock = SetClock()
    let updater = try device.updater(clock.clock)
    _ = try updater.start(program: nil)
    clock.set(device.setup.health.deadline + .minutes(2))
    // Whatever else happens.
    _ = try updater.handle(.reportDelivered(number: 1))
    let late = try folder.text("watchdog").utf8.count
    usleep(50_000)
    #expect(try folder.text("watchdog").utf8.count == late)
  }

  @Test func `the slot behind a system on trial is never written`() throws {
    let device = try TrialDevice()
    let image = try SimulatedDevice.update([7, 7], component: "os").images[0]
    let update = try Examples.update([image])
    var state = AgentState()
    state.confirmed = .a
    state.phase = .verified(update)
    try Journal(disk: device.disk, directory: "/state").save(state)
    let updater = try device.updater(SetClock().clock)
    let part = try PartFile(image, in: updater.downloads)
    try part.append([7, 7])
    try part.sync()
    _ = try updater.start(program: nil)
    _ = try updater.handle(.installAllowed(action: update.action))
    #expect(updater.state.latestEnd?.phase == .failed)
    #expect(device.disk.content("/slots/a") == [1])
  }

  @Test func `an offer waits while an unknown trial runs, and the device starts again in the end`()
    throws
  {
    let bench = try AgentBench()
    try bench.offer(patternBytes(10_000))
    let boot = BootAccess(
      disk: POSIXDisk(), programs: SpawnedPrograms(),
      control: .file(directory: bench.directory.file("boot")))
    try boot.write(
      BootStatus(slot: .a, previous: .b, isTrial: true, bootCount: 1, state: .installed))
    try bench.directory.write("the proven system", to: "slot-b")
    let clock = SetClock()
    let agent = try bench.agent(clock: clock.clock)
    _ = try agent.cycle(mayWait: false)
    #expect(agent.status()["waiting"]?["reason"]?.string?.contains("on a trial") == true)
    #expect(try bench.directory.text("slot-b") == "the proven system")
    clock.set(.minutes(2))
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
    #expect(try bench.directory.text("slot-b") == "the proven system")
  }
}
