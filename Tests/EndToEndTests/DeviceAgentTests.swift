// DeviceAgentTests: the agent and the server as processes, through reboots and kills.

import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

/// A device in a folder whose agent is the real program; its boot loader is a method.
private final class AgentDevice {
  let directory: String
  private var process: ChildProcess?
  private let log: String

  /// `members` says who the device is: a token and pinned keys, or a claim code.
  init(_ server: TestServer, _ members: JSON) throws {
    var template = Array("\(server.directory)/device-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw EndToEndFault("no folder for a device") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    log = "\(directory)/agent.log"
    mkdir("\(directory)/boot", 0o700)
    let path = directory
    let configuration: JSON = [
      "server": .string(server.url), "hardware": "board",
      "stateDirectory": .string("\(path)/state"), "rebootEndsAgent": true,
      "bootIdentifierFile": .string("\(path)/boot-id"),
      "reported": ["file": .string("\(path)/product.json")],
      "slots": [
        "a": .string("\(path)/slot-a"), "b": .string("\(path)/slot-b"),
        "running": ["file": .string("\(path)/running")],
      ],
      "boot": ["kind": "file", "directory": .string("\(path)/boot")],
      "health": ["deadline": "2m", "pause": "0s"], "poll": ["least": "1s", "most": "2s"],
    ]
    write(
      String(decoding: configuration.merging(members).prettyText, as: UTF8.self), to: "agent.json")
    write("old", to: "slot-a")
    write("a", to: "running")
    write("boot-0", to: "boot-id")
    write(#"{"version": "1.0.0", "battery": {"percent": 80}}"#, to: "product.json")
  }

  deinit { process?.end(SIGKILL) }

  func write(_ text: String, to name: String) {
    guard let file = fopen("\(directory)/\(name)", "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  func text(_ name: String) -> String { contents(of: "\(directory)/\(name)") }

  func start() throws {
    process = try ChildProcess(
      ["run", "--config", "\(directory)/agent.json"], program: "groundswell-agent", output: log)
  }

  func kill() { _ = process?.end(SIGKILL) }

  /// Ends the agent as an init system does.
  func stop() -> Int32? { process?.end(SIGTERM) }

  /// The exit status, once the agent has ended by itself.
  func ending() -> Int32? {
    guard let process, !process.isRunning else { return nil }
    return process.wait()
  }

  var isRunning: Bool { process?.isRunning ?? false }

  /// Does what a boot loader does with its record.
  func boot(starts: Bool = true) throws {
    let access = BootAccess(
      disk: POSIXDisk(), programs: SpawnedPrograms(), control: .file(directory: "\(directory)/boot")
    )
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
    let count = Int(text("boot-id").filter(\.isNumber)) ?? 0
    write("boot-\(count + 1)", to: "boot-id")
    write(slot.rawValue, to: "running")
  }

  var journal: String { String(contents(of: log).suffix(2000)) }
}

@Suite(.serialized) struct DeviceAgentTests {
  private let server: TestServer
  private let device: AgentDevice

  init() throws {
    server = try TestServer()
    try server.call("PATCH", "/api/v1/tenants/DEFAULT", ["pollSeconds": 1])
    let registered = try server.call(
      "POST", TestServer.path("/devices"), ["id": "pump", "hardware": "board"])
    try server.call("PUT", TestServer.path("/groups/staging"), .object([]))
    let group = try server.call(
      "POST", TestServer.path("/groups/staging/members"), ["add": ["pump"]])
    #expect(group.status == 200, "\(group)")
    let token = try #require(registered.document["token"]?.string)
    let key = try server.call("GET", TestServer.path("/key")).document["publicKey"]?.string
    let tokenFile = "\(server.directory)/pump.token"
    device = try AgentDevice(
      server,
      [
        "device": "pump", "tokenFile": .string(tokenFile),
        "signingKeys": [.string(try #require(key))],
      ])
    guard let file = fopen(tokenFile, "w") else { throw EndToEndFault("no token file") }
    fputs(token, file)
    fclose(file)
  }

  private func roll(out bytes: [UInt8], version: String) throws {
    let artifact = try server.upload(bytes, name: "fw", version: version, hardware: "board")
    try server.publish("fw", version, artifact: artifact)
    let created = try server.call(
      "POST", TestServer.path("/rollouts"),
      [
        "name": .string("to-\(version)"), "release": .string("fw:\(version)"), "policy": "fast",
        "start": true, "overrides": ["canary.soak": "1s", "gate.soak": "1s"],
      ])
    #expect(created.status == 201, "\(created)")
  }

  private func reported() throws -> JSON {
    let answer = try server.call("GET", TestServer.path("/devices/pump/twin")).document
    return answer["reported"]?["properties"] ?? answer["reported"] ?? .null
  }

  private func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<2400 {
      if try condition() { return true }
      pause(50)
    }
    return false
  }

  @Test(.timeLimit(.minutes(5)))
  func `a device updates by its agent, proves itself, and is told to be on the release`() throws {
    let bytes = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try device.start()
    let isDescribed = try eventually { try reported()["version"] == "1.0.0" }
    #expect(isDescribed, "\(device.journal)")
    try roll(out: bytes, version: "2.0.0")
    #expect(eventually { !device.isRunning }, "\(device.journal)")
    #expect(device.ending() == 75, "\(device.journal)")
    try device.boot()
    try device.start()
    let isUpdated = try eventually { try reported()["version"] == "2.0.0" }
    #expect(isUpdated, "\(device.journal)")
    #expect(try reported()["slot"] == "b")
    #expect(try reported()["battery"]?["percent"] == 80)
    let isCompleted = try eventually {
      let rollouts = try server.call("GET", TestServer.path("/rollouts")).document
      let list = rollouts["items"]?.array ?? rollouts["rollouts"]?.array ?? []
      return list.first?["status"]?.string == "completed"
    }
    #expect(isCompleted, "\(device.journal)")
    #expect(device.stop() == 0, "an agent that is asked to end ends in order")
  }

  @Test(.timeLimit(.minutes(5)))
  func `an agent that is killed again and again still brings its device to the release`() throws {
    try device.start()
    try roll(out: (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }, version: "3.0.0")
    var isThere = false
    for turn in 0..<900 where !isThere {
      pause(60 + turn * 37 % 400)
      if let code = device.ending() {
        #expect(code == 75, "\(device.journal)")
        try device.boot()
      } else if turn < 12 {
        device.kill()
      } else {
        isThere = try reported()["version"] == "3.0.0"
        continue
      }
      try device.start()
    }
    #expect(isThere, "\(device.journal)")
    #expect(device.text("slot-a") == "old")
  }

  @Test(.timeLimit(.minutes(5)))
  func `a device enrols with its claim code, obeys a command, sends logs and survives kills`()
    throws
  {
    let batch = try server.call(
      "POST", TestServer.path("/batches"),
      ["name": "first", "count": 1, "hardware": "board", "pattern": "unit-{n}"])
    let made = try #require(batch.document["devices"]?.array?.first, "\(batch)")
    let id = try #require(made["id"]?.string)
    let unit = try AgentDevice(
      server,
      [
        "claim": made["code"] ?? .null,
        "logs": [["name": "system", "command": ["/bin/echo", "all is well"]]],
        "capabilities": [
          ["name": "say", "command": ["/bin/echo", "{word}"]],
          [
            "name": "linger", "timeout": "1h",
            "command": ["/bin/sh", "-c", "echo $$ > \"$1\"; sleep 3000", "sh", "{file}"],
          ],
        ],
      ])
    try unit.start()
    let path = TestServer.path("/devices/\(id)")
    let isDescribed = try eventually {
      try server.call("GET", path + "/twin").document["reported"]?["properties"]?["slot"] == "a"
    }
    #expect(isDescribed, "\(unit.journal)")
    for (name, arguments) in [("say", ["word": "hello"]), ("collect-logs", JSON.object([]))] {
      let sent = try server.call(
        "POST", path + "/commands", ["name": .string(name), "arguments": arguments])
      #expect((200..<300).contains(sent.status), "\(sent)")
      let command = sent.document["id"]?.integer.map(String.init) ?? sent.document["id"]?.string
      unit.kill()
      try unit.start()
      let isDone = try eventually {
        let shown = try server.call("GET", path + "/commands/\(command ?? "")").document
        return ["done", "failed"].contains(shown["state"]?.string ?? "")
      }
      #expect(isDone, "\(unit.journal)")
    }
    // A stop does not leave behind what a command started.
    let file = "\(unit.directory)/linger.pid"
    let sent = try server.call(
      "POST", path + "/commands", ["name": "linger", "arguments": ["file": .string(file)]])
    #expect((200..<300).contains(sent.status), "\(sent)")
    let isLingering = eventually { unit.text("linger.pid").last == "\n" }
    #expect(isLingering, "\(unit.journal)")
    let child = pid_t(unit.text("linger.pid").filter(\.isNumber)) ?? 0
    #expect(child > 1 && kill(child, 0) == 0)
    #expect(unit.stop() == 0)
    #expect(eventually { kill(child, 0) != 0 })
  }
}
