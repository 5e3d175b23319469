// SimulatedDevice: a whole device in memory: disk, boot loader, systems that work or do not, a
// server that offers one update; it loses power when told.

import Crypto
import Synchronization
import Testing
import UpdateModel
import UpdateTrust

@testable import DeviceAgent

/// Which programs are well is decided by the system that runs.
final class SimulatedPrograms: ProgramRunner {
  private let isWell = Mutex(true)

  func setWell(_ value: Bool) { isWell.withLock { $0 = value } }

  func run(_ call: ProgramCall) -> ProgramResult {
    guard call.path == "/bin/check" else { return ProgramResult(.exited(0)) }
    return ProgramResult(.exited(isWell.withLock { $0 } ? 0 : 1))
  }
}

/// What the offered system does.
enum SimulatedSystem: CaseIterable {
  /// Starts and is well.
  case good
  /// Never comes up: the board resets.
  case crashing
  /// Comes up and fails its checks.
  case sick
}

/// What the offered program of the agent does.
enum SimulatedAgent: CaseIterable {
  /// Has its polls answered.
  case good
  /// Ends before it has polled.
  case failing
}

/// A device and its server.
final class SimulatedDevice {
  /// The device cannot do what it must always be able to do.
  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  static let imageBytes = 10_000
  /// Restarts after which an update that has not ended never will.
  static let restartsMax = 60

  let disk: SimulatedDisk
  let programs = SimulatedPrograms()
  let loader: ModelBootLoader
  let setup: DeviceSetup
  private(set) var update: Update
  private(set) var delivered: [UpdateReport] = []
  private(set) var restarts = 0
  private let old: [UInt8]
  private let new: [UInt8]
  private let system: SimulatedSystem
  private let agent: SimulatedAgent
  private var bootNumber = 0

  static let key: SigningKey = {
    // Any 32 bytes are a seed.
    guard let key = try? SigningKey(seed: [UInt8](repeating: 7, count: 32)) else {
      preconditionFailure("any 32 bytes are a seed")
    }
    return key
  }()

  init(
    _ record: ModelBootLoader.Record, system: SimulatedSystem = .good,
    agent: SimulatedAgent = .good, component: String = "os"
  ) throws {
    self.system = system
    self.agent = agent
    var bytes = Draw(seed: 42)
    old = (0..<Self.imageBytes).map { _ in UInt8(bytes(256)) }
    new = (0..<Self.imageBytes + 77).map { _ in UInt8(bytes(256)) }
    // A boot loader that has one copy must trust a sector to be written as a whole.
    disk = SimulatedDisk(atomicBytes: record.hasOneCopy ? 512 : 1)
    loader = ModelBootLoader(disk: disk, record: record)
    setup = try Self.setup(record)
    update = try Self.update(new, component: component)
    disk.install("/slots/a", old)
    disk.install("/slots/b", [])
    disk.install("/run/slot", Array("a".utf8))
    disk.install("/run/boot", Array("0".utf8))
    disk.install("/agents/.keep", [])
    try install(record)
  }

  private static func setup(_ record: ModelBootLoader.Record) throws -> DeviceSetup {
    var setup = DeviceSetup(hardware: try Name("gs1"), signingKeys: [key.verifyingKey])
    setup.stateDirectory = "/state"
    setup.slots = SlotSetup(
      pathA: "/slots/a", pathB: "/slots/b", component: try Name("os"), running: .file("/run/slot"))
    setup.slots?.pieceBytes = 4096
    setup.bootIdentifierPath = "/run/boot"
    setup.agentVersions = "/agents"
    if let call = ProgramCall(["/bin/check"]) {
      setup.health.checks = [HealthSetup.Check(name: try Name("check"), call: call)]
    }
    switch record {
    case .copies(let folder): setup.boot = .file(directory: folder)
    case .environment(let paths, let size):
      var uboot = UBootSetup(path: paths[0].path)
      uboot.offset = Int64(paths[0].offset)
      uboot.size = size
      if paths.count > 1 {
        uboot.redundant = UBootSetup.Copy(path: paths[1].path, offset: Int64(paths[1].offset))
      }
      setup.boot = .uboot(uboot)
    }
    return setup
  }

