// The environment of U-Boot: format, checksum, which of two copies counts, and what is overwritten.

import Testing

@testable import DeviceAgent

struct UBootEnvironmentTests {
  private let status = BootStatus(
    slot: .b, previous: .a, isTrial: true, bootCount: 2, bootLimit: 3, state: .testing)

  @Test func `the checksum is that of zlib`() {
    #expect(CRC32.value(of: Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(CRC32.value(of: []) == 0)
  }

  /// Made by U-Boot's own tool:
  /// `printf 'slot=a\nprevious=a\nbootlimit=3\n' | mkenvimage -s 64 -p 0`.
  @Test func `what U-Boot's tool makes is read and made alike`() throws {
    let texts = "slot=a\0previous=a\0bootlimit=3\0\0"
    let bytes: [UInt8] =
      [0xC6, 0x63, 0xCC, 0x7E] + Array(texts.utf8)
      + [UInt8](repeating: 0, count: 60 - texts.utf8.count)
    let copy = try #require(UBootEnvironment.decode(bytes, isRedundant: false))
    #expect(copy.variables.entries == ["slot=a", "previous=a", "bootlimit=3"])
    #expect(try UBootEnvironment.encode(copy.variables, size: 64, counter: nil) == bytes)
  }

  @Test func `the record goes through the variables and leaves the others`() throws {
    var variables = try #require(BootVariables(entries: ["board=x=y", "slot=a", "empty="]))
    variables.store(status)
    #expect(try variables.status() == status)
    #expect(variables["board"] == "x=y")
    #expect(variables.entries.prefix(3) == ["board=x=y", "slot=b", "empty="])
    let bytes = try UBootEnvironment.encode(variables, size: 256, counter: 9)
    let copy = try #require(UBootEnvironment.decode(bytes, isRedundant: true))
    #expect(copy.variables == variables)
    #expect(copy.counter == 9)
  }

  @Test func `a record with a value out of its range is refused`() throws {
    let whole = BootVariables.pairs(status)
    for (name, value) in [
      ("slot", "c"), ("slot", ""), ("previous", "A"), ("upgrade_available", "2"),
      ("bootcount", "-1"), ("bootcount", "1000001"), ("bootlimit", "0"), ("bootlimit", "101"),
      ("ustate", "4"), ("ustate", "x"),
    ] {
      var variables = BootVariables()
      variables.store(status)
      variables[name] = value
      #expect(throws: AgentError.self, "\(name)=\(value)") { try variables.status() }
    }
    for (name, _) in whole {
      var variables = BootVariables()
      variables.store(status)
      variables[name] = nil
      #expect(throws: AgentError.self, "without \(name)") { try variables.status() }
    }
  }

  @Test func `an environment that is changed anywhere is refused`() throws {
    var variables = BootVariables()
    variables.store(status)
    let bytes = try UBootEnvironment.encode(variables, size: 256, counter: nil)
    for index in bytes.indices {
      var mutated = bytes
      mutated[index] ^= 0x10
      #expect(UBootEnvironment.decode(mutated, isRedundant: false) == nil)
    }
    for count in [0, 3, 4, 5] {
      #expect(UBootEnvironment.decode(Array(bytes.prefix(count)), isRedundant: false) == nil)
    }
    #expect(throws: AgentError.self) {
      try UBootEnvironment.encode(variables, size: 64, counter: nil)
    }
  }

  @Test func `the later counter wins, also when it wraps`() {
    for (first, second, isFirst) in [
      (UInt8(1), UInt8(0), true), (0, 1, false), (255, 0, false), (0, 255, true), (7, 7, true),
    ] {
      #expect(UBootEnvironment.isFirstNewer(first, second) == isFirst)
    }
  }

  @Test func `the older of two copies is overwritten`() throws {
    let disk = SimulatedDisk()
    var setup = UBootSetup(path: "/dev/env")
    setup.offset = 512
    setup.size = 512
    setup.redundant = UBootSetup.Copy(path: "/dev/env", offset: 1024)
    var variables = BootVariables()
    variables.store(status)
    let empty = [UInt8](repeating: 0xFF, count: 512)
    let first = try UBootEnvironment.encode(variables, size: 512, counter: 254)
    disk.install("/dev/env", empty + first + empty, isDevice: true)
    let file = UBootFile(disk: disk, setup: setup)
    for count in 3...9 {
      variables["bootcount"] = "\(count)"
      let before = try #require(disk.content("/dev/env"))
      try file.write(variables)
      let after = try #require(disk.content("/dev/env"))
      let changed = count % 2 == 1 ? 1024..<1536 : 512..<1024
      for index in after.indices where after[index] != before[index] {
        #expect(changed.contains(index))
      }
      #expect(try file.read() == variables)
    }
  }

  @Test func `a single copy inside a device is changed in its first sector only`() throws {
    let disk = SimulatedDisk()
    var setup = UBootSetup(path: "/dev/env")
    setup.offset = 512
    setup.size = 0x4000
    var variables = BootVariables()
    variables.store(BootStatus(slot: .a, previous: .a))
    for index in 0..<200 { variables["variable\(index)"] = "value of some length \(index)" }
    let bytes = try UBootEnvironment.encode(variables, size: 0x4000, counter: nil)
    disk.install("/dev/env", [UInt8](repeating: 1, count: 512) + bytes, isDevice: true)
    let before = disk.operations
    let access = BootAccess(disk: disk, programs: ScriptedPrograms(), control: .uboot(setup))
    try access.write(status)
    // One write and one sync.
    #expect(disk.operations == before + 2)
    #expect(try access.read() == status)
  }

  @Test func `programs speak for any other boot loader`() throws {
    let programs = ScriptedPrograms()
    let get = try #require(ProgramCall(["/bin/get"]))
    let set = try #require(ProgramCall(["/bin/set", "--record"]))
    var stored = ""
    programs.answer = { call in
      if call.path == "/bin/set" { stored = call.words.dropFirst(2).joined(separator: "\n") }
      return ProgramResult(.exited(0), output: Array(stored.utf8))
    }
    let control = BootControl.commands(BootCommands(get: get, set: set))
    let access = BootAccess(disk: SimulatedDisk(), programs: programs, control: control)
    try access.write(status)
    #expect(try access.read() == status)
    #expect(stored.hasPrefix("slot=b\nprevious=a\nupgrade_available=1"))
    programs.answer = { _ in ProgramResult(.exited(1)) }
    #expect(throws: AgentError.self) { try access.write(status) }
  }
}
