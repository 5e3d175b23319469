// RowPage: the first few devices in the order that a statement asks for, out of very many.

import Glibc
import UpdateModel

/// Collects devices shard by shard and keeps the first.
struct RowPage {
  private let columns: [QueryField]
  private let field: QueryField?
  private let isDescending: Bool
  private let cursor: [UInt8]?
  private let limit: Int
  // In order; one more than asked for, so that it is known whether there are more.
  private var found: [Found] = []

  private struct Found {
    let key: QuerySortKey
    let id: [UInt8]
    let values: [QueryValue?]
  }

  init(_ statement: QueryStatement, after cursor: String?, limit: Int) {
    columns = statement.columns
    isDescending = statement.order?.isDescending ?? false
    // Ids are the order anyway, so they need no key of their own.
    if case .field(let key) = statement.order?.key, key != .device || isDescending {
      field = key
    } else {
      field = nil
    }
    self.cursor = cursor.map { Array($0.utf8) }
    self.limit = limit
  }

  /// The devices, and whether there are more.
  var finished: (rows: [FleetAnswer.Row], hasMore: Bool) {
    let rows = found.prefix(limit).map {
      FleetAnswer.Row(id: String(decoding: $0.id, as: UTF8.self), values: $0.values)
    }
    return (rows, found.count > limit)
  }

  /// Takes the matching devices of a shard.
  mutating func add(_ view: ShardView, _ matching: [Bool]) {
    var keys = KeyColumn(view, field)
    for index in matching.indices where matching[index] {
      view.ids.withBytes(index) { id in
        if let cursor, !cursor.withUnsafeBufferPointer({ RowPage.isBefore($0, id) }) { return }
        let key = keys.key(index)
        if found.count > limit, let last = found.last, !precedes(key, id, last) { return }
        let place = found.bisect { !precedes(key, id, $0) }
        let values = columns.map { view.value(of: $0, at: index) }
        found.insert(Found(key: key, id: Array(id), values: values), at: place)
        if found.count > limit + 1 { found.removeLast() }
      }
    }
  }

  // Equal values, and devices without one, are in the order of their ids.
  private func precedes(
    _ key: QuerySortKey, _ id: UnsafeBufferPointer<UInt8>, _ other: Found
  ) -> Bool {
    if field != nil {
      if key.isMissing != other.key.isMissing { return other.key.isMissing }
      switch key.order(to: other.key) {
      case .before: return !isDescending
      case .after: return isDescending
      case .same: break
      }
    }
    return other.id.withUnsafeBufferPointer { RowPage.isBefore(id, $0) }
  }

  private static func isBefore(
    _ id: UnsafeBufferPointer<UInt8>, _ other: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    // Ids are never empty, so both have an address.
    guard let first = id.baseAddress, let second = other.baseAddress else { return false }
    let order = memcmp(first, second, min(id.count, other.count))
    return order == 0 ? id.count < other.count : order < 0
  }
}

/// The sort keys of a shard's devices; each value's key is made once.
private struct KeyColumn {
  private let view: ShardView
  private let field: QueryField?
  private var known: [UInt32: QuerySortKey] = [:]

  init(_ view: ShardView, _ field: QueryField?) {
    self.view = view
    self.field = field
  }

  mutating func key(_ index: Int) -> QuerySortKey {
    guard let field, let column = view.columns[field] else { return .missing }
    guard case .coded(let coded) = column, coded.codes[index] != FieldColumn.unlisted else {
      return QuerySortKey(column.value(at: index, view.ids), of: field)
    }
    let code = coded.codes[index]
    if let number = coded.number(at: index) { return .integer(number) }
    if let key = known[code] { return key }
    let key = QuerySortKey(column.value(at: index, view.ids), of: field)
    known[code] = key
    return key
  }
}
