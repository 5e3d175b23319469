// GroupTally: how many devices have which values, over all shards.

import UpdateModel

/// Counts devices by the values of some fields.
struct GroupTally {
  private let fields: [QueryField]
  private var groups: [Key: (values: [QueryValue?], count: Int)] = [:]

  // The values in compact JSON, so that equal values of all shards meet.
  private struct Key: Hashable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
  }

  init(_ fields: [QueryField]) { self.fields = fields }

  /// Groups by now.
  var count: Int { groups.count }

  /// Counts the matching devices of a shard.
  mutating func add(_ view: ShardView, _ matching: [Bool]) {
    // Devices are told apart field by field: who was in one group stays together while the values
    // agree. So each device costs one lookup of a small number per field.
    var place = [UInt32](repeating: 0, count: matching.count)
    var count = 1
    for field in fields {
      let numbers = GroupTally.numbers(view, field, matching)
      var next: [UInt64: UInt32] = [:]
      for index in matching.indices where matching[index] {
        let key = UInt64(place[index]) << 32 | UInt64(numbers[index])
        if let known = next[key] {
          place[index] = known
        } else {
          let fresh = UInt32(next.count)
          next[key] = fresh
          place[index] = fresh
        }
      }
      count = next.count
    }
    var counts = [Int](repeating: 0, count: count)
    var samples = [Int](repeating: 0, count: count)
    for index in matching.indices where matching[index] {
      counts[Int(place[index])] += 1
      samples[Int(place[index])] = index
    }
    for (count, sample) in zip(counts, samples) where count > 0 {
      let values = fields.map { view.value(of: $0, at: sample) }
      groups[Key(bytes: GroupTally.text(values)), default: (values, 0)].count += count
    }
  }

  /// A number for each device that is the same for the same value.
  private static func numbers(
    _ view: ShardView, _ field: QueryField, _ matching: [Bool]
  ) -> ContiguousArray<UInt32> {
    let column = view.columns[field] ?? .nothing
    if case .coded(let coded) = column, coded.wide.isEmpty, coded.texts.isEmpty {
      return coded.codes
    }
    var known: [[UInt8]: UInt32] = [:]
    var numbers = ContiguousArray<UInt32>(repeating: 0, count: matching.count)
    for index in matching.indices where matching[index] {
      let text = text([column.value(at: index, view.ids)])
      let fresh = UInt32(known.count + 1)
      numbers[index] = known[text] ?? fresh
      if numbers[index] == fresh { known[text] = fresh }
    }
    return numbers
  }

  private static func text(_ values: [QueryValue?]) -> [UInt8] {
    var bytes: [UInt8] = []
    for value in values {
      switch value {
      case nil: bytes += "-".utf8
      case .json(let json): bytes += json.text
      case .time(let time): bytes += "t\(time.milliseconds)".utf8
      }
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  /// The groups in the order of a statement; without one the largest first.
  func sorted(by order: QueryStatement.Order?) -> [FleetAnswer.Group] {
    let rows = groups.values.map { group in
      (
        keys: zip(group.values, fields).map { QuerySortKey($0, of: $1) },
        group: FleetAnswer.Group(values: group.values, count: group.count)
      )
    }
    let column: Int? =
      if case .field(let field) = order?.key { fields.firstIndex(of: field) } else { nil }
    let isDescending = order?.isDescending ?? true
    let sorted = rows.sorted { left, right in
      var first = QueryOrder(left.group.count, right.group.count)
      if let column {
        if left.keys[column].isMissing != right.keys[column].isMissing {
          return right.keys[column].isMissing
        }
        first = left.keys[column].order(to: right.keys[column])
      }
      if first != .same { return (first == .before) != isDescending }
      for (one, other) in zip(left.keys, right.keys) {
        let next = one.order(to: other)
        if next != .same { return next == .before }
      }
      return left.group.count > right.group.count
    }
    return sorted.map(\.group)
  }
}
