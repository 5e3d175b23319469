// History: what happened to rollouts and what devices said, newest first, page by page.

internal import RolloutEngine
public import UpdateModel

/// One entry of a history with its place in it.
public struct HistoryEntry<Content: Sendable & Equatable>: Sendable, Equatable {
  /// Place in the history; later entries have larger ones.
  public let position: Int64
  /// What is told.
  public let content: Content
}

/// One page of a history, newest first.
public struct HistoryPage<Content: Sendable & Equatable>: Sendable, Equatable {
  /// The entries of this page.
  public let entries: [HistoryEntry<Content>]
  /// What to ask the next page with; nil when this is the last one.
  public let next: Int64?
}

/// Something that happened to a rollout.
public struct RolloutMoment: Sendable, Equatable {
  /// When it happened.
  public let at: Instant
  /// What happened.
  public let sentence: String
}

/// Looks things up on a connection of its own. Used by one thread at a time.
final class HistoryReader {
  /// Entries per page at most.
  static let pageMax = 1000

  private let connection: Connection
  private var moments: Statement?
  private var reports: Statement?

  init(path: String) throws(StoreError) {
    connection = try Connection(path: path, role: .reader)
  }

  func moments(
    of rollout: RolloutID, tenant: Name, before: Int64?, limit: Int
  ) throws(StoreError) -> HistoryPage<RolloutMoment> {
    let statement = try prepare(
      &moments,
      """
      SELECT id, at, sentence FROM rollout_event
      WHERE tenant = ? AND rollout = ? AND id < ? ORDER BY id DESC LIMIT ?
      """)
    statement.bind(tenant.text).bind(Int64(rollout.number))
    return try page(statement, table: "rollout_event", before, limit) { (row) throws(RowFault) in
      RolloutMoment(at: try row.instant(), sentence: row.text())
    }
  }

  func reports(
    of device: DeviceKey, action: ActionID?, before: Int64?, limit: Int
  ) throws(StoreError) -> HistoryPage<Report> {
    let statement = try prepare(
      &reports,
      """
      SELECT id, rollout, action, at, kind, text, code FROM report
      WHERE tenant = ?1 AND device = ?2 AND (?3 IS NULL OR action = ?3) AND id < ?4
      ORDER BY id DESC LIMIT ?5
      """)
    statement.bind(device.tenant.text).bind(device.device.text)
      .bind(action.map { Int64($0.number) })
    return try page(statement, table: "report", before, limit) { (row) throws(RowFault) in
      Report(
        device: device, rollout: try row.optional { (row) throws(RowFault) in try row.serial() },
        action: try row.optional { (row) throws(RowFault) in try row.actionID() },
        at: try row.instant(), kind: row.text(), text: row.text(),
        code: try row.optional { (row) throws(RowFault) in try row.number() })
    }
  }

  private func page<Content>(
    _ statement: Statement, table: String, _ before: Int64?, _ limit: Int,
    _ read: (inout Row) throws(RowFault) -> Content
  ) throws(StoreError) -> HistoryPage<Content> {
    let limit = min(max(1, limit), HistoryReader.pageMax)
    // One more than asked for tells whether there is another page.
    statement.bind(before ?? Int64.max).bind(Int64(limit + 1))
    var entries: [HistoryEntry<Content>] = []
    try statement.each(table: table, keyColumns: 1) { (row) throws(RowFault) in
      let position = try row.integer()
      entries.append(HistoryEntry(position: position, content: try read(&row)))
    }
    let hasMore = entries.count > limit
    if hasMore { entries.removeLast() }
    return HistoryPage(entries: entries, next: hasMore ? entries.last?.position : nil)
  }

  private func prepare(_ kept: inout Statement?, _ sql: String) throws(StoreError) -> Statement {
    if let statement = kept { return statement }
    let statement = try Statement(connection, sql)
    kept = statement
    return statement
  }
}
