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

/// A decision of the gate of a rollout.
public struct RolloutDecision: Sendable, Equatable {
  /// When it was taken.
  public let at: Instant
  /// One word, such as `ADVANCE`.
  public let verdict: String
  /// The reason for people.
  public let sentence: String
  /// Everything it was taken from.
  public let inputs: JSON
}

/// Looks things up on a connection of its own. Used by one thread at a time.
final class HistoryReader {
  /// Entries per page at most.
  static let pageMax = 1000

  private let moments: Statement
  private let actions: Statement
  private let action: Statement
  private let decisions: Statement
  private let runs: Statement
  private let finder: ReportFinder

  init(_ file: DatabaseFile) throws(StoreError) {
    let connection = try Connection(file, role: .reader)
    finder = try ReportFinder(connection)
    moments = try Statement(
      connection,
      """
      SELECT id, at, sentence FROM rollout_event
      WHERE tenant = ? AND rollout = ? AND id < ? ORDER BY id DESC LIMIT ?
      """)
    decisions = try Statement(
      connection,
      """
      SELECT id, at, verdict, sentence, inputs FROM decision
      WHERE tenant = ? AND rollout = ? AND id < ? ORDER BY id DESC LIMIT ?
      """)
    actions = try Statement(
      connection,
      """
      SELECT * FROM action WHERE tenant = ? AND rollout = ? AND device > ? ORDER BY device LIMIT ?
      """)
    runs = try Statement(
      connection,
      """
      SELECT since, version, image FROM device_run WHERE tenant = ? AND device = ?
      ORDER BY since DESC
      """)
    action = try Statement(
      connection, "SELECT * FROM action WHERE tenant = ? AND rollout = ? AND device = ?")
  }

  func moments(
    of rollout: RolloutID, tenant: Name, before: Int64?, limit: Int
  ) throws(StoreError) -> HistoryPage<RolloutMoment> {
    let limit = min(max(1, limit), HistoryReader.pageMax)
    var entries: [HistoryEntry<RolloutMoment>] = []
    // One more than asked for tells whether there is another page.
    moments.bind(tenant.text).bind(Int64(rollout.number)).bind(before ?? Int64.max)
      .bind(Int64(limit + 1))
    try moments.each(table: "rollout_event", keyColumns: 1) { (row) throws(RowFault) in
      let position = try row.integer()
      let moment = RolloutMoment(at: try row.instant(), sentence: row.text())
      entries.append(HistoryEntry(position: position, content: moment))
    }
    return page(entries, limit: limit)
  }

  func decisions(
    of rollout: RolloutID, tenant: Name, before: Int64?, limit: Int
  ) throws(StoreError) -> HistoryPage<RolloutDecision> {
    let limit = min(max(1, limit), HistoryReader.pageMax)
    var entries: [HistoryEntry<RolloutDecision>] = []
    decisions.bind(tenant.text).bind(Int64(rollout.number)).bind(before ?? Int64.max)
      .bind(Int64(limit + 1))
    try decisions.each(table: "decision", keyColumns: 1) { (row) throws(RowFault) in
      let position = try row.integer()
      let decision = RolloutDecision(
        at: try row.instant(), verdict: row.text(), sentence: row.text(), inputs: try row.json())
      entries.append(HistoryEntry(position: position, content: decision))
    }
    return page(entries, limit: limit)
  }

  func reports(
    of device: DeviceKey, action: ActionID?, before: Int64?, limit: Int
  ) throws(StoreError) -> HistoryPage<Report> {
    let limit = min(max(1, limit), HistoryReader.pageMax)
    let entries = try finder.reports(
      of: device, action: action, before: before ?? Int64.max, count: limit + 1)
    return page(entries, limit: limit)
  }

  func actions(
    of rollout: RolloutID, tenant: Name, after device: String, limit: Int
  ) throws(StoreError) -> [Action] {
    var found: [Action] = []
    actions.bind(tenant.text).bind(Int64(rollout.number)).bind(device)
      .bind(Int64(min(max(1, limit), HistoryReader.pageMax)))
    try actions.each(table: "action", keyColumns: 3) { (row) throws(RowFault) in
      _ = row.text()
      found.append(try row.action())
    }
    return found
  }

  func action(of rollout: RolloutID, device: DeviceKey) throws(StoreError) -> Action? {
    var found: Action?
    action.bind(device.tenant.text).bind(Int64(rollout.number)).bind(device.device.text)
    try action.each(table: "action", keyColumns: 3) { (row) throws(RowFault) in
      _ = row.text()
      found = try row.action()
    }
    return found
  }

  func runs(of device: DeviceKey) throws(StoreError) -> [DeviceRun] {
    var found: [DeviceRun] = []
    runs.bind(device.tenant.text).bind(device.device.text)
    try runs.each(table: "device_run", keyColumns: 1) { (row) throws(RowFault) in
      found.append(try row.run(of: device))
    }
    return found
  }

  private func page<Content>(
    _ entries: [HistoryEntry<Content>], limit: Int
  ) -> HistoryPage<Content> {
    let shown = Array(entries.prefix(limit))
    return HistoryPage(
      entries: shown, next: entries.count > limit ? shown.last?.position : nil)
  }
}
