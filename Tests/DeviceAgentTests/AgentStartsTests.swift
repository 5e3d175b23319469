// A new agent that dies before it can count for itself is counted, and gives way to the one before.

import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

struct AgentStartsTests {
  private static let old = String(repeating: "a", count: 64)
  private static let new = String(repeating: "b", count: 64)

  private let folder: TestDirectory
  private let versions: AgentVersions
  private let new: Digest

  init() throws {
    folder = try TestDirectory()
    let disk = POSIXDisk()
    for digest in [Self.old, Self.new] {
      try disk.makeDirectory(folder.file(digest))
      try folder.write("program", to: "\(digest)/groundswell-agent")
    }
    versions = AgentVersions(disk: disk, programs: SpawnedPrograms(), folder: folder.path)
    new = try #require(Digest(hex: Self.new))
    try versions.arm(try #require(Digest(hex: Self.old)))
    try versions.arm(new)
  }

  private var run: AgentRun {
    get throws {
      AgentRun(
        path: folder.file("agent.json"), stateDirectory: folder.file("state"),
        program: folder.file("\(Self.new)/groundswell-agent"), interruption: try Interruption(),
        log: .none)
    }
  }

  /// How a start ends; nil for an error.
  private func start() throws -> AgentExit? {
    let agent = try run
    do throws(LinkError) { return try agent.run { (_, _) in } } catch { return nil }
  }

  @Test func `a new agent that cannot read the configuration gives way after ten starts`() throws {
    try folder.write("{\"unheard\": 1}", to: "agent.json")
    for _ in 1...AgentStarts.startsMax {
      #expect(try start() == nil)
      #expect(try versions.current() == new)
    }
    #expect(try start() == .done)
    #expect(try versions.current() == Digest(hex: Self.old))
    // It is not chosen again unless it is written again.
    #expect(throws: AgentError.self) { try versions.arm(new) }
    #expect(try versions.current() == Digest(hex: Self.old))
  }

  @Test func `an agent that proved itself may start as often as it likes`() throws {
    try folder.write("{\"unheard\": 1}", to: "agent.json")
    for _ in 1...3 { #expect(try start() == nil) }
    try versions.confirm(new)
    for _ in 0...2 * AgentStarts.startsMax { #expect(try start() == nil) }
    #expect(try versions.current() == new)
  }

  @Test func `a new agent is chosen only if it takes the configuration of the device`() throws {
    let disk = SimulatedDisk()
    disk.install("/agents/.keep", [])
    disk.install("/part", [1, 2, 3])
    let image = try SimulatedDevice.update([1, 2, 3], component: "agent").images[0]
    for (status, isTaken) in [(Int32(0), true), (1, false), (2, true)] {
      let programs = ScriptedPrograms()
      programs.answer = { ProgramResult(.exited($0.words.contains("check") ? status : 0)) }
      var versions = AgentVersions(disk: disk, programs: programs, folder: "/agents")
      versions.configurationPath = "/etc/agent.json"
      let part = try disk.open("/part", .read)
      if isTaken {
        #expect(try versions.write(image, from: part) == .written)
      } else {
        #expect(throws: AgentError.self) { try versions.write(image, from: part) }
      }
      #expect(programs.calls.last?.words.suffix(3) == ["check", "--config", "/etc/agent.json"])
    }
  }
}
