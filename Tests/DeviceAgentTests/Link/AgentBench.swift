// AgentBench: a device in a folder: slots as files, a boot record, hooks that note their calls.

import Crypto
import Glibc
import UpdateModel

@testable import DeviceAgent

/// A device that updates for real, but for its boot loader, which is a method here.
final class AgentBench {
  let directory: TestDirectory
  let counter: DeviceCounter
  let key: SigningKey
  /// Changes to the configuration: members that replace or add.
  var members: JSON = .object([])

  init() throws {
    directory = try TestDirectory()
    counter = try DeviceCounter()
    key = try SigningKey.generate()
    let hex = key.verifyingKey.hex
    counter.set { $0.signingKeys = [hex] }
    mkdir(directory.file("boot"), 0o700)
    try directory.write("old system", to: "slot-a")
    try directory.write("", to: "slot-b")
    try directory.write("a\n", to: "running")
    try directory.write("boot-1\n", to: "boot-id")
    try directory.write(
      "#!/bin/sh\nprintf '%s %s ' \"$0\" \"$*\" | sed 's,.*/,,' >> \(directory.path)/calls\n"
        + "echo >> \(directory.path)/calls\n", to: "note", mode: 0o700)
  }

  /// The configuration of this device.
  func configuration() throws -> JSON {
    let path = directory.path
    let base: JSON = [
      "server": .string(counter.url), "claim": "CLAIM-1", "hardware": "board-a",
      "stateDirectory": .string("\(path)/state"), "rebootEndsAgent": true,
      "bootIdentifierFile": .string("\(path)/boot-id"),
      "slots": [
        "a": .string("\(path)/slot-a"), "b": .string("\(path)/slot-b"),
        "running": ["file": .string("\(path)/running")],
      ],
      "boot": ["kind": "file", "directory": .string("\(path)/boot")],
      "health": ["deadline": "2m", "pause": "0s"],
      "poll": ["least": "1s", "most": "1h"],
    ]
    return base.merging(members)
  }

  /// Starts the agent as its service does.
  func agent(
    fault: String? = nil, log: AgentLog = .none, clock: DeviceClock = .system
  ) throws -> Agent {
    let read = try AgentDocument.read(try configuration().prettyText, path: "agent.json")
    let state = try StateDirectory(read.setup.stateDirectory)
    let agent = try Agent(
      read, configurationFault: fault, board: StatusBoard(state), disk: POSIXDisk(),
      programs: SpawnedPrograms(), clock: clock, interruption: try Interruption(), log: log)
    try agent.start(program: nil)
    return agent
  }

  /// Lets the boot loader choose: the slot of the record, and the other one after its trial failed.
  /// `starts` says whether a slot on trial starts at all.
  func boot(starts: Bool = true) throws {
    let access = BootAccess(
      disk: POSIXDisk(), programs: SpawnedPrograms(),
      control: .file(directory: directory.file("boot")))
    var record = try access.read()
    var slot = record.slot
    if record.isTrial {
      record.bootCount += starts ? 1 : record.bootLimit + 1
      if record.bootCount > record.bootLimit {
        slot = record.previous
        record = record.reverting(to: slot)
      }
      try access.write(record)
    }
    let count = Int(try directory.text("boot-id").filter(\.isNumber)) ?? 0
    try directory.write("boot-\(count + 1)\n", to: "boot-id")
    try directory.write("\(slot.rawValue)\n", to: "running")
  }

  /// Offers an image of these bytes.
  func offer(
    _ bytes: [UInt8], action: String = "7", version: String = "2.0", members: JSON = .object([]),
    signer: SigningKey? = nil
  ) throws {
    let name = "app-\(version).bin"
    let path = try directory.write(bytes, to: name)
    let image = try signedImage(
      bytes, version: version, key: signer ?? key,
      source: "/device/v1/DEFAULT/device-1/images/1/\(name)")
    let offer: JSON = [
      "action": .string(action), "attempt": 1, "kind": "update",
      "release": ["name": "app", "version": .string(version)], "download": ["allowed": true],
      "install": ["allowed": true], "images": [image.document],
    ]
    try serve(path, as: name)
    let answer: JSON = ["offer": offer.merging(members)]
    counter.set { $0.answer = answer }
  }

  /// Has one turn after the other until the agent sleeps for `condition` or ends.
  func turns(_ agent: Agent, most: Int = 10, until condition: () throws -> Bool) throws
    -> AgentStep?
  {
    for _ in 0..<most {
      let step = try agent.turn()
      if case .exit = step { return step }
      if try condition() { return step }
    }
    return nil
  }

  private func serve(_ path: String, as name: String) throws {
    let tag = "\"\(SHA256.value(of: name).hex.prefix(8))\""
    try counter.serve(path, as: name, tag: tag)
  }
}

extension Agent {
  /// A cycle, and what commands that it began come to.
  func turn() throws -> AgentStep {
    let step = try cycle(mayWait: false)
    if case .exit = step { return step }
    try finishCommands()
    if let end = try attend(isWoken: false) { return .exit(end) }
    return step
  }
}
