// Writer: the one thread that changes the database, a group of changes per transaction.

internal import Synchronization
internal import UpdateModel

/// What is called when a group is durable, with its last ticket; on the writer's thread.
typealias CommitCallback = @Sendable (UInt64) -> Void
/// What is called when a group is not durable for now, with its last ticket; on the writer's
/// thread.
typealias FailureCallback = @Sendable (UInt64, StoreError) -> Void

/// Takes what waits, writes it in one transaction and tells those who wait. What cannot be written
/// is kept and tried again, together with what has come since, until it can be.
///
/// Unchecked, because the connection, the statements and the group are used by the thread alone
/// once it runs; before that by the loader, after its end by `Store.stop`, and without a thread by
/// whoever calls `commitPending`, one at a time.
final class Writer: @unchecked Sendable {
  let connection: Connection
  private let changes: ChangeWriter
  private let queue: CommitQueue
  private let checkpointer: Checkpointer
  private let commits = Atomic<UInt64>(0)
  // What is being written: more than is new when the last try failed.
  private var group: [Change] = []
  private var reported: UInt64 = 0

  private static let retryMilliseconds = 500
  // A slice of old reports takes about as long as a large group.
  private static let pruneSlice = 2000
  // A burst must not keep its memory for ever.
  private static let groupCapacityKept = 1 << 16

  init(connection: Connection, queue: CommitQueue, checkpointer: Checkpointer) {
    self.connection = connection
    self.changes = ChangeWriter(connection)
    self.queue = queue
    self.checkpointer = checkpointer
  }

  /// Transactions since the start.
  var commitCount: UInt64 { commits.load(ordering: .relaxed) }

  func start(onCommit: @escaping CommitCallback, onFailure: @escaping FailureCallback)
    -> JoinableThread
  {
    JoinableThread { self.run(onCommit: onCommit, onFailure: onFailure) }
  }

  private func run(onCommit: CommitCallback, onFailure: FailureCallback) {
    while let work = queue.take(into: &group) {
      if turn(work, onCommit, onFailure) { continue }
      if work.isStopping { break }
      queue.pause(milliseconds: Writer.retryMilliseconds)
    }
    queue.finish()
  }

  /// Does once what the thread does when something waits; false when nothing does.
  func commitPending(onCommit: CommitCallback, onFailure: FailureCallback) -> Bool {
    guard let work = queue.takeNow(into: &group) else { return false }
    _ = turn(work, onCommit, onFailure)
    checkpointer.runIfRequested()
    return true
  }

  // One group; false when it could not be written and is to be tried again.
  private func turn(
    _ work: CommitQueue.Work, _ onCommit: CommitCallback, _ onFailure: FailureCallback
  ) -> Bool {
    do throws(StoreError) {
      let isPruned = try write(group, pruneBefore: work.pruneBefore)
      queue.commit(work, count: group.count, isPruned: isPruned)
      commits.add(1, ordering: .relaxed)
      onCommit(work.through)
      if group.capacity > Writer.groupCapacityKept { group = [] }
      group.removeAll(keepingCapacity: true)
      checkpointer.committed(on: connection)
      return true
    } catch {
      queue.fail(error)
      if work.through > reported { onFailure(work.through, error) }
      reported = work.through
      return false
    }
  }

  private func write(_ group: [Change], pruneBefore: Instant?) throws(StoreError) -> Bool {
    var isPruned = true
    try connection.transaction { () throws(StoreError) in
      for change in group { try changes.apply(change) }
      if let pruneBefore {
        isPruned = try !changes.prune(before: pruneBefore, limit: Writer.pruneSlice)
      }
    }
    return isPruned
  }
}
