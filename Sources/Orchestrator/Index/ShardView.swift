// ShardView: what a query needs to see of one shard, taken out under its lock and looked at after.

import UpdateModel

/// Some fields of all devices of a shard at one moment.
struct ShardView {
  /// Whether a record holds a device.
  let isLive: ContiguousArray<Bool>
  /// By field.
  var columns: [QueryField: ColumnView]
  /// Ids by record.
  let ids: IDColumn

  /// Records of the shard.
  var count: Int { isLive.count }

  /// What a device has in a field.
  func value(of field: QueryField, at index: Int) -> QueryValue? {
    columns[field]?.value(at: index, ids)
  }
}

/// One field of all devices of a shard.
enum ColumnView {
  /// Codes by record, values by code, and by record what has no code.
  case coded(
    ContiguousArray<UInt32>, ContiguousArray<QueryValue?>, unlisted: [Int: QueryValue])
  /// Times by record; the epoch stands for never.
  case times(ContiguousArray<Instant>)
  /// The ids themselves.
  case ids
  /// Nobody has a value.
  case nothing

  func value(at index: Int, _ ids: IDColumn) -> QueryValue? {
    switch self {
    case .coded(let codes, let values, let unlisted):
      let code = codes[index]
      if let number = FieldColumn.number(code) { return .json(.integer(number)) }
      return code == FieldColumn.unlisted ? unlisted[index] : values[Int(code)]
    case .times(let times): return times[index] == .epoch ? nil : .time(times[index])
    case .ids: return .text(ids.text(index))
    case .nothing: return nil
    }
  }
}

/// The ids of a shard.
struct IDColumn {
  private let arena: ContiguousArray<UInt8>
  private let places: ContiguousArray<DeviceTable.IDPlace>

  init(_ table: DeviceTable) { (arena, places) = table.idBytes() }

  /// Runs `body` with the bytes of an id.
  func withBytes<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    let place = places[index]
    let start = Int(place.offset)
    return arena.withUnsafeBufferPointer { bytes in
      body(UnsafeBufferPointer(rebasing: bytes[start..<start + Int(place.length)]))
    }
  }

  /// An id.
  func text(_ index: Int) -> String { withBytes(index) { String(decoding: $0, as: UTF8.self) } }
}

extension Fleet {
  /// Fields that have columns at the same time: four bytes per device each.
  static let columnsMax = 32
  /// Bytes of twins that are read while a shard is locked: about a tenth of a millisecond.
  private static let bytesPerTurn = 64 * 1024

  /// Makes sure that some fields keep their columns; those not asked for the longest time go.
  func keepColumns(_ fields: [QueryField]) {
    let (known, isFull) = columnFields.withLock { known -> ([QueryField], Bool) in
      let wanted = fields.filter { TwinWay($0) != nil }
      known.removeAll { wanted.contains($0) }
      known += wanted
      let surplus = max(0, known.count - Fleet.columnsMax)
      known.removeFirst(surplus)
      return (known, surplus > 0)
    }
    guard isFull else { return }
    for shard in shards { shard.withLock { $0.keepColumns(Set(known)) } }
  }

  /// What some fields of a shard are now. Reads what was never asked for, in short turns.
  func view(_ shard: Lock<DeviceTable>, _ fields: Set<QueryField>) -> ShardView {
    let kept = fields.filter { TwinWay($0) != nil }
    while true {
      let view = shard.withLock { table -> ShardView? in
        guard table.extendColumns(kept, bytesMax: Fleet.bytesPerTurn) else { return nil }
        // Inside, so that the numbers of texts still mean what the records mean by them. Nobody who
        // holds the texts asks for a shard.
        let texts = texts.withLock { ($0.hardware.all, $0.versions.all) }
        var columns: [QueryField: ColumnView] = [:]
        for field in fields {
          columns[field] = table.column(field, hardware: texts.0, versions: texts.1)
        }
        return ShardView(
          isLive: ContiguousArray(table.records.map { $0.flags.contains(.live) }),
          columns: columns, ids: IDColumn(table))
      }
      if let view { return view }
    }
  }
}

extension DeviceTable {
  /// One field of all records.
  fileprivate func column(
    _ field: QueryField, hardware: [String], versions: [String]
  ) -> ColumnView {
    func shared(_ texts: [String], _ code: KeyPath<DeviceRecord, UInt32>) -> ColumnView {
      // Code 0 stands for no text here; 1 is a text, so all move up by one.
      .coded(
        ContiguousArray(records.map { $0[keyPath: code] == 0 ? 0 : $0[keyPath: code] + 1 }),
        ContiguousArray([nil, nil] + texts.dropFirst().map { .text($0) }), unlisted: [:])
    }
    switch field {
    case .device: return .ids
    case .hardware: return shared(hardware, \.hardware)
    case .version: return shared(versions, \.version)
    case .lastSeen: return .times(ContiguousArray(records.map(\.lastSeen)))
    case .createdAt: return .times(ContiguousArray(records.map(\.createdAt)))
    case .state, .group: return .nothing
    case .tag, .desired, .reported:
      guard let column = columns.column(field) else { return .nothing }
      var unlisted: [Int: QueryValue] = [:]
      for (index, code) in column.codes.enumerated() where code == FieldColumn.unlisted {
        let twin = DeviceDetails(records[index].details).twin
        unlisted[index] = twin.value(of: field).map { .json($0) }
      }
      return .coded(column.codes, column.values, unlisted: unlisted)
    }
  }
}
