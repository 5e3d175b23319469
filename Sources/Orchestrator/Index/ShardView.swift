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
  /// Codes by record and values by code.
  case coded(CodedView)
  /// Times by record; the epoch stands for never.
  case times(ContiguousArray<Instant>)
  /// The ids themselves.
  case ids
  /// Nobody has a value.
  case nothing

  func value(at index: Int, _ ids: IDColumn) -> QueryValue? {
    switch self {
    case .coded(let column): column.value(at: index)
    case .times(let times): times[index] == .epoch ? nil : .time(times[index])
    case .ids: .text(ids.text(index))
    case .nothing: nil
    }
  }
}

/// Codes, and what they mean.
struct CodedView {
  /// By record.
  let codes: ContiguousArray<UInt32>
  /// By code.
  let values: ContiguousArray<QueryValue?>
  /// By record, for the code `FieldColumn.wide`; empty when there is none.
  var wide: ContiguousArray<Int64> = []
  /// Twins by record, for the code `FieldColumn.unlisted`; empty when there is none.
  var texts: ContiguousArray<[UInt8]?> = []
  /// Where the value is in them.
  var way: TwinWay?

  func value(at index: Int) -> QueryValue? {
    let code = codes[index]
    if let number = number(at: index) { return .json(.integer(number)) }
    return code == FieldColumn.unlisted ? unlisted(index) : values[Int(code)]
  }

  /// The whole number of a record; nil when its value is something else.
  func number(at index: Int) -> Int64? {
    codes[index] == FieldColumn.wide ? wide[index] : FieldColumn.number(codes[index])
  }

  /// A value that is read from the twin.
  func unlisted(_ index: Int) -> QueryValue? {
    guard let way, let text = texts[index] else { return nil }
    return text.withUnsafeBufferPointer { bytes in
      var scanner = TwinScanner(bytes)
      guard let range = scanner.find([way])?[0] else { return nil }
      // The text was written by our own writer, so it parses.
      return (try? JSON.parse(Array(bytes[range]))).map { .json($0) }
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
  /// The place of a shard by the hash of an id: its high bits, as the table uses the low ones.
  static func shardNumber(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash >> 58) }

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
          isLive: table.collect { $0.pointee.flags.contains(.live) }, columns: columns,
          ids: IDColumn(table))
      }
      if let view { return view }
    }
  }
}

extension DeviceTable {
  // By address: a record that is copied counts its references, which takes longer than all else.
  fileprivate func collect<Value>(
    _ value: (UnsafePointer<DeviceRecord>) -> Value
  ) -> ContiguousArray<Value> {
    records.withUnsafeBufferPointer { records in
      var values: ContiguousArray<Value> = []
      guard let first = records.baseAddress else { return values }
      values.reserveCapacity(records.count)
      for index in 0..<records.count { values.append(value(first + index)) }
      return values
    }
  }

  /// One field of all records.
  fileprivate func column(
    _ field: QueryField, hardware: [String], versions: [String]
  ) -> ColumnView {
    switch field {
    case .device: return .ids
    case .hardware:
      return .coded(
        CodedView(
          codes: collect { FieldColumn.code(ofText: $0.pointee.hardware) },
          values: FieldColumn.values(ofTexts: hardware)))
    case .version:
      return .coded(
        CodedView(
          codes: collect { FieldColumn.code(ofText: $0.pointee.version) },
          values: FieldColumn.values(ofTexts: versions)))
    case .lastSeen: return .times(collect { $0.pointee.lastSeen })
    case .createdAt: return .times(collect { $0.pointee.createdAt })
    case .state:
      let states = Lifecycle.allCases.map(\.rawValue)
      let numbers = Dictionary(uniqueKeysWithValues: zip(Lifecycle.allCases, UInt32(1)...))
      return .coded(
        CodedView(
          codes: collect { FieldColumn.code(ofText: numbers[$0.pointee.flags.state] ?? 0) },
          values: FieldColumn.values(ofTexts: [""] + states)))
    case .group: return .nothing
    case .tag, .desired, .reported:
      guard let column = columns.column(field) else { return .nothing }
      var view = CodedView(codes: column.codes, values: column.values)
      view.wide = column.wide
      if column.codes.contains(FieldColumn.unlisted) {
        view.texts = collect { $0.pointee.details }
        view.way = column.way
      }
      return .coded(view)
    }
  }
}
