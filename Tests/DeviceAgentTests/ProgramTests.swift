// Real programs: their ends, their limits and their output; checks of a trial; the watchdog.

import Glibc
import Synchronization
import Testing
import UpdateModel

@testable import DeviceAgent

struct ProgramTests {
  private func run(_ words: String..., timeout: Interval = .minutes(2)) throws -> ProgramResult {
    SpawnedPrograms().run(try #require(ProgramCall(words, timeout: timeout)))
  }

  @Test func `a call needs an absolute path and plain words`() {
    #expect(ProgramCall([]) == nil)
    #expect(ProgramCall(["true"]) == nil)
    #expect(ProgramCall(["/bin/true", "a\0b"]) == nil)
    #expect(ProgramCall(["/bin/true"] + Array(repeating: "x", count: 31)) != nil)
    #expect(ProgramCall(["/bin/true"] + Array(repeating: "x", count: 32)) == nil)
  }

  @Test func `a program's end and output are told`() throws {
    #expect(try run("/bin/true").isSuccess)
    #expect(try run("/bin/false").ending == .exited(1))
    #expect(try run("/no/such/program").ending == .notStarted(ENOENT))
    #expect(try run("/bin/sh", "-c", "kill -9 $$").ending == .killed(signal: 9))
    let both = try run("/bin/sh", "-c", "echo out; echo err >&2; exit 3")
    #expect(both.ending == .exited(3))
    #expect(String(decoding: both.output, as: UTF8.self) == "out\nerr\n")
    // Words are words: nothing is expanded.
    let plain = try run("/bin/echo", "$HOME; *")
    #expect(String(decoding: plain.output, as: UTF8.self) == "$HOME; *\n")
    #expect(try run("/usr/bin/env").output.starts(with: Array("PATH=".utf8)))
  }

  @Test func `a program that takes too long is killed with its children`() throws {
    let start = DeviceClock.system.now()
    let result = try run(
      "/bin/sh", "-c", "sleep 600 & sleep 600", timeout: Interval(milliseconds: 300))
    #expect(result.ending == .timedOut)
    #expect(DeviceClock.system.now().milliseconds - start.milliseconds < 300_000)
  }

  @Test func `a child that keeps the output open does not hold up its parent's end`() throws {
    let start = DeviceClock.system.now()
    #expect(try run("/bin/sh", "-c", "sleep 90 & echo done").isSuccess)
    #expect(DeviceClock.system.now().milliseconds - start.milliseconds < 80_000)
  }

  @Test func `endless output is cut`() throws {
    let result = try run("/bin/sh", "-c", "head -c 1000000 /dev/zero")
    #expect(result.isSuccess)
    #expect(result.output.count == ProgramResult.outputBytesMax)
  }

  // MARK: Health

  private func health(
    attempts: Int, needsServer: Bool = false
  ) throws -> (HealthSetup, ScriptedPrograms, WaitingClock) {
    var setup = HealthSetup()
    var check = HealthSetup.Check(
      name: try Name("pump"), call: try #require(ProgramCall(["/bin/check"])))
    check.attempts = attempts
    setup.checks = [check]
    setup.needsServer = needsServer
    setup.deadline = .minutes(1)
    setup.pause = .seconds(5)
    return (setup, ScriptedPrograms(), WaitingClock())
  }

  @Test func `a check may fail until its last attempt`() throws {
    for (failures, passes) in [(0, true), (2, true), (3, false)] {
      let (setup, programs, clock) = try health(attempts: 3)
      programs.answer = { _ in ProgramResult(.exited(programs.calls.count <= failures ? 1 : 0)) }
      let check = HealthCheck(setup: setup, programs: programs, clock: clock.clock)
      let failure = check.run(isServerReachable: { false })
      #expect((failure == nil) == passes)
      #expect(failure.map(\.failureClass) ?? .health == .health)
    }
  }

  @Test func `all checks pass within the deadline or the trial has failed`() throws {
    let (setup, programs, clock) = try health(attempts: 100)
    programs.answer = { _ in ProgramResult(.exited(1)) }
    let check = HealthCheck(setup: setup, programs: programs, clock: clock.clock)
    let failure = check.run(isServerReachable: { true })
    #expect(failure?.text == "the check pump did not pass within 1m")
    // At 0, 5, ... 55 s; each with no more time than is left.
    #expect(programs.calls.count == 12)
    #expect(programs.calls.last?.timeout == .seconds(5))
  }

  @Test func `the server must have answered where that is asked for`() throws {
    for (answersAfter, passes) in [(0, true), (50, true), (70, false)] {
      let (setup, programs, clock) = try health(attempts: 1, needsServer: true)
      let check = HealthCheck(setup: setup, programs: programs, clock: clock.clock)
      let failure = check.run(
        isServerReachable: { clock.time >= .seconds(Int64(answersAfter)) })
      #expect((failure == nil) == passes)
    }
  }

  // MARK: Watchdog

  /// A clock whose one waiting thread goes on when the test says so.
  private final class SteppedClock: Sendable {
    private struct State {
      var time = Interval.zero
      var waits = 0
      var grants = 0
    }

    private let state = Mutex(State())

    var clock: DeviceClock {
      DeviceClock(
        now: { self.state.withLock { $0.time } },
        wait: { _ in
          let mine = self.state.withLock { state in
            state.waits += 1
            return state.waits
          }
          while self.state.withLock({ $0.grants < mine }) { usleep(500) }
        })
    }

    /// Lets the thread go on at a time, and returns when it waits again (or had two minutes).
    func step(to time: Interval) {
      let next = state.withLock { state in
        state.time = time
        state.grants += 1
        return state.grants + 1
      }
      settle(next)
    }

    /// Lets the thread go on for ever.
    func release() { state.withLock { $0.grants = .max } }

    /// Returns when the thread waits for the given time of its life.
    func settle(_ count: Int) {
      for _ in 0..<240_000 where state.withLock({ $0.waits < count }) { usleep(500) }
    }
  }

  @Test func `a watchdog is petted while the agent is well, and no longer`() throws {
    let path = "/tmp/groundswell-watchdog-\(getpid())-\(UInt32.random(in: 0 ... .max))"
    let made = open(path, O_RDWR | O_CREAT, 0o600)
    defer {
      close(made)
      unlink(path)
    }
    func petted() -> Int { Int(lseek(made, 0, SEEK_END)) }
    let clock = SteppedClock()
    let watchdog = try Watchdog(path: path, period: .seconds(10), clock: clock.clock)
    watchdog.expect(within: .seconds(25))
    clock.settle(1)
    #expect(petted() == 1)
    clock.step(to: .seconds(10))
    #expect(petted() == 2)
    clock.step(to: .seconds(20))
    #expect(petted() == 3)
    // The trial has not passed in time.
    clock.step(to: .seconds(30))
    #expect(petted() == 3)
    watchdog.trust()
    clock.step(to: .seconds(40))
    #expect(petted() == 4)
    // What is not well is not put to sleep either.
    watchdog.stop()
    watchdog.close()
    clock.release()
    #expect(petted() == 4)
  }
}
