// The watchdog sleeps when the agent ends on purpose, and barks on while an update is tried.

import Crypto
import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

struct WatchdogRestTests {
  private let bench: AgentBench

  init() throws {
    bench = try AgentBench()
    bench.members = [
      "health": ["watchdog": .string(bench.directory.file("watchdog"))],
      "signingKeys": [.string(bench.key.verifyingKey.hex)],
    ]
    // A file takes what the device would: a zero byte for a petting, `V` for sleep.
    try bench.directory.write("", to: "watchdog")
  }

  private func updater(isService: Bool) throws -> DeviceUpdater {
    let read = try AgentDocument.read(try bench.configuration().prettyText, path: "agent.json")
    return try DeviceUpdater(
      read.setup, disk: POSIXDisk(), programs: SpawnedPrograms(), clock: .system,
      isService: isService)
  }

  private func sleeps() throws -> Bool {
    try bench.directory.read("watchdog")?.last == UInt8(ascii: "V")
  }

  @Test func `an agent that ends on purpose puts the watchdog to sleep`() throws {
    let updater = try updater(isService: true)
    updater.rest()
    #expect(try sleeps())
  }

  @Test func `a command that does a single thing leaves the watchdog alone`() throws {
    let updater = try updater(isService: false)
    updater.rest()
    #expect(try bench.directory.read("watchdog") == [])
  }

  @Test func `the watchdog guards an update from its arming until it is confirmed`() throws {
    try bench.offer(patternBytes(10_000))
    let armed = try bench.agent()
    #expect(try bench.turns(armed, until: { false }) == .exit(.rebooting))
    armed.rest()
    #expect(try !sleeps())
    try bench.boot()
    let onTrial = try updater(isService: false)
    _ = try onTrial.start(program: nil)
    _ = try onTrial.handle(.trialPassed)
    // A single command took care of the trial, and of the watchdog after it.
    onTrial.rest()
    #expect(try sleeps())
  }

  @Test func `the program puts the watchdog to sleep when it is stopped`() throws {
    let path = try bench.directory.write(
      try bench.configuration().prettyText, to: "agent.json")
    let words = [AgentProgramFile.path, "run", "--config", path]
    let arguments = words.map { strdup($0) } + [nil]
    defer { for word in arguments { free(word) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var process: pid_t = 0
    try #require(posix_spawn(&process, words[0], &actions, nil, arguments, environ) == 0)
    // It pets when it runs; a minute is for a machine with much else to do.
    for _ in 0..<6000 where try bench.directory.read("watchdog") == [] { usleep(10_000) }
    kill(process, SIGTERM)
    var status: Int32 = 0
    #expect(waitpid(process, &status, 0) == process)
    #expect(status == 0)
    #expect(try sleeps())
  }
}
