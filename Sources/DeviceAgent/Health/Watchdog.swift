// Watchdog: a device that resets the machine unless it hears from a healthy agent.

internal import Glibc
internal import Synchronization
public import UpdateModel

/// Keeps a watchdog quiet for as long as the agent was allowed to, and no longer.
///
/// A thread of its own pets it, so that a long download or check is no reset; but only until the
/// time that the agent last asked for, so that an agent that hangs is one.
public final class Watchdog: Sendable {
  private struct State {
    var allowedUntil: Interval
    var isStopped = false
    var isClosed = false
  }

  private let descriptor: Int32
  private let clock: DeviceClock
  private let period: Interval
  private let state: Mutex<State>

  /// Opens the device, which starts it, and pets it for `length` from now.
  public init(
    path: String, period: Interval, allowedFor length: Interval, clock: DeviceClock
  ) throws(AgentError) {
    descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
    self.clock = clock
    self.period = period
    state = Mutex(State(allowedUntil: clock.now() + length))
    var thread = pthread_t()
    // The thread holds a reference of its own until the watchdog is closed.
    let own = Unmanaged.passRetained(self)
    let code = pthread_create(
      &thread, nil,
      { pointer in
        if let pointer { Unmanaged<Watchdog>.fromOpaque(pointer).takeRetainedValue().pet() }
        return nil
      }, own.toOpaque())
    guard code == 0 else {
      own.release()
      throw .system(operation: "start a thread for", path: path, code: code)
    }
    pthread_detach(thread)
  }

  deinit { if descriptor >= 0 { Glibc.close(descriptor) } }

  /// The agent is well and comes back within `length`.
  public func allow(for length: Interval) {
    let until = clock.now() + length
    state.withLock { $0.allowedUntil = max($0.allowedUntil, until) }
  }

  /// The system is not well: the device is to be reset. It cannot be taken back.
  public func stop() {
    state.withLock { $0.isStopped = true }
  }

  /// The agent ends on purpose and the watchdog is to sleep, where it can (`V` of the kernel's
  /// watchdog API). A stopped one is left to bark.
  public func close() {
    state.withLock { state in
      guard !state.isStopped, !state.isClosed else { return }
      state.isClosed = true
      write("V")
    }
  }

  private func pet() {
    while true {
      let isDone = state.withLock { state -> Bool in
        if state.isClosed || state.isStopped { return true }
        if clock.now() < state.allowedUntil { write("\0") }
        return false
      }
      if isDone { return }
      clock.wait(period)
    }
  }

  /// A failed write is a missed petting, and the device does what it is there for.
  private func write(_ text: StaticString) {
    _ = Glibc.write(descriptor, text.utf8Start, 1)
  }
}
