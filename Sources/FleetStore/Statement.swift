// Statement: one prepared statement: bound in order, stepped, read by column.

internal import CSQLite

/// A prepared statement, kept for repeated use. Keeps its connection open.
final class Statement {
  private let connection: Connection
  private let handle: OpaquePointer
  private var bound: Int32 = 0

  // SQLite copies what is bound with this mark; the macro's cast is not imported.
  private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  /// Compiles one statement.
  init(_ connection: Connection, _ sql: String) throws(StoreError) {
    self.connection = connection
    var handle: OpaquePointer?
    let code = sqlite3_prepare_v3(
      connection.handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
    guard code == SQLITE_OK, let handle else { throw connection.failure(code) }
    self.handle = handle
  }

  deinit { sqlite3_finalize(handle) }

  // MARK: Binding; each call fills the next parameter

  @discardableResult func bind(_ text: String) -> Statement {
    var text = text
    bound += 1
    let code = text.withUTF8 { bytes in
      // The pointer of an empty string may be nil, which would bind NULL.
      bytes.withMemoryRebound(to: CChar.self) { characters in
        sqlite3_bind_text(
          handle, bound, characters.baseAddress ?? Statement.empty, Int32(characters.count),
          Statement.copied)
      }
    }
    precondition(
      code == SQLITE_OK, "text within SQLite's limit is bound to a parameter that exists")
    return self
  }

  @discardableResult func bind(_ text: String?) -> Statement {
    if let text { bind(text) } else { bindNull() }
  }

  @discardableResult func bind(_ number: Int64) -> Statement {
    bound += 1
    let code = sqlite3_bind_int64(handle, bound, number)
    precondition(code == SQLITE_OK, "a number is bound to a parameter that exists")
    return self
  }

  @discardableResult func bind(_ number: Int64?) -> Statement {
    if let number { bind(number) } else { bindNull() }
  }

  @discardableResult func bind(blob bytes: [UInt8]) -> Statement {
    bound += 1
    let code = bytes.withUnsafeBytes {
      sqlite3_bind_blob(
        handle, bound, $0.baseAddress ?? UnsafeRawPointer(Statement.empty), Int32($0.count),
        Statement.copied)
    }
    precondition(code == SQLITE_OK, "a blob within SQLite's limit is bound to a parameter")
    return self
  }

  @discardableResult func bindNull() -> Statement {
    bound += 1
    let code = sqlite3_bind_null(handle, bound)
    precondition(code == SQLITE_OK, "nothing is bound to a parameter that exists")
    return self
  }

  // Never read: stands in for the address of no bytes.
  private nonisolated(unsafe) static let empty: UnsafePointer<CChar> = {
    let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return UnsafePointer(byte)
  }()

  // MARK: Running

  /// Runs to the end; parameters are to be bound anew afterwards.
  func run() throws(StoreError) {
    while try step() {}
  }

  /// Moves to the next row; after the last one the statement is ready for new parameters.
  func step() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_ROW { return true }
    let error = code == SQLITE_DONE ? nil : connection.failure(code)
    reset()
    if let error { throw error }
    return false
  }

  /// Gives up the remaining rows.
  func reset() {
    // The code repeats that of the last step, which was handled there.
    _ = sqlite3_reset(handle)
    bound = 0
  }

  // MARK: Columns of the present row

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

  func isInteger(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_INTEGER }

  func isBlob(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_BLOB }

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    let start = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
  }

  func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }
}
