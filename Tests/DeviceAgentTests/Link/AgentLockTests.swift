// Waking the agent that runs: never a program that has the number of one that is gone.

import Glibc
import Testing
import UpdateModel

@testable import DeviceAgent

@Suite struct AgentLockTests {
  private let directory: TestDirectory
  private let state: StateDirectory

  init() throws {
    directory = try TestDirectory()
    state = try StateDirectory(directory.path)
  }

  /// A program that dies of the signal, with its number in the lock file.
  private func bystander() throws -> pid_t {
    var process: pid_t = 0
    let texts: [String] = ["/bin/sleep", "60"]
    let words = texts.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    // A thread of tests may block signals, and a program inherits that.
    var signals = sigset_t()
    sigemptyset(&signals)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    guard posix_spawn(&process, "/bin/sleep", nil, &attributes, words, nil) == 0 else {
      throw LinkError.system("start", "/bin/sleep")
    }
    try directory.write("\(process)\n", to: "agent.lock")
    return process
  }

  private func isAlive(_ process: pid_t) -> Bool {
    usleep(50_000)
    var status: Int32 = 0
    return waitpid(process, &status, WNOHANG) == 0
  }

  private func end(_ process: pid_t) {
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  @Test func `a number that was left behind is signalled by nobody`() throws {
    let process = try bystander()
    defer { end(process) }
    #expect(!AgentLock.wakeOwner(state))
    #expect(isAlive(process))
  }

  @Test func `whoever has the lock is woken`() throws {
    let process = try bystander()
    // Held by another descriptor, as by another process.
    let descriptor = open(directory.file("agent.lock"), O_RDWR | O_CLOEXEC)
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    #expect(AgentLock.wakeOwner(state))
    close(descriptor)
    var status: Int32 = 0
    #expect(waitpid(process, &status, 0) == process)
    #expect(status & 0x7F == SIGUSR1)
  }

  @Test func `an agent that ends takes its number with it`() throws {
    do {
      let lock = try AgentLock(state)
      #expect(try directory.text("agent.lock") == "\(getpid())\n")
      withExtendedLifetime(lock) {}
    }
    #expect(try directory.text("agent.lock") == "")
    #expect(!AgentLock.wakeOwner(state))
  }
}
