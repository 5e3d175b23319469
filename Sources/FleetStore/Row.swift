// Row: reads the columns of one row in order and turns them into values that cannot be invalid.

internal import UpdateModel

/// Why a row cannot be read.
struct RowFault: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

/// A cursor over the columns of a row.
struct Row {
  private let statement: Statement
  private var column: Int32 = 0

  fileprivate init(_ statement: Statement) { self.statement = statement }

  mutating func isNull() -> Bool {
    guard statement.isNull(column) else { return false }
    column += 1
    return true
  }

  mutating func text() -> String {
    defer { column += 1 }
    return statement.text(column)
  }

  mutating func integer() throws(RowFault) -> Int64 {
    guard statement.isInteger(column) else { throw RowFault("column \(column) is not a number") }
    defer { column += 1 }
    return statement.integer(column)
  }

  mutating func number<Number: FixedWidthInteger>() throws(RowFault) -> Number {
    let wide = try integer()
    guard let number = Number(exactly: wide) else {
      throw RowFault("column \(column - 1): \(wide) is out of range")
    }
    return number
  }

  mutating func optional<Value>(
    _ read: (inout Row) throws(RowFault) -> Value
  ) throws(RowFault) -> Value? {
    isNull() ? nil : try read(&self)
  }

  // MARK: Values of the model

  mutating func name() throws(RowFault) -> Name {
    do { return try Name(text()) } catch { throw RowFault(error.reason) }
  }

  mutating func device() throws(RowFault) -> DeviceID {
    do { return try DeviceID(text()) } catch { throw RowFault(error.reason) }
  }

  mutating func instant() throws(RowFault) -> Instant { Instant(milliseconds: try integer()) }

  mutating func serial<Thing>() throws(RowFault) -> SerialID<Thing> { SerialID(try number()) }

  mutating func actionID() throws(RowFault) -> ActionID {
    let number: UInt32 = try number()
    guard let id = ActionID(number) else { throw RowFault("\(number) is not an action id") }
    return id
  }

  mutating func digest() throws(RowFault) -> Digest {
    defer { column += 1 }
    guard let digest = Digest(bytes: statement.bytes(column)) else {
      throw RowFault("column \(column) is not a digest of 32 bytes")
    }
    return digest
  }

  mutating func json() throws(RowFault) -> JSON {
    defer { column += 1 }
    do { return try JSON.parse(Array(statement.bytes(column))) } catch {
      throw RowFault("column \(column) is not JSON: \(error)")
    }
  }
}

extension Statement {
  /// Visits all rows; a row that cannot be read is named by its first `keyColumns` columns.
  func each(
    table: String, keyColumns: Int32, _ body: (inout Row) throws(RowFault) -> Void
  ) throws(StoreError) {
    defer { reset() }
    while try step() {
      var row = Row(self)
      do throws(RowFault) { try body(&row) } catch {
        let key = (0..<keyColumns).map { column in
          isBlob(column) ? "(digest)" : text(column)
        }
        throw .unreadable(table: table, key: key.joined(separator: "/"), reason: error.reason)
      }
    }
  }
}
