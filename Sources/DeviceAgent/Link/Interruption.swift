// Interruption: lets a signal end or wake an agent that sleeps or waits for the network, and never
// one that is in the middle of something.

import Glibc
import Synchronization
import UpdateModel

/// Shared by the thread that works and the one that waits for signals.
public final class Interruption: Sendable {
  private struct State {
    var isStopping = false
    var isIdle = false
  }

  private let state = Mutex(State())
  private let readEnd: Int32
  private let writeEnd: Int32
  /// Holds the program of a command: it ends with the agent.
  let leash = ProgramLeash()

  /// Makes the pipe that wakes sleepers.
  public init() throws(LinkError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .system("make", "a pipe") }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (readEnd, writeEnd) = (ends[0], ends[1])
  }

  deinit {
    close(readEnd)
    close(writeEnd)
  }

  /// Whether the agent should come to its end.
  public var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Asks for the end. A worker that is idle is not waited for: the process ends here, with 0.
  public func stop() {
    state.withLock { state in
      state.isStopping = true
      // The lock is kept, so the worker cannot leave its wait meanwhile.
      if state.isIdle { end(0) }
    }
    leash.cut()
    wake()
  }

  /// Ends a sleep.
  public func wake() {
    var byte: UInt8 = 0
    _ = write(writeEnd, &byte, 1)  // a full pipe wakes as well
  }

  /// Ends the process, once.
  public func finish(_ code: Int32) -> Never {
    state.withLock { _ in end(code) }
  }

  private func end(_ code: Int32) -> Never {
    leash.cut()
    exit(code)
  }

  /// Does something that takes long and can be cut off without harm, such as waiting for an answer.
  func whileIdle<Value, Failure: Error>(
    _ body: () throws(Failure) -> Value
  ) throws(Failure) -> Value {
    state.withLock { $0.isIdle = true }
    defer { state.withLock { $0.isIdle = false } }
    return try body()
  }

  /// Sleeps; true when it was woken before.
  @discardableResult
  func sleep(milliseconds: Int64) -> Bool {
    let end = DeviceClock.system.now().milliseconds + max(0, milliseconds)
    while !isStopping {
      let left = end - DeviceClock.system.now().milliseconds
      guard left > 0 else { return false }
      var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
      // poll(2) does not count while the device sleeps, so it looks again each minute.
      if poll(&entry, 1, Int32(min(left, 60_000))) > 0 {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(readEnd, &bytes, bytes.count) == bytes.count {}
        return true
      }
    }
    return true
  }
}
