// CommitQueue: changes on their way to the writer, tickets, and what has become of them.

internal import Glibc
internal import Synchronization
internal import UpdateModel

/// Shared by those who enqueue, those who wait and the writer.
final class CommitQueue: Sendable {
  private struct State {
    var pending: [Change] = []
    var lastTicket: UInt64 = 0
    var committed: UInt64 = 0
    var failure: StoreError?
    var pruneBefore: Instant?
    var isStopping = false
    var isStopped = false
  }

  /// What the writer is to do next.
  struct Work {
    /// The last ticket whose changes are in the group.
    let through: UInt64
    /// Reports received before this are to be removed, a slice at a time.
    let pruneBefore: Instant?
    /// Whether this is the last try, because the store is being stopped.
    let isStopping: Bool
  }

  private let state = Monitor(State())
  private let limit: Int
  // Copies that are read without the lock; written while it is held.
  private let backlog = Atomic<Int>(0)
  private let committed = Atomic<UInt64>(0)
  private let healthy = Atomic<Bool>(true)

  init(limit: Int) { self.limit = limit }

  var committedTicket: UInt64 { committed.load(ordering: .acquiring) }
  var isHealthy: Bool { healthy.load(ordering: .acquiring) }
  var isAccepting: Bool { backlog.load(ordering: .relaxed) < limit }

  /// Why the writer is stuck; nil while it is not.
  var failure: StoreError? { state.withLock { $0.failure } }

  // MARK: For those who decide

  func enqueue(_ change: Change) -> UInt64 {
    state.withLock { state in
      state.pending.append(change)
      return ticket(&state, count: 1)
    }
  }

  func enqueue(_ changes: [Change]) -> UInt64 {
    state.withLock { state in
      state.pending.append(contentsOf: changes)
      return ticket(&state, count: changes.count)
    }
  }

  private func ticket(_ state: inout State, count: Int) -> UInt64 {
    state.lastTicket += 1
    backlog.add(count, ordering: .relaxed)
    self.state.wake(.work)
    return state.lastTicket
  }

  func prune(before: Instant) {
    state.withLock { $0.pruneBefore = before }
    state.wake(.work)
  }

  func wait(for ticket: UInt64) throws(StoreError) {
    _ = try state.wait(at: .results) { (state) throws(StoreError) -> Void? in
      if state.committed >= ticket { return () }
      if let failure = state.failure { throw failure }
      if state.isStopped { throw .stopped }
      return nil
    }
  }

  func stop() {
    state.withLock { $0.isStopping = true }
    state.wake(.work)
  }

  // MARK: For the writer

  /// Waits for changes and moves them to the end of `group`; nil when there will be none.
  func take(into group: inout [Change]) -> Work? {
    _ = state.wait(at: .work) { state in
      CommitQueue.isDue(state) || state.isStopping ? () : nil
    }
    // The first change of a burst wakes the writer; where it shares a core with those who enqueue,
    // it lets them finish their turn, so that the group is the burst and not its first change.
    sched_yield()
    // Whether there is more is decided under the lock, the optional tells "wait" from "nothing".
    let found = state.wait(at: .work) { state -> Work?? in
      if CommitQueue.isDue(state) {
        return .some(move(&state, into: &group))
      }
      return state.isStopping ? .some(nil) : nil
    }
    return found ?? nil
  }

  /// As `take`, without waiting: nil when nothing waits.
  func takeNow(into group: inout [Change]) -> Work? {
    state.withLock { state in CommitQueue.isDue(state) ? move(&state, into: &group) : nil }
  }

  private static func isDue(_ state: State) -> Bool {
    state.lastTicket > state.committed || state.pruneBefore != nil
  }

  private func move(_ state: inout State, into group: inout [Change]) -> Work {
    if group.isEmpty {
      swap(&state.pending, &group)
    } else {
      group.append(contentsOf: state.pending)
      state.pending.removeAll(keepingCapacity: true)
    }
    return Work(
      through: state.lastTicket, pruneBefore: state.pruneBefore, isStopping: state.isStopping)
  }

  func commit(_ work: Work, count: Int, isPruned: Bool) {
    state.withLock { state in
      state.committed = work.through
      state.failure = nil
      if isPruned, state.pruneBefore == work.pruneBefore { state.pruneBefore = nil }
      committed.store(work.through, ordering: .releasing)
      healthy.store(true, ordering: .releasing)
      backlog.subtract(count, ordering: .relaxed)
    }
    state.wake(.results)
  }

  func fail(_ error: StoreError) {
    state.withLock { state in
      state.failure = error
      healthy.store(false, ordering: .releasing)
    }
    state.wake(.results)
  }

  /// Lets time pass before the next try, unless the store is being stopped.
  func pause(milliseconds: Int) {
    _ = state.wait(at: .work, milliseconds: milliseconds) { $0.isStopping ? () : nil }
  }

  /// Tells those who still wait that nothing more comes.
  func finish() {
    state.withLock { $0.isStopped = true }
    state.wake(.results)
  }
}
