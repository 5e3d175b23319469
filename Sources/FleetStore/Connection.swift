// Connection: one open SQLite database; with Statement the only place that calls the library.

internal import CSQLite

/// Where a database is: on the machine's file system, or on a simulated disk.
struct DatabaseFile {
  let path: String
  var disk: SimulatedDisk?
}

/// One connection. Not for use by two threads at the same time: it is opened without SQLite's own
/// locking, and whoever shares it provides the lock.
final class Connection {
  /// What a connection is for; decides what it costs.
  enum Role {
    /// The one that writes.
    case writer
    /// Looks things up.
    case reader
    /// Moves pages from the log to the database.
    case checkpointer
  }

  let handle: OpaquePointer
  // Kept as long as its files may be open.
  private let disk: SimulatedDisk?
  // Pages in the log after the last commit; filled by SQLite's hook.
  private let loggedPages: UnsafeMutablePointer<Int32>

  init(_ file: DatabaseFile, role: Role) throws(StoreError) {
    disk = file.disk
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(file.path, &handle, flags, file.disk?.name)
    guard let handle else {
      throw .database(code: code, message: "no memory for a connection")
    }
    self.handle = handle
    self.loggedPages = .allocate(capacity: 1)
    loggedPages.initialize(to: 0)
    guard code == SQLITE_OK else { throw failure(code) }
    sqlite3_extended_result_codes(handle, 1)
    // Only checkpoints and the opening can meet another connection's lock, and only for moments.
    sqlite3_busy_timeout(handle, 10_000)
    try configure(role)
  }

  deinit {
    // Statements may outlive this call by a moment; version 2 waits for them.
    sqlite3_close_v2(handle)
    loggedPages.deallocate()
  }

  private func configure(_ role: Role) throws(StoreError) {
    try execute("PRAGMA journal_mode = WAL")
    // In WAL mode anything less may lose acknowledged commits when the power fails.
    try execute("PRAGMA synchronous = FULL")
    try execute("PRAGMA foreign_keys = OFF")
    // Checkpoints are the checkpointer's; the log is cut back to 256 MiB when it starts anew.
    try execute("PRAGMA wal_autocheckpoint = 0")
    try execute("PRAGMA journal_size_limit = \(256 << 20)")
    // Negative sizes are KiB.
    switch role {
    case .writer: try execute("PRAGMA cache_size = \(-(64 << 10))")
    case .reader: try execute("PRAGMA cache_size = \(-(4 << 10))")
    case .checkpointer: try execute("PRAGMA cache_size = \(-(1 << 10))")
    }
    if role == .writer {
      sqlite3_wal_hook(
        handle,
        { pages, _, _, count in
          pages?.assumingMemoryBound(to: Int32.self).pointee = count
          return SQLITE_OK
        }, loggedPages)
    }
  }

  /// Runs statements that return nothing of interest.
  func execute(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code) }
  }

  /// Runs a body as one transaction: all of it becomes durable, or nothing of it.
  func transaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
    // Left over when a roll-back failed as well.
    if isInTransaction { try execute("ROLLBACK") }
    try execute("BEGIN IMMEDIATE")
    do throws(StoreError) {
      try body()
      try execute("COMMIT")
    } catch {
      // Some errors have rolled back already.
      if isInTransaction { try execute("ROLLBACK") }
      throw error
    }
  }

  private var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

  /// Rows changed by the last statement.
  var changedRows: Int { Int(sqlite3_changes(handle)) }

  /// The number of the row that was inserted last.
  var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

  /// Pages in the log after this connection's last commit.
  var logPages: Int { Int(loggedPages.pointee) }

  /// Moves pages from the log to the database without waiting for anybody.
  ///
  /// - Returns: Pages that are in the log and not yet in the database; 0 when the next commit
  ///   starts the log anew.
  func checkpoint() throws(StoreError) -> Int {
    var logged: Int32 = 0
    var moved: Int32 = 0
    let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, &logged, &moved)
    // Another connection is at it; what it leaves is seen next time.
    if code & 0xFF == SQLITE_BUSY { return Int(logged) }
    guard code == SQLITE_OK else { throw failure(code) }
    return Int(logged - moved)
  }

  /// Moves all pages to the database and empties the log; waits for readers.
  func checkpointAndTruncate() throws(StoreError) {
    let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
    guard code == SQLITE_OK else { throw failure(code) }
  }

  /// The error of a result code, in SQLite's words; those name no bound values.
  func failure(_ code: Int32) -> StoreError {
    if code & 0xFF == SQLITE_FULL { return .full }
    return .database(code: code, message: String(cString: sqlite3_errmsg(handle)))
  }
}
