// StoreError: what can go wrong between the fleet in memory and the file that holds it.

/// Why the store could not do what it was asked.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The directory cannot be used.
  case directory(path: String, reason: String)
  /// Another server holds the directory.
  case inUse(directory: String)
  /// The file was written by a later version of this program.
  case newerSchema(found: Int, known: Int)
  /// The disk is full; what waits is kept and tried again.
  case full
  /// The database refused; `code` is SQLite's extended result code.
  case database(code: Int32, message: String)
  /// A row cannot be read back; `key` names it as its primary key does.
  case unreadable(table: String, key: String, reason: String)
  /// The store was stopped.
  case stopped

  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .directory(let path, let reason): "data directory \(path): \(reason)"
    case .inUse(let directory):
      "data directory \(directory) is in use by another server; stop that one or give another "
        + "directory"
    case .newerSchema(let found, let known):
      "the database has schema \(found), this program knows up to \(known); start a newer version"
    case .full: "the disk is full; free some space and writing goes on by itself"
    case .database(let code, let message): "database error \(code): \(message)"
    case .unreadable(let table, let key, let reason):
      "table \(table), row \(key): \(reason); restore a backup or mend this row"
    case .stopped: "the store was stopped"
    }
  }
}
