// Commands that take long: polls, downloads and other commands while they run, and their end.

import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct CommandBesideTests {
  private let bench: AgentBench

  /// A device whose command `long` runs until there is a file `go`, `quick` notes its call.
  init() throws {
    bench = try AgentBench()
    let path = bench.directory.path
    try bench.directory.write(
      "#!/bin/sh\necho $$ > \(path)/pid\nwhile [ ! -e \(path)/go ]; do sleep 0.02; done\n"
        + "echo '{\"went\": true}'\n", to: "wait", mode: 0o700)
    func capability(_ name: String, _ program: String, disruptive: Bool = false) -> JSON {
      [
        "name": .string(name), "command": [.string("\(path)/\(program)")], "timeout": "10m",
        "disruptive": .bool(disruptive),
      ]
    }
    bench.members = [
      "capabilities": [
        capability("long", "wait"), capability("disturb", "wait", disruptive: true),
        capability("quick", "note"), capability("quick-disturb", "note", disruptive: true),
      ],
      "logs": [["name": "slow", "command": [.string("\(path)/wait")], "timeout": "10m"]],
    ]
  }

  private func command(_ id: String, _ name: String) {
    bench.counter.set { $0.commands.append(["id": .string(id), "name": .string(name)]) }
  }

  private func states(_ id: String) -> [String] {
    bench.counter.seen { state in
      state.answers.filter { $0["id"]?.string == id }
        .compactMap { $0["answer"]?["state"]?.string }
    }
  }

  private func letGo() throws { try bench.directory.write("", to: "go") }

  private func polls() -> Int {
    bench.counter.seen { state in state.requests.count { $0.hasPrefix("GET ") } }
  }

  @Test func `polls go on while a command runs, and its answer follows its end`() throws {
    command("1", "long")
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    #expect(agent.isDoingCommand)
    #expect(states("1") == ["running"])
    let before = polls()
    for _ in 0..<3 { _ = try agent.cycle(mayWait: true) }
    #expect(polls() == before + 3)
    // The server need not hold a poll that the answer would wait for.
    #expect(bench.counter.seen { $0.requests.last?.hasSuffix("wait=0") } == true)
    #expect(states("1") == ["running"])
    try letGo()
    try agent.finishCommands()
    #expect(states("1") == ["running", "done"])
    let result = bench.counter.seen { $0.answers.last?["answer"]?["result"] }
    #expect(result == ["went": true])
  }

  @Test func `commands are done one at a time in their order, and one that waits is not lost`()
    throws
  {
    command("1", "long")
    command("2", "quick")
    let agent = try bench.agent()
    for _ in 0..<3 { _ = try agent.cycle(mayWait: false) }
    #expect(states("2").isEmpty)
    // What needs no program need not wait.
    command("3", "nonsense")
    command("4", "quick")
    _ = try agent.cycle(mayWait: false)
    #expect(states("3") == ["rejected"])
    #expect(states("4").isEmpty)
    try letGo()
    try agent.finishCommands()
    #expect(states("2") == ["running", "done"])
    #expect(states("4") == ["running", "done"])
    #expect(try bench.directory.text("calls").split(separator: "\n").count == 2)
  }

  @Test func `an update is fetched meanwhile and installed when a disruptive command has ended`()
    throws
  {
    command("1", "disturb")
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    try bench.offer(patternBytes(10_000))
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    #expect(bench.counter.phases == ["downloading", "downloaded"])
    #expect(agent.status()["waiting"]?["reason"] == "command 1 is being done")
    #expect(try bench.directory.text("slot-b").isEmpty)
    try letGo()
    try agent.finishCommands()
    #expect(agent.isPollDue)
    #expect(try agent.cycle(mayWait: false) == .exit(.rebooting))
    #expect(states("1") == ["running", "done"])
  }

  @Test func `the device does not start again under a command that runs`() throws {
    command("1", "long")
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    try bench.offer(patternBytes(10_000))
    guard case .sleep = try agent.cycle(mayWait: false) else {
      Issue.record("the agent left")
      return
    }
    #expect(bench.counter.phases.last == "rebooting")
    try letGo()
    try agent.finishCommands()
    #expect(try agent.attend(isWoken: false) == .rebooting)
    #expect(states("1") == ["running", "done"])
  }

  @Test func `a disruptive command waits until an installed update has proven itself`() throws {
    let hook: JSON = ["rebootEndsAgent": false, "hooks": ["reboot": ["/bin/true"]]]
    bench.members = bench.members.merging(hook)
    try bench.offer(patternBytes(10_000))
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    command("1", "quick-disturb")
    _ = try agent.turn()
    _ = try agent.turn()
    #expect(states("1").isEmpty)
    try bench.boot()
    let after = try bench.agent()
    _ = try bench.turns(after) { after.isIdle && states("1").last == "done" }
    #expect(states("1") == ["running", "done"])
    #expect(bench.counter.phases.last == "installed")
  }

  @Test func `logs that take long are sent when they are there`() throws {
    command("1", "collect-logs")
    let agent = try bench.agent()
    _ = try agent.cycle(mayWait: false)
    _ = try agent.cycle(mayWait: false)
    #expect(states("1") == ["running"])
    #expect(bench.counter.seen { $0.logs.isEmpty })
    try letGo()
    try agent.finishCommands()
    #expect(states("1").last == "done")
    #expect(bench.counter.seen { $0.logs["slow?command=1"] } == Array("{\"went\": true}\n".utf8))
  }

  @Test func `a long command gives signs of life before the server gives it up`() throws {
    command("1", "long")
    let time = WaitingClock()
    let agent = try bench.agent(clock: time.clock)
    _ = try agent.cycle(mayWait: false)
    time.clock.wait(.minutes(14))
    #expect(try agent.attend(isWoken: false) == nil)
    #expect(states("1") == ["running"])
    time.clock.wait(.minutes(1))
    #expect(try agent.attend(isWoken: false) == nil)
    _ = try agent.cycle(mayWait: false)
    #expect(states("1") == ["running", "running"])
    try letGo()
    try agent.finishCommands()
  }

  @Test func `a program ends with the agent, and none begins after it`() throws {
    let directory = try TestDirectory()
    let leash = ProgramLeash()
    let script = "echo $$ > \(directory.file("pid")); sleep 600 & sleep 600"
    let program = CommandProgram(words: ["/bin/sh", "-c", script], timeout: .hours(1))
    let started = SideWork.start(ended: {}, { program.run(leash) })
    let work = try #require(started)
    var looks = 0
    while try directory.text("pid").last != "\n", looks < 12_000 {
      usleep(10_000)
      looks += 1
    }
    let pid = try #require(pid_t(try directory.text("pid").filter(\.isNumber)))
    #expect(kill(pid, 0) == 0)
    leash.cut()
    while work.outcome == nil, looks < 24_000 {
      usleep(10_000)
      looks += 1
    }
    #expect(work.outcome?.ending == .killed(signal: SIGKILL))
    #expect(kill(pid, 0) != 0)
    #expect(program.run(leash).ending == .notStarted(ECANCELED))
  }

  @Test func `a program's end counts although something that it left holds its output open`() throws
  {
    let start = DeviceClock.system.now()
    let program = CommandProgram(
      words: ["/bin/sh", "-c", "echo out; sleep 300 &"], timeout: .minutes(4))
    let result = program.run()
    #expect(result.isSuccess)
    #expect(result.output == Array("out\n".utf8))
    #expect(DeviceClock.system.now() - start < .minutes(3))
  }
}