  static func update(_ bytes: [UInt8], component: String, attempt: Int = 1) throws -> Update {
    let digest = try #require(Digest(SHA256.value(of: bytes).bytes))
    let manifest = ArtifactManifest(
      name: try Name("system"), version: try FirmwareVersion("2.0.0"), hardware: [try Name("gs1")],
      component: try Name(component), size: Int64(bytes.count), sha256: digest)
    let image = UpdateImage(
      component: manifest.component, name: manifest.name, file: try Name("system.img"),
      version: manifest.version, hardware: manifest.hardware, size: manifest.size, sha256: digest,
      signature: try manifest.signature(by: key), source: "/image")
    return try #require(
      Update(
        action: try Name("123"), attempt: attempt, kind: .update, release: try Name("r2"),
        version: manifest.version, images: [image]))
  }

  /// What the factory did: the record of slot a.
  private func install(_ record: ModelBootLoader.Record) throws {
    switch record {
    case .copies(let folder): disk.install("\(folder)/.keep", [])
    case .environment(let paths, let size):
      var variables = BootVariables()
      variables.store(BootStatus(slot: .a, previous: .a))
      for (index, place) in paths.enumerated() {
        let counter: UInt8? = paths.count > 1 ? UInt8(1 - index) : nil
        let bytes = try UBootEnvironment.encode(variables, size: size, counter: counter)
        // A copy of its own is a file; copies at offsets share one device.
        let present = disk.content(place.path) ?? []
        let isDevice = place.offset > 0 || paths.count > 1
        let before =
          present.count >= place.offset
          ? Array(present.prefix(place.offset))
          : present + [UInt8](repeating: 0, count: place.offset - present.count)
        disk.install(place.path, before + bytes, isDevice: isDevice)
      }
      return
    }
    guard let boot = setup.boot else { return }
    try BootAccess(disk: disk, programs: programs, control: boot)
      .write(BootStatus(slot: .a, previous: .a))
  }

  // MARK: Running

  /// Runs until the update has ended and been reported; power fails at these operations, counted
  /// from the start of the life that follows the failure before.
  func run(failures: [Int], seed: UInt64) throws {
    var pending = failures
    disk.failPower(at: pending.isEmpty ? nil : disk.operations + pending.removeFirst())
    var crashes: UInt64 = 0
    while true {
      restarts += 1
      guard restarts <= Self.restartsMax else { throw Broken(description: "it never ends") }
      do {
        if try live() { break }
      } catch let error where disk.isDown {
        _ = error
        crashes += 1
        disk.crash(seed: seed &* 1000 &+ crashes)
        try checkBootable()
        disk.failPower(at: pending.isEmpty ? nil : disk.operations + pending.removeFirst())
      }
    }
  }

  /// From the boot loader to the next reboot; true when all is done.
  private func live() throws -> Bool {
    let slot = try loader.choose()
    let content = disk.content("/slots/\(slot)") ?? []
    if content == new, system == .crashing { return false }
    guard content == old || content == new else {
      throw Broken(description: "slot \(slot) was started and holds no whole system")
    }
    bootNumber += 1
    disk.install("/run/slot", Array(slot.utf8))
    disk.install("/run/boot", Array("\(bootNumber)".utf8))
    programs.setWell(!(content == new && system == .sick))
    // The service starts the agent again when it ends; a reboot leaves this loop.
    while true {
      switch try runAgent() {
      case .done: return true
      case .reboot: return false
      case .restart:
        restarts += 1
        guard restarts <= Self.restartsMax else { throw Broken(description: "it never ends") }
      }
    }
  }

  private enum Departure {
    case done
    case reboot
    case restart
  }

  /// The path that the service starts: the chosen version, or the one of the system.
  private func program() throws -> String? {
    guard let version = try disk.target(ofLink: "/agents/current") else { return nil }
    let path = "/agents/\(version)/groundswell-agent"
    guard disk.content(path) == new else {
      throw Broken(description: "the link names a version that is not whole")
    }
    return path
  }

  private func runAgent() throws -> Departure {
    let program = try program()
    let updater = try DeviceUpdater(
      setup, disk: disk, programs: programs,
      clock: DeviceClock(now: { .zero }, wait: { _ in }))
    var demands = try updater.start(program: program)
    if updater.state.phase == .idle, updater.state.latestEnd == nil {
      demands = try updater.offer(update)
    }
    if program != nil, agent == .failing { return .restart }
    while true {
      if case .verified = updater.state.phase {
        demands = try updater.handle(.installAllowed(action: update.action))
      }
      switch demands.first {
      case nil where try isWorthAnotherTry(updater): demands = try updater.offer(update)
      case nil: return updater.state.phase == .idle ? .done : .restart
      case .deliverReports:
        let report = try #require(updater.state.outbox.first)
        if !delivered.contains(where: { $0.number == report.number }) { delivered.append(report) }
        demands = try updater.handle(.reportDelivered(number: report.number))
      case .download(let image): demands = try download(image, updater)
      case .checkTrial(.slot): demands = try updater.checkTrial(isServerReachable: { true })
      case .checkTrial(.agent): demands = try updater.handle(.trialPassed)
      case .reboot:
        _ = try updater.handle(.rebootAsked(hookFailure: nil))
        return .reboot
      case .restartAgent: return .restart
      }
    }
  }

  /// A good system that had the power taken away at each of its starts is offered again.
  private func isWorthAnotherTry(_ updater: DeviceUpdater) throws -> Bool {
    guard updater.state.phase == .idle, system == .good, agent == .good,
      let end = updater.state.latestEnd, end.phase == .reverted,
      end.failure?.failureClass == .boot, end.attempt < 4
    else { return false }
    update = try Self.update(
      new, component: update.images[0].component.text, attempt: end.attempt + 1)
    return true
  }

  private func download(
    _ image: UpdateImage, _ updater: DeviceUpdater
  ) throws(AgentError) -> [AgentDemand] {
    let part = try PartFile(image, in: updater.downloads)
    while !part.isComplete {
      let left = Int(image.size - part.offset)
      try part.append(Array(new.dropFirst(Int(part.offset)).prefix(min(4000, left))))
      try part.sync()
    }
    return try updater.finishDownload()
  }

  // MARK: Judging

  /// The offered image.
  var newBytes: [UInt8] { new }

  /// The agent's state as it is on the disk.
  func state() throws -> AgentState { try Journal(disk: disk, directory: "/state").load() }

  /// At every instant the boot loader finds a system that starts, if need be by falling back.
  private func checkBootable() throws {
    let variables = try loader.load()
    func isWhole(_ slot: String?) -> Bool {
      let content = disk.content("/slots/\(slot ?? "")") ?? []
      return content == old || content == new
    }
    func starts(_ slot: String?) -> Bool {
      isWhole(slot) && (system != .crashing || disk.content("/slots/\(slot ?? "")") == old)
    }
    let isTrial = variables["upgrade_available"] == "1"
    let isSafe =
      isTrial
      ? isWhole(variables["slot"]) && starts(variables["previous"]) : starts(variables["slot"])
    guard isSafe else {
      throw Broken(description: "nothing would start with the record \(variables)")
    }
  }

  /// What the device came to: the version that it starts, and the last report.
  func ending() throws -> (isNew: Bool, isTrial: Bool, report: UpdateReport?) {
    let variables = try loader.load()
    let content = disk.content("/slots/\(variables["slot"] ?? "")") ?? []
    return (content == new, variables["upgrade_available"] == "1", delivered.last)
  }

  /// The version of the agent that the service starts, when it is the offered one.
  func isNewAgent() throws -> Bool { try program() != nil }
}
