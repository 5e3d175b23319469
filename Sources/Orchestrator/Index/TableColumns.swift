// TableColumns: the columns of one shard: read piece by piece, kept up to date with every change.

import UpdateModel

/// Columns beside the records of a shard.
struct TableColumns {
  private(set) var list: [FieldColumn] = []
  private var ways: [TwinWay] = []

  /// Whether nobody asked for any field yet, which is the usual case on servers without queries.
  var isEmpty: Bool { list.isEmpty }

  /// Prepares columns for fields that have none yet.
  mutating func open(_ fields: [QueryField]) {
    for field in fields where !list.contains(where: { $0.field == field }) {
      guard let way = TwinWay(field) else { continue }
      list.append(FieldColumn(field, way))
    }
    ways = list.map(\.way)
  }

  /// Forgets all columns but those of these fields.
  mutating func keep(_ fields: Set<QueryField>) {
    list.removeAll { !fields.contains($0.field) }
    ways = list.map(\.way)
  }

  /// The column of a field.
  func column(_ field: QueryField) -> FieldColumn? { list.first { $0.field == field } }

  /// Records what became of a device.
  mutating func note(_ index: Int, _ details: [UInt8]?) {
    guard !list.isEmpty else { return }
    read(index, details, into: Array(list.indices), ways)
  }

  /// Forgets a device that was removed.
  mutating func clear(_ index: Int) {
    for number in list.indices { list[number].clear(index) }
  }

  /// Reads on in the columns of some fields; true when they are complete.
  ///
  /// Stops after `bytesMax` bytes of twins, so that no poll waits long for the shard.
  mutating func extend(
    _ fields: Set<QueryField>, over records: ContiguousArray<DeviceRecord>, bytesMax: Int
  ) -> Bool {
    let wanted = list.indices.filter {
      fields.contains(list[$0].field) && list[$0].codes.count < records.count
    }
    // Those that are furthest behind go first, so that one walk serves as many as possible.
    guard let reached = wanted.map({ list[$0].codes.count }).min() else { return true }
    let behind = wanted.filter { list[$0].codes.count == reached }
    let others = wanted.map { list[$0].codes.count }.filter { $0 > reached }
    let ways = behind.map { list[$0].way }
    var bytes = 0
    var index = reached
    while index < others.min() ?? records.count, bytes < bytesMax {
      // A step costs something even for a device of which nothing is known.
      bytes += 64 + (records[index].details?.count ?? 0)
      read(index, records[index].details, into: behind, ways)
      index += 1
    }
    return wanted.allSatisfy { list[$0].codes.count == records.count }
  }

  // For a text that is not as compact as expected.
  private mutating func readSlowly(_ index: Int, _ details: [UInt8], into columns: [Int]) {
    let twin = DeviceDetails(details).twin
    for column in columns {
      let text = twin.value(of: list[column].field)?.text ?? []
      text.withUnsafeBufferPointer { bytes in
        list[column].set(index, bytes, bytes.isEmpty ? nil : bytes.indices)
      }
    }
  }

  private mutating func read(
    _ index: Int, _ details: [UInt8]?, into columns: [Int], _ ways: [TwinWay]
  ) {
    guard let details else {
      let nothing = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
      for column in columns { list[column].set(index, nothing, nil) }
      return
    }
    details.withUnsafeBufferPointer { text in
      var scanner = TwinScanner(text)
      guard let found = scanner.find(ways) else {
        readSlowly(index, details, into: columns)
        return
      }
      for (number, column) in columns.enumerated() {
        list[column].set(index, text, found[number])
      }
    }
  }
}
