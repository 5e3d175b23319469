// Watchdog: a device that resets the machine unless it hears from a healthy agent.

internal import Glibc
internal import Synchronization
internal import Threads
internal import UpdateModel

/// Keeps a watchdog quiet: outside of a trial as long as the process lives, during a trial until a
/// deadline, and never again after a trial that failed.
///
/// A thread of its own pets it, so that a long download or check is no reset.
final class Watchdog: Sendable {
  private struct State {
    var descriptor: Int32?
    /// Until when it is petted; nothing for as long as the process lives.
    var deadline: Interval?
    var isStopped = false
    /// Whether it may sleep when the agent ends.
    var mayRest = false
  }

  private let clock: DeviceClock
  private let period: Interval
  private let state: Mutex<State>

  /// Opens the device, which starts it.
  init(path: String, period: Interval, clock: DeviceClock) throws(AgentError) {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(operation: "open", path: path, code: errno) }
    self.clock = clock
    self.period = period
    state = Mutex(State(descriptor: descriptor))
    // The thread holds a reference of its own until the watchdog is closed or stopped.
    guard DetachedThread.start({ self.pet() }) else {
      throw .system(operation: "start a thread for", path: path, code: EAGAIN)
    }
  }

  deinit { close() }

  /// A trial runs: whatever happens, the device is reset when it has not passed by this time of the
  /// clock.
  func expect(by deadline: Interval) { state.withLock { $0.deadline = deadline } }

  /// The trial passed.
  func trust() { state.withLock { $0.deadline = nil } }

  /// The system is not well: the device is to be reset. It cannot be taken back.
  func stop() { state.withLock { $0.isStopped = true } }

  /// Whether the watchdog may sleep when the agent ends; not while an update is between its arming
  /// and its end, where a device that hangs must be reset.
  func allowRest(_ mayRest: Bool) { state.withLock { $0.mayRest = mayRest } }

  /// The agent ends on purpose and the watchdog is to sleep, where it can (`V` of the kernel's
  /// watchdog API). A stopped one, and one that may not rest, is left to bark.
  func close() {
    state.withLock { state in
      guard let descriptor = state.descriptor else { return }
      if !state.isStopped, state.mayRest { Self.write("V", to: descriptor) }
      Glibc.close(descriptor)
      state.descriptor = nil
    }
  }

  private func pet() {
    while true {
      let isDone = state.withLock { state -> Bool in
        guard let descriptor = state.descriptor, !state.isStopped else { return true }
        let isInTime = state.deadline.map { clock.now() < $0 } ?? true
        if isInTime { Self.write("\0", to: descriptor) }
        return false
      }
      if isDone { return }
      clock.wait(period)
    }
  }

  /// A failed write is a missed petting, and the device does what it is there for.
  private static func write(_ text: StaticString, to descriptor: Int32) {
    _ = Glibc.write(descriptor, text.utf8Start, 1)
  }
}
