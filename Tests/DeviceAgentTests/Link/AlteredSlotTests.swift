// A system that is mounted writable changes its own slot; the device still falls back to it.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct AlteredSlotTests {
  private let bench: AgentBench

  init() throws { bench = try AgentBench() }

  /// The device runs 2.0 from slot b, confirmed.
  private func updateOnce() throws {
    try bench.offer(patternBytes(10_000))
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try bench.boot()
    let agent = try bench.agent()
    _ = try bench.turns(agent) { agent.isIdle }
    #expect(bench.counter.phases.last == "installed")
  }

  private func alterSlotB() throws {
    var bytes = try #require(try bench.directory.read("slot-b"))
    bytes[17] ^= 1
    try bench.directory.write(bytes, to: "slot-b")
  }

  /// Installs 3.0 to slot a, where it fails its check at once; gives the agent after the boot.
  private func tryBadSystem(beforeBoot: () throws -> Void) throws -> (Agent, AgentStep) {
    try bench.offer(patternBytes(10_000, seed: 2), action: "8", version: "3.0")
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    try beforeBoot()
    bench.members = [
      "health": ["checks": [["name": "ill", "command": ["/bin/false"], "attempts": 1]]]
    ]
    try bench.boot()
    let ill = try bench.agent()
    return (ill, try ill.cycle(mayWait: false))
  }

  @Test func `a system that changed its own slot is what a bad update falls back to`() throws {
    try updateOnce()
    try alterSlotB()
    let (_, step) = try tryBadSystem {}
    #expect(step == .exit(.rebooting))
    bench.members = .object([])
    try bench.boot()
    let back = try bench.agent()
    _ = try back.cycle(mayWait: false)
    #expect(bench.counter.phases.last == "reverted")
    #expect(try bench.directory.text("running") == "b\n")
    #expect(back.updater.state.safeMode == nil)
    // Its version is still known, and so it is told.
    #expect(bench.counter.seen { $0.reported["version"] } == "2.0")
  }

  @Test func `a slot that changed after it ran is not fallen back to`() throws {
    try updateOnce()
    let (ill, _) = try tryBadSystem { try alterSlotB() }
    #expect(ill.updater.state.safeMode == .noGoodSlot)
    // A bad system is kept when the one before it is spoilt.
    let record = try ill.updater.bootAccess().read()
    #expect(record.slot == .a && !record.isTrial)
    #expect(ill.updater.state.latestEnd?.phase == .failed)
    #expect(try bench.directory.text("running") == "a\n")
  }

  @Test func `that a slot changed survives the journal`() throws {
    var state = AgentState()
    var content = SlotContent(
      version: try FirmwareVersion("1.0"),
      sha256: try #require(Digest([UInt8](repeating: 7, count: 32))),
      size: 5)
    content.isAltered = true
    state.contents[.a] = content
    #expect(StateDocument.read(StateDocument.write(state).text) == state)
  }
}
