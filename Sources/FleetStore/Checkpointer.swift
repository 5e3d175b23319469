// Checkpointer: moves committed pages from the log to the database while the writer goes on.
//
// Under steady load a checkpoint beside the writer never sees the end of the log, so the log would
// never start anew. Therefore the bulk is moved here, and the writer moves the few pages that are
// left between two of its own commits.

internal import Synchronization

/// Owns a connection and a thread.
///
/// Unchecked, because the connection is used by the thread alone, and by `stop` after its end.
final class Checkpointer: @unchecked Sendable {
  private struct State {
    var isRequested = false
    var isStopping = false
  }

  /// Pages in the log from which on it is worth moving them (80 MB; a fifth of it costs half of the
  /// rate of random updates, as each page is then written more often).
  static let logPagesDue = 20_000
  // A round beside the writer leaves what was committed meanwhile; so few pages are left to it.
  private static let pagesLeftToWriter = 500
  private static let roundsMax = 4

  private let connection: Connection
  private let logPagesDue: Int
  private let state = Monitor(State())
  private let bulkIsDone = Atomic<Bool>(false)

  init(_ file: DatabaseFile, logPagesDue: Int) throws(StoreError) {
    connection = try Connection(file, role: .checkpointer)
    self.logPagesDue = logPagesDue
  }

  func start() -> JoinableThread { JoinableThread { self.run() } }

  /// Called by the writer after each commit.
  func committed(on writer: Connection) {
    if bulkIsDone.exchange(false, ordering: .acquiringAndReleasing) {
      // A failure costs only space in the log, and the next commit asks again.
      _ = try? writer.checkpoint()
    } else if writer.logPages >= logPagesDue {
      state.withLock { $0.isRequested = true }
      state.wake(.work)
    }
  }

  /// Ends the thread after the round it is in.
  func stop() {
    state.withLock { $0.isStopping = true }
    state.wake(.work)
  }

  private func run() {
    while state.wait(at: .work, until: { $0.isStopping ? false : $0.isRequested ? true : nil })
      ?? false
    { moveBulk() }
  }

  /// Does what the thread would do now, if anything; for a store without threads.
  func runIfRequested() {
    if state.withLock({ $0.isRequested }) { moveBulk() }
  }

  private func moveBulk() {
    for _ in 0..<Checkpointer.roundsMax {
      // A failure costs only space in the log, and the next commit asks again.
      let left = (try? connection.checkpoint()) ?? 0
      if left < Checkpointer.pagesLeftToWriter { break }
    }
    state.withLock { $0.isRequested = false }
    bulkIsDone.store(true, ordering: .releasing)
  }
}
