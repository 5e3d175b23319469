// Store: makes decisions durable in the order in which they were made, and gives them back at
// start.

public import RolloutEngine
internal import Synchronization
public import UpdateModel

/// The fleet on disk: one SQLite file in a directory that belongs to one server.
///
/// Changes are enqueued from any thread and committed in groups by one writer thread; an answer
/// that depends on a change waits for its ticket. When a group cannot be committed, because the
/// disk is full for example, it is kept and tried again every half second, so nothing that memory
/// knows is ever missing from the store for longer than the trouble lasts.
public final class Store: Sendable {
  private struct Running {
    var onCommit: CommitCallback
    var onFailure: FailureCallback
    var threads: (writer: JoinableThread, checkpointer: JoinableThread)?
    // Held until the end; nil once the store was stopped.
    var lock: DirectoryLock?
  }

  private let queue: CommitQueue
  private let checkpointer: Checkpointer
  private let writer: Writer
  private let history: Monitor<HistoryReader>
  private let running: Monitor<Running>

  /// Opens or makes `<directory>/groundswell.db`, and brings its tables up to date.
  ///
  /// `isAccepting` turns false when `pendingLimit` changes wait. The callbacks get the last ticket
  /// of a group and run on the writer's thread; they are to be short and must not wait for a
  /// ticket.
  public init(
    directory: String, pendingLimit: Int,
    onCommit: @escaping @Sendable (UInt64) -> Void = { _ in },
    onFailure: @escaping @Sendable (UInt64, StoreError) -> Void = { _, _ in }
  ) throws(StoreError) {
    let lock = try DirectoryLock(directory)
    let path = directory + "/groundswell.db"
    let connection = try Connection(path: path, role: .writer)
    try Schema.migrate(connection)
    queue = CommitQueue(limit: pendingLimit)
    checkpointer = try Checkpointer(path: path)
    writer = Writer(connection: connection, queue: queue, checkpointer: checkpointer)
    history = Monitor(try HistoryReader(path: path))
    running = Monitor(Running(onCommit: onCommit, onFailure: onFailure, lock: lock))
  }

  /// Replaces the callbacks; only before `start`.
  public func observe(
    onCommit: @escaping @Sendable (UInt64) -> Void,
    onFailure: @escaping @Sendable (UInt64, StoreError) -> Void
  ) {
    running.withLock { running in
      precondition(running.threads == nil, "callbacks are set before the writer starts")
      running.onCommit = onCommit
      running.onFailure = onFailure
    }
  }

  /// Streams the whole stored fleet; only before `start`.
  ///
  /// Throws `StoreError.unreadable` at the first row that is not valid.
  public func load(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    precondition(running.withLock { $0.threads == nil }, "the fleet is loaded before the start")
    try Loader(connection: writer.connection).load(&visitor)
  }

  /// Starts to write; once.
  public func start() {
    running.withLock { running in
      precondition(running.threads == nil && running.lock != nil, "a store starts once")
      running.threads = (
        writer.start(onCommit: running.onCommit, onFailure: running.onFailure),
        checkpointer.start()
      )
    }
  }

  // MARK: Changes

  /// Puts changes in line as one unit: all become durable at the same time. Never waits for a disk.
  public func enqueue(_ changes: [Change]) -> UInt64 { queue.enqueue(changes) }

  /// Puts one change in line.
  public func enqueue(_ change: Change) -> UInt64 { queue.enqueue(change) }

  /// The last ticket whose changes are durable.
  public var committedTicket: UInt64 { queue.committedTicket }

  /// Whether the last try to write succeeded.
  public var isHealthy: Bool { queue.isHealthy }

  /// Whether fewer changes wait than allowed; checked by callers before they decide anything.
  public var isAccepting: Bool { queue.isAccepting }

  /// Transactions since the start, for metrics.
  public var commitCount: UInt64 { writer.commitCount }

  /// Waits until a ticket's changes are durable; not for event loops.
  ///
  /// Throws what keeps the store from writing. The changes stay in line all the same and become
  /// durable when the trouble is over.
  public func wait(for ticket: UInt64) throws(StoreError) { try queue.wait(for: ticket) }

  /// Removes reports that were received before a time, little by little between other changes.
  public func prune(before: Instant) { queue.prune(before: before) }

  // MARK: History

  /// What happened to a rollout, newest first; `before` is `next` of the page before, and `limit`
  /// is 1 to 1000. Reads the disk: not for event loops.
  public func history(
    of rollout: RolloutID, tenant: Name, before: Int64? = nil, limit: Int
  ) throws(StoreError) -> HistoryPage<RolloutMoment> {
    try history.withLock { (reader) throws(StoreError) in
      try reader.moments(of: rollout, tenant: tenant, before: before, limit: limit)
    }
  }

  /// What a device said, about one action or about all, newest first; paged as the other.
  public func history(
    of device: DeviceKey, action: ActionID? = nil, before: Int64? = nil, limit: Int
  ) throws(StoreError) -> HistoryPage<Report> {
    try history.withLock { (reader) throws(StoreError) in
      try reader.reports(of: device, action: action, before: before, limit: limit)
    }
  }

  /// The decisions of a rollout's gate, newest first; paged as the others.
  public func decisions(
    of rollout: RolloutID, tenant: Name, before: Int64? = nil, limit: Int
  ) throws(StoreError) -> HistoryPage<RolloutDecision> {
    try history.withLock { (reader) throws(StoreError) in
      try reader.decisions(of: rollout, tenant: tenant, before: before, limit: limit)
    }
  }

  /// The actions of a rollout by device after a given one, at most 1,000; for rollouts whose
  /// actions are no longer kept in memory. Reads the disk: not for event loops.
  public func actions(
    of rollout: RolloutID, tenant: Name, after device: String, limit: Int
  ) throws(StoreError) -> [Action] {
    try history.withLock { (reader) throws(StoreError) in
      try reader.actions(of: rollout, tenant: tenant, after: device, limit: limit)
    }
  }

  /// One device's action in a rollout; nil when it took no part. Reads the disk, as `actions`.
  public func action(of rollout: RolloutID, device: DeviceKey) throws(StoreError) -> Action? {
    try history.withLock { (reader) throws(StoreError) in
      try reader.action(of: rollout, device: device)
    }
  }

  // MARK: End

  /// Writes what waits, moves the log into the database, ends the threads and gives the
  /// directory back; once. History can be read until the store goes.
  ///
  /// - Returns: What kept changes that wait from being written or the log from being moved; nil
  /// when   everything is durable. Changes lost here were never reported as durable.
  @discardableResult public func stop() -> StoreError? {
    let threads = running.withLock { running in
      defer { running.threads = nil }
      return running.threads
    }
    defer { running.withLock { $0.lock = nil } }
    guard let threads else { return nil }
    queue.stop()
    threads.writer.join()
    checkpointer.stop()
    threads.checkpointer.join()
    if let failure = queue.failure { return failure }
    do throws(StoreError) { try writer.connection.checkpointAndTruncate() } catch { return error }
    return nil
  }
}
