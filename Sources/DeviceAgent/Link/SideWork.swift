// SideWork: something long that is done beside the agent's own thread, which looks for its end.

import Synchronization
import Threads

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
    let isStarted = DetachedThread.start {
      let outcome = body()
      work.state.withLock { $0 = outcome }
      ended()
    }
    return isStarted ? work : nil
  }

  /// What came of it; nil until then.
  var outcome: Outcome? { state.withLock { $0 } }
}
