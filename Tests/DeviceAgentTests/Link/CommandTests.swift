// Commands: done once, answered until the answer arrived, bounded in time and output.

import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct CommandTests {
  private let bench: AgentBench
  private let note: String

  init() throws {
    bench = try AgentBench()
    note = bench.directory.file("note")
  }

  private func command(_ id: String, _ name: String, _ arguments: JSON = .object([])) {
    let command: JSON = [
      "id": .string(id), "name": .string(name), "arguments": arguments,
    ]
    bench.counter.set { $0.commands.append(command) }
  }

  /// The answers to a command, in order.
  private func answers(_ id: String) -> [JSON] {
    bench.counter.seen { state in
      state.answers.filter { $0["id"]?.string == id }.compactMap { $0["answer"] }
    }
  }

  private func states(_ id: String) -> [String] { answers(id).compactMap { $0["state"]?.string } }

  @Test func `a capability gets its arguments as words, environment and JSON`() throws {
    try bench.directory.write(
      "#!/bin/sh\nread line\necho \"{\\\"word\\\":\\\"$1\\\",\\\"variable\\\":"
        + "\\\"$GROUNDSWELL_ARG_FAN_SPEED\\\",\\\"input\\\":$line}\"\n", to: "tool", mode: 0o700)
    bench.members = [
      "capabilities": [
        ["name": "fan", "command": [.string(bench.directory.file("tool")), "{fan-speed}"]]
      ]
    ]
    command("1", "fan", ["fan-speed": "3; rm -rf /", "on": true])
    _ = try bench.agent().turn()
    #expect(states("1") == ["running", "done"])
    let result = answers("1").last?["result"]
    #expect(result?["word"] == "3; rm -rf /")
    #expect(result?["variable"] == "3; rm -rf /")
    #expect(result?["input"] == ["fan-speed": "3; rm -rf /", "on": true])
    #expect(
      bench.counter.seen { state in
        state.reported["capabilities"]?.array?.contains { $0["name"] == "fan" }
      } == true)
  }

  @Test func `a command that is delivered twice is done once and answered twice`() throws {
    bench.members = ["commands": ["identify": [.string(note)]]]
    command("5", "identify")
    let agent = try bench.agent()
    _ = try agent.turn()
    #expect(states("5") == ["running", "done"])
    _ = try agent.turn()
    // The server lost the answer and asks again, also after a restart of the agent.
    command("5", "identify")
    _ = try agent.turn()
    command("5", "identify")
    _ = try bench.agent().turn()
    #expect(states("5") == ["running", "done", "done", "done"])
    #expect(try bench.directory.text("calls").split(separator: "\n").count == 1)
  }

  @Test func `a command that a kill interrupted is not done again`() throws {
    bench.members = ["commands": ["identify": [.string(note)]]]
    let agent = try bench.agent()
    _ = try agent.turn()
    // What the disk holds after a kill in the middle of the command.
    var memory = try CommandMemory(try StateDirectory(bench.directory.file("state")))
    try memory.note(
      CommandAnswer(.running), of: try Name("9"), named: "identify", boot: "boot-1")
    command("9", "identify")
    _ = try bench.agent().turn()
    #expect(states("9") == ["failed"])
    #expect(try bench.directory.text("calls").isEmpty)
  }

  @Test func `a reboot is answered when the device has started again`() throws {
    command("2", "reboot")
    #expect(try bench.turns(try bench.agent()) { false } == .exit(.rebooting))
    #expect(states("2") == ["running"])
    try bench.directory.write("boot-2\n", to: "boot-id")
    _ = try bench.agent().turn()
    #expect(states("2") == ["running", "done"])
  }

  @Test func `logs are the ends of files and what programs print`() throws {
    let big = try bench.directory.write(patternBytes(9 << 20), to: "big.log")
    bench.members = [
      "logs": [
        ["name": "system", "command": ["/bin/echo", "all is well"]],
        ["name": "big", "file": .string(big)],
        ["name": "gone", "file": "/nonexistent/x.log"],
      ]
    ]
    command("3", "collect-logs")
    _ = try bench.agent().turn()
    let logs = bench.counter.seen { $0.logs }
    #expect(logs["system?command=3"] == Array("all is well\n".utf8))
    #expect(logs["big?command=3"]?.count == 8 << 20)
    #expect(logs["big?command=3"]?.suffix(100) == patternBytes(9 << 20).suffix(100))
    let last = answers("3").last
    #expect(last?["state"] == "done")
    #expect(last?["result"]?["errors"]?.array?.first?["name"] == "gone")
    command("4", "collect-logs", ["names": ["nothing"]])
    _ = try bench.agent().turn()
    #expect(states("4") == ["rejected"])
  }

  @Test func `what cannot be done is rejected with the reason`() throws {
    command("1", "self-destruct")
    command("2", "factory-reset")
    command("3", "collect-logs")
    command("4", "safe-mode", ["on": "maybe"])
    bench.counter.set { state in
      state.commands.append([
        "id": "5", "name": "reboot", "expires": "2020-01-01T00:00:00Z",
      ])
    }
    _ = try bench.agent().turn()
    for id in 1...5 {
      #expect(states("\(id)") == ["rejected"], "\(id)")
      #expect(answers("\(id)").last?["text"]?.string?.isEmpty == false)
    }
  }

  @Test func `in safe mode the product's own commands rest`() throws {
    bench.members = ["capabilities": [["name": "fan", "command": [.string(note)]]]]
    command("1", "safe-mode", ["on": true])
    let agent = try bench.agent()
    _ = try agent.turn()
    #expect(bench.counter.seen { $0.reported["safeMode"] } == true)
    command("2", "fan")
    _ = try agent.turn()
    #expect(states("2") == ["rejected"])
    command("3", "safe-mode", ["on": false])
    command("4", "fan")
    _ = try agent.turn()
    _ = try agent.turn()
    #expect(states("4").last == "done")
    #expect(bench.counter.seen { $0.reported["safeMode"] } == false)
  }

  @Test func `programs are ended in time with all that they started, and their output is bounded`()
    throws
  {
    let slow = CommandProgram(
      words: ["/bin/sh", "-c", "sleep 60 & sleep 60"], timeout: .milliseconds(300))
    #expect(slow.run().ending == .timedOut)
    var loud = CommandProgram(
      words: ["/bin/sh", "-c", "head -c 300000 /dev/zero"], timeout: .minutes(2))
    loud.outputBytesMax = 1000
    let result = loud.run()
    #expect(result.isSuccess && result.output.count == 1000)
    let missing = CommandProgram(words: ["/nonexistent"], timeout: .minutes(2)).run()
    #expect(missing.ending == .notStarted(2))
    let deaf = CommandProgram(
      words: ["/bin/true"], input: patternBytes(1 << 20), timeout: .minutes(2))
    #expect(deaf.run().isSuccess)
  }

  @Test func `only the latest commands are remembered, undelivered ones longest`() throws {
    let directory = try TestDirectory()
    var memory = try CommandMemory(try StateDirectory(directory.path))
    for number in 1...140 {
      let id = try Name("\(number)")
      try memory.note(CommandAnswer(.done), of: id, named: "identify", boot: "b")
      if number != 3 { try memory.markDelivered(id) }
    }
    let again = try CommandMemory(try StateDirectory(directory.path))
    #expect(again.entries.count == CommandMemory.countMax)
    let (second, third, last) = (try Name("2"), try Name("3"), try Name("140"))
    #expect(again[third] != nil && again[second] == nil)
    #expect(again[last]?.answer == CommandAnswer(.done))
  }
}

extension Interval {
  static func milliseconds(_ count: Int64) -> Interval { Interval(milliseconds: count) }
}
