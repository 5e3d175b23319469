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
    var isStarted = false
    var isStopped = false
    // Held until the end; nil on a simulated disk and once the store was stopped.
    var lock: DirectoryLock?
  }

  /// Who writes what waits.
  public enum Operation: Sendable {
    /// A thread of the store's own.
    case threads
    /// Whoever calls `commitPending`; for simulations, in which nothing happens by itself.
    case manual
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
  public convenience init(
    directory: String, pendingLimit: Int,
    onCommit: @escaping @Sendable (UInt64) -> Void = { _ in },
    onFailure: @escaping @Sendable (UInt64, StoreError) -> Void = { _, _ in }
  ) throws(StoreError) {
    let lock = try DirectoryLock(directory)
    try self.init(
      DatabaseFile(path: directory + "/groundswell.db"), pendingLimit: pendingLimit,
      logPagesDue: Checkpointer.logPagesDue,
      Running(onCommit: onCommit, onFailure: onFailure, lock: lock))
  }

  /// Opens or makes the same file on a simulated disk. `logPagesDue` is the length of the log from
  /// which on it is moved into the database: short ones make that happen in short simulations.
  public convenience init(
    disk: SimulatedDisk, pendingLimit: Int, logPagesDue: Int,
    onCommit: @escaping @Sendable (UInt64) -> Void = { _ in },
    onFailure: @escaping @Sendable (UInt64, StoreError) -> Void = { _, _ in }
  ) throws(StoreError) {
    try self.init(
      DatabaseFile(path: "/groundswell.db", disk: disk), pendingLimit: pendingLimit,
      logPagesDue: logPagesDue, Running(onCommit: onCommit, onFailure: onFailure))
  }

  private init(
    _ file: DatabaseFile, pendingLimit: Int, logPagesDue: Int, _ running: sending Running
  ) throws(StoreError) {
    let connection = try Connection(file, role: .writer)
    try Schema.migrate(connection)
    queue = CommitQueue(limit: pendingLimit)
    checkpointer = try Checkpointer(file, logPagesDue: logPagesDue)
    writer = Writer(connection: connection, queue: queue, checkpointer: checkpointer)
    history = Monitor(try HistoryReader(file))
    self.running = Monitor(running)
  }

  /// Replaces the callbacks; only before `start`.
  public func observe(
    onCommit: @escaping @Sendable (UInt64) -> Void,
    onFailure: @escaping @Sendable (UInt64, StoreError) -> Void
  ) {
    running.withLock { running in
      precondition(!running.isStarted, "callbacks are set before the writer starts")
      running.onCommit = onCommit
      running.onFailure = onFailure
    }
  }

  /// Streams the whole stored fleet; only before `start`.
  ///
  /// Throws `StoreError.unreadable` at the first row that is not valid.
  public func load(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    precondition(running.withLock { !$0.isStarted }, "the fleet is loaded before the start")
    try Loader(connection: writer.connection).load(&visitor)
  }

  /// Starts to write; once.
  public func start(_ operation: Operation = .threads) {
    running.withLock { running in
      precondition(!running.isStarted && !running.isStopped, "a store starts once")
      running.isStarted = true
      guard operation == .threads else { return }
      running.threads = (
        writer.start(onCommit: running.onCommit, onFailure: running.onFailure),
        checkpointer.start()
      )
    }
  }

  /// Does once what the thread of the writer does when changes wait: one try to write them as one
  /// transaction, the callbacks, and what is due of the log. Only after `start(.manual)`, by one
  /// caller at a time. A try that failed is repeated by the next call.
  ///
  /// - Returns: Whether anything waited.
  @discardableResult public func commitPending() -> Bool {
    let callbacks = running.withLock { running in
      precondition(
        running.isStarted && running.threads == nil, "only a store without threads is moved by hand"
      )
      return (running.onCommit, running.onFailure)
    }
    return writer.commitPending(onCommit: callbacks.0, onFailure: callbacks.1)
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

  /// Waits until a ticket's changes are durable; not for event loops, and not in a store without
  /// threads, where nobody would write meanwhile.
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

  /// What a device said that it runs, newest first, at most the last 100 changes. Reads the disk:
  /// not for event loops.
  public func runs(of device: DeviceKey) throws(StoreError) -> [DeviceRun] {
    try history.withLock { (reader) throws(StoreError) in try reader.runs(of: device) }
  }

  // MARK: End

  /// Writes what waits, moves the log into the database, ends the threads and gives the
  /// directory back; once. History can be read until the store goes.
  ///
  /// - Returns: What kept changes that wait from being written or the log from being moved; nil
  /// when   everything is durable. Changes lost here were never reported as durable.
  @discardableResult public func stop() -> StoreError? {
    let (isRunning, threads) = running.withLock { running in
      defer {
        running.threads = nil
        running.isStopped = true
      }
      return (running.isStarted && !running.isStopped, running.threads)
    }
    defer { running.withLock { $0.lock = nil } }
    guard isRunning else { return nil }
    queue.stop()
    if let threads {
      threads.writer.join()
      checkpointer.stop()
      threads.checkpointer.join()
    } else {
      commitPending()
      queue.finish()
    }
    if let failure = queue.failure { return failure }
    do throws(StoreError) { try writer.connection.checkpointAndTruncate() } catch { return error }
    return nil
  }
}
