// CommitGate: lets a test keep the news of commits from the server for a while.

import HTTPServer
import Synchronization

/// Stands between the store and the barrier.
final class CommitGate: Sendable {
  private struct State {
    var isHeld = false
    var latest: UInt64 = 0
  }

  private let barrier: Barrier
  private let state = Mutex(State())

  init(_ barrier: Barrier) { self.barrier = barrier }

  /// A commit happened.
  func pass(_ ticket: UInt64) {
    let goesOn = state.withLock { state in
      state.latest = ticket
      return !state.isHeld
    }
    if goesOn { barrier.advance(to: ticket) }
  }

  /// From now on the server does not hear of commits.
  func hold() { state.withLock { $0.isHeld = true } }

  /// The server hears of everything that it missed.
  func release() {
    let latest = state.withLock { state in
      state.isHeld = false
      return state.latest
    }
    barrier.advance(to: latest)
  }
}
