// SideWork: something long that is done beside the agent's own thread, which looks for its end.

import Glibc
import Synchronization

/// Work on a thread of its own and, in the end, what came of it.
final class SideWork<Outcome: Sendable>: Sendable {
  private let state = Mutex<Outcome?>(nil)

  /// Begins; `ended` is called on the other thread once the outcome is there.
  ///
  /// - Returns: nil when the system has no thread to give.
  static func start(
    ended: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () -> Outcome
  ) -> SideWork? {
    let work = SideWork()
    let isStarted = AgentThread.start {
      let outcome = body()
      work.state.withLock { $0 = outcome }
      ended()
    }
    return isStarted ? work : nil
  }

  /// What came of it; nil until then.
  var outcome: Outcome? { state.withLock { $0 } }
}

/// A thread for as long as its work takes, at most the rest of the process.
public enum AgentThread {
  /// Starts `body`; false when the system has no thread to give.
  public static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard code == 0 else {
      box.release()
      return false
    }
    pthread_detach(thread)
    return true
  }

  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
