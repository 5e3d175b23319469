// GroupColumn: the groups of each device of a shard as one more column, for queries that ask for
// `group`.

import UpdateModel

/// A group as far as it is needed to find its members in a shard.
struct GroupRule {
  let name: Name
  /// What members meet; nil for a group whose members were added by name.
  let query: Query?
  /// Those who were added by name, by shard.
  let added: [Int: [DeviceID]]

  init(_ group: DeviceGroup, members: Set<DeviceID>) {
    name = group.name
    query = group.query
    added = Dictionary(grouping: members) { device in
      var text = device.text
      return text.withUTF8 { Fleet.shardNumber(DeviceTable.hash(UnsafeRawBufferPointer($0))) }
    }
  }

  /// What has to be known of devices to find its members.
  var fields: [QueryField] { query?.fields ?? [] }

  /// The records of those who were added by name.
  func members(ofShard number: Int, _ shard: Lock<DeviceTable>) -> [Int] {
    guard let ids = added[number] else { return [] }
    return shard.withLock { table in
      ids.compactMap { id in
        var text = id.text
        return text.withUTF8 { utf8 in
          let bytes = UnsafeRawBufferPointer(utf8)
          return table.find(bytes, hash: DeviceTable.hash(bytes))
        }
      }
    }
  }
}

extension ShardMask {
  /// The names of the groups of each device. Devices in the same groups have the same code.
  func groupColumn(_ groups: [GroupRule], _ added: [[Int]]) -> ColumnView {
    // Being in no group is a value too: the empty list.
    let none = FieldColumn.wide + 1
    var codes = ContiguousArray<UInt32>(repeating: none, count: view.count)
    var sets = [[String]](repeating: [], count: Int(none) + 1)
    for (group, members) in zip(groups, added) {
      var isMember: [Bool]
      if let query = group.query {
        isMember = filter(query.expression, everything)
      } else {
        isMember = [Bool](repeating: false, count: view.count)
        // Who came or went between the two looks at the shard counts from the next query on.
        for index in members where index < view.count { isMember[index] = view.isLive[index] }
      }
      var next: [UInt32: UInt32] = [:]
      for index in isMember.indices where isMember[index] {
        if let known = next[codes[index]] {
          codes[index] = known
        } else {
          sets.append(sets[Int(codes[index])] + [group.name.text])
          next[codes[index]] = UInt32(sets.count - 1)
          codes[index] = UInt32(sets.count - 1)
        }
      }
    }
    let values = ContiguousArray<QueryValue?>(sets.map { .texts($0) })
    return .coded(CodedView(codes: codes, values: values))
  }
}
