// Power failures at every point of an update: some slot always starts, and the update ends.

import Testing

@testable import DeviceAgent

@Suite(.serialized) struct PowerLossTests {
  /// The kinds of boot record that survive a write that is torn at any byte.
  enum Kind: CaseIterable, CustomTestStringConvertible {
    case copies
    case environmentFile
    case redundantEnvironment

    var record: ModelBootLoader.Record {
      switch self {
      case .copies: .copies(folder: "/boot")
      case .environmentFile: .environment(paths: [("/boot/uboot.env", 0)], size: 0x400)
      case .redundantEnvironment:
        .environment(paths: [("/dev/env", 0x200), ("/dev/env", 0x600)], size: 0x400)
      }
    }

    var testDescription: String { "\(self)" }
  }

  /// Runs without a failure and tells how many operations there are to fail at.
  private func operations(_ kind: Kind, _ system: SimulatedSystem) throws -> Int {
    let device = try SimulatedDevice(kind.record, system: system)
    let before = device.disk.operations
    try device.run(failures: [], seed: 0)
    try check(device, system, "no failure")
    return device.disk.operations - before
  }

  private func check(_ device: SimulatedDevice, _ system: SimulatedSystem, _ what: String) throws {
    let ending = try device.ending()
    #expect(ending.isNew == (system == .good), "\(what)")
    #expect(!ending.isTrial, "\(what)")
    switch system {
    case .good: #expect(ending.report?.phase == .installed, "\(what)")
    case .crashing:
      #expect(ending.report?.phase == .reverted, "\(what)")
      #expect(ending.report?.failure?.failureClass == .boot, "\(what)")
    case .sick:
      #expect(ending.report?.phase == .reverted, "\(what)")
      #expect(ending.report?.failure != nil, "\(what)")
    }
  }

  private func crash(
    _ kind: Kind, _ system: SimulatedSystem, _ failures: [Int], seed: UInt64
  ) throws {
    let what = "\(kind), \(system), power fails at \(failures), seed \(seed)"
    let device = try SimulatedDevice(kind.record, system: system)
    do {
      try device.run(failures: failures, seed: seed)
    } catch {
      Issue.record("\(what): \(error)")
      return
    }
    try check(device, system, what)
  }

  @Test(arguments: Kind.allCases, SimulatedSystem.allCases)
  func `an update survives a power failure at each of its operations`(
    kind: Kind, system: SimulatedSystem
  ) throws {
    let count = try operations(kind, system)
    for point in 1...count { try crash(kind, system, [point], seed: UInt64(point)) }
  }

  @Test(arguments: Kind.allCases)
  func `an update survives power failures at 200 random points`(kind: Kind) throws {
    let seed = UInt64.random(in: 1...1_000_000)
    print("power failures of \(kind) by seed \(seed)")
    var draw = Draw(seed: seed)
    let count = try operations(kind, .good)
    for run in 0..<200 {
      let system = SimulatedSystem.allCases[draw(3)]
      // Up to four failures, the later ones soon: while the device is still mending the first.
      let failures = [1 + draw(count)] + (0..<draw(4)).map { _ in 1 + draw(40) }
      try crash(kind, system, failures, seed: seed &+ UInt64(run))
    }
  }

  // MARK: The agent itself

  private func crashAgent(_ agent: SimulatedAgent, _ failures: [Int], seed: UInt64) throws -> Int {
    let what = "agent \(agent), power fails at \(failures), seed \(seed)"
    let device = try SimulatedDevice(Kind.copies.record, agent: agent, component: "agent")
    let before = device.disk.operations
    do {
      try device.run(failures: failures, seed: seed)
    } catch {
      Issue.record("\(what): \(error)")
      return 0
    }
    #expect(try device.isNewAgent() == (agent == .good), "\(what)")
    #expect(device.delivered.last?.phase == (agent == .good ? .installed : .reverted), "\(what)")
    return device.disk.operations - before
  }

  @Test(arguments: SimulatedAgent.allCases)
  func `an update of the agent survives a power failure at each of its operations`(
    agent: SimulatedAgent
  ) throws {
    let count = try crashAgent(agent, [], seed: 0)
    #expect(count > 20)
    for point in 1...max(1, count) { _ = try crashAgent(agent, [point], seed: UInt64(point)) }
  }
}
