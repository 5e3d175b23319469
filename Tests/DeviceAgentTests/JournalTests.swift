// The durable state: written whole, read back equal, and never half understood.

import Testing
import UpdateModel

@testable import DeviceAgent

struct JournalTests {
  private func states() throws -> [AgentState] {
    let update = try Examples.update(
      [try Examples.image(), try Examples.image(component: "agent", byte: 2)],
      prepare: "stop-motors", resume: "start-motors")
    let failure = UpdateFailure(.health, "not \"well\"\n")
    let phases: [UpdatePhase] = [
      .idle, .downloading(update, image: 1), .verified(update), .preparing(update),
      .writing(update, image: 0, place: .slot(.b)), .written(update, image: 0, place: .slot(.a)),
      .armed(update, image: 0, place: .slot(.b), departures: 2),
      .onTrial(update, image: 1, place: .agent, attempt: 3),
      .reverting(update, image: 0, place: .slot(.b), failure: failure, departures: 1),
    ]
    return try phases.map { phase in
      var state = AgentState()
      state.phase = phase
      state.contents[.b] = SlotContent(
        version: try FirmwareVersion("1.0"), sha256: update.images[0].sha256, size: 7)
      state.confirmed = .b
      state.confirmedAgent = update.images[1].sha256
      state.running = .a
      state.outbox = [
        UpdateReport(number: 4, action: update.action, phase: .failed, failure: failure)
      ]
      state.latestReport = 4
      state.latestEnd = UpdateEnd(
        action: update.action, attempt: 2, phase: .reverted, failure: failure)
      state.owedResume = try Name("start-motors")
      state.safeMode = .noGoodSlot
      state.bootIdentifier = "x"
      state.latestFallback = failure
      state.trialFailure = failure
      state.imagesLost = 1
      state.rebootsAsked = 9
      return state
    }
  }

  @Test func `every phase comes back as it was stored`() throws {
    for state in try states() + [AgentState()] {
      #expect(StateDocument.read(StateDocument.write(state).prettyText) == state)
    }
  }

  @Test func `a document with any value exchanged is refused or still valid, and never traps`()
    throws
  {
    let state = try #require(try states().last)
    let text = StateDocument.write(state).prettyText
    var draw = Draw(seed: 11)
    for _ in 0..<2000 {
      var mutated = text
      mutated[draw(text.count)] = UInt8(draw(256))
      if draw(3) == 0 { mutated.removeSubrange(draw(text.count)...) }
      _ = StateDocument.read(mutated)
    }
    #expect(StateDocument.read(Array("{}".utf8)) == nil)
    #expect(StateDocument.read([]) == nil)
  }

  @Test func `a spoilt newer generation leaves the older one`() throws {
    let disk = SimulatedDisk()
    disk.install("/state/.keep", [])
    let file = DurableFile(disk: disk, directory: "/state", name: "state")
    #expect(try file.load() == .missing)
    for number in 1...5 {
      try file.save(Array("value \(number)\n".utf8))
      #expect(try file.load() == .text(Array("value \(number)\n".utf8)))
    }
    // The fifth save went to the first file again.
    var bytes = try #require(disk.content("/state/state.0"))
    bytes[30] ^= 1
    disk.install("/state/state.0", bytes)
    #expect(try file.load() == .text(Array("value 4\n".utf8)))
    disk.install("/state/state.1", [])
    #expect(try file.load() == .spoilt)
  }

  @Test func `a state that cannot be read at all leads to safe mode`() throws {
    let disk = SimulatedDisk()
    disk.install("/state/state.0", Array("torn".utf8))
    #expect(try Journal(disk: disk, directory: "/state").load().safeMode == .stateLost)
    disk.install("/fresh/.keep", [])
    #expect(try Journal(disk: disk, directory: "/fresh").load() == AgentState())
  }

  @Test func `a text over the limit is refused before anything is touched`() throws {
    let disk = SimulatedDisk()
    disk.install("/state/.keep", [])
    let file = DurableFile(disk: disk, directory: "/state", name: "state")
    let most = [UInt8](repeating: 10, count: DurableFile.textBytesMax)
    try file.save(most)
    #expect(throws: AgentError.self) { try file.save(most + [10]) }
    #expect(try file.load() == .text(most))
  }

  @Test func `a boot script can check and read the record with ordinary tools`() throws {
    let folder = try TestDirectory()
    let boot = BootAccess(
      disk: POSIXDisk(), programs: ScriptedPrograms(), control: .file(directory: folder.path))
    try boot.write(BootStatus(slot: .a, previous: .a).arming(.b, from: .a))
    let script = """
      sum=$(head -n -1 "$0" | sha256sum | cut -d' ' -f1)
      tail -n 1 "$0" | grep -qx "sha256=$sum" && sed -n 's/^slot=//p' "$0"
      """
    func read(_ name: String) throws -> String {
      let call = try #require(ProgramCall(["/bin/sh", "-c", script, folder.file(name)]))
      return String(decoding: SpawnedPrograms().run(call).output, as: UTF8.self)
    }
    #expect(try read("boot.0") == "b\n")
    var bytes = try #require(try folder.read("boot.0"))
    bytes[40] ^= 1
    try folder.write(bytes, to: "boot.0")
    #expect(try read("boot.0") == "")
  }
}
