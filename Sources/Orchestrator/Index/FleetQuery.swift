// FleetQuery: a statement over all devices of a tenant: how many match, which, or how many of each.

import Dispatch
public import UpdateModel

/// What a statement over the fleet found.
public struct FleetAnswer: Sendable {
  /// Devices that match.
  public let count: Int
  /// What is shown of each device or group.
  public let columns: [QueryField]
  /// The devices, when nothing was grouped.
  public let devices: [Row]
  /// The groups, when something was.
  public let groups: [Group]
  /// Whether there are more devices or groups than are listed.
  public let hasMore: Bool
  /// How long it took to find out.
  public internal(set) var tookMicroseconds: Int64 = 0

  /// A device.
  public struct Row: Sendable {
    /// Its id.
    public let id: String
    /// By column.
    public let values: [QueryValue?]
  }

  /// Devices that have the same in all columns.
  public struct Group: Sendable {
    /// By column.
    public let values: [QueryValue?]
    /// How many devices.
    public let count: Int
  }
}

/// One run of a statement.
struct FleetQuery {
  let fleet: Fleet
  let statement: QueryStatement
  /// The groups of the tenant, when the statement asks for them.
  let groups: [GroupRule]
  /// Only devices behind this id, in the order of ids.
  let cursor: String?
  let limit: Int
  let now: Instant
  /// Where the reported property `update` comes from.
  var parts: PartLookup = { devices in devices.map { _ in nil } }

  /// Groups that are counted; more would be a list of devices and not of groups.
  static let groupsMax = 100_000

  /// Shards that are looked at on all cores at the same time: enough to keep them busy, and few
  /// enough that what was seen of them stays small.
  private static let shardsAtOnce = 4

  /// Looks at some shards after the others, holding the lock of none for long.
  func answer() throws(Problem) -> FleetAnswer {
    var fields = Set(statement.fields)
    if fields.contains(.group) { for group in groups { fields.formUnion(group.fields) } }
    guard fields.count <= Fleet.columnsMax else {
      throw Problem(
        .invalidRequest,
        "the query reads \(fields.count) fields, with those of groups that it asks for; at most "
          + "\(Fleet.columnsMax) can be read at once")
    }
    fleet.keepColumns(Array(fields))
    let columns = statement.grouping.isEmpty ? statement.columns : statement.grouping
    var count = 0
    var page = RowPage(statement, after: cursor, limit: limit)
    var tally = GroupTally(columns)
    for first in stride(from: 0, to: fleet.shards.count, by: FleetQuery.shardsAtOnce) {
      let numbers = first..<min(first + FleetQuery.shardsAtOnce, fleet.shards.count)
      for look in looks(at: numbers, fields) {
        count += look.matching.count { $0 }
        if statement.grouping.isEmpty {
          page.add(look.view, look.matching)
          continue
        }
        tally.add(look.view, look.matching)
        guard tally.count <= FleetQuery.groupsMax else {
          throw Problem(
            .unprocessable,
            "there are more than \(FleetQuery.groupsMax) groups; group by fewer fields, or by "
              + "fields with fewer values")
        }
      }
    }
    guard !statement.grouping.isEmpty else {
      let (rows, hasMore) = page.finished
      return FleetAnswer(
        count: count, columns: columns, devices: rows, groups: [], hasMore: hasMore)
    }
    let all = tally.sorted(by: statement.order)
    return FleetAnswer(
      count: count, columns: columns, devices: [], groups: Array(all.prefix(limit)),
      hasMore: all.count > limit)
  }

  /// What there is in a shard, and which of it meets the query.
  private struct Look {
    let view: ShardView
    let matching: [Bool]
  }

  private func looks(at numbers: Range<Int>, _ fields: Set<QueryField>) -> [Look] {
    let found = Lock<[Int: Look]>([:])
    DispatchQueue.concurrentPerform(iterations: numbers.count) { turn in
      let number = numbers.lowerBound + turn
      let look = look(at: number, fields)
      found.withLock { $0[number] = look }
    }
    let all = found.withLock { $0 }
    return numbers.compactMap { all[$0] }
  }

  private func look(at number: Int, _ fields: Set<QueryField>) -> Look {
    let shard = fleet.shards[number]
    var view = fleet.view(shard, fields)
    view.addUpdates(fields, parts)
    if fields.contains(.group) {
      let members = groups.map { $0.members(ofShard: number, shard) }
      view.columns[.group] = ShardMask(view: view, now: now).groupColumn(groups, members)
    }
    let mask = ShardMask(view: view, now: now)
    return Look(view: view, matching: mask.filter(statement.filter.expression, mask.everything))
  }
}
