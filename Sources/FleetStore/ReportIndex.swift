// ReportIndex: finds the reports of a device without an index entry for each report.
//
// An ordinary index costs a page at a random place for each report, which is more than all the
// rest. Reports are numbered without gaps, so one row for each run of numbers is enough: a hash of
// the device for each report in it. A look-up reads 4 bytes per report kept, newest first.

internal import UpdateModel

/// The rows that tell which device each of a run of reports is from.
enum ReportIndex {
  /// Reports per run; a run starts at a multiple of it. The newest run is searched itself.
  static let span: Int64 = 4096

  /// FNV-1a over both names; stored, so it never changes.
  static func hash(tenant: String, device: String) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for byte in tenant.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    // No name contains a slash.
    hash = (hash ^ UInt32(UInt8(ascii: "/"))) &* 16_777_619
    for byte in device.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    return hash
  }

  /// The hashes as they are stored: 4 bytes each, least significant first.
  static func bytes(_ hashes: [UInt32]) -> [UInt8] {
    hashes.flatMap { hash in (0..<4).map { UInt8(truncatingIfNeeded: hash >> ($0 * 8)) } }
  }
}

extension ChangeWriter {
  /// Writes the row of a run that is complete.
  func index(from first: Int64) throws(StoreError) {
    var hashes = [UInt32](repeating: 0, count: Int(ReportIndex.span))
    let run = try prepared(.selectRun).bind(first).bind(first + ReportIndex.span)
    try run.each(table: "report", keyColumns: 1) { (row) throws(RowFault) in
      let id = try row.integer()
      hashes[Int(id - first)] = ReportIndex.hash(tenant: row.text(), device: row.text())
    }
    try prepared(.insertRun).bind(first).bind(blob: ReportIndex.bytes(hashes)).run()
  }
}

/// Finds reports; used by one thread at a time.
final class ReportFinder {
  private let boundary: Statement
  private let newest: Statement
  private let runs: Statement
  private let single: Statement

  init(_ connection: Connection) throws(StoreError) {
    boundary = try Statement(connection, "SELECT max(first) FROM report_run")
    let matching = """
      SELECT id, rollout, action, at, kind, text, code FROM report
      WHERE tenant = ?1 AND device = ?2 AND (?3 IS NULL OR action = ?3)
      """
    newest = try Statement(
      connection, "\(matching) AND id >= ?4 AND id < ?5 ORDER BY id DESC LIMIT ?6")
    single = try Statement(connection, "\(matching) AND id = ?4")
    runs = try Statement(
      connection,
      "SELECT first, hashes FROM report_run WHERE first < ? AND first < ? ORDER BY first DESC")
  }

  /// Up to `count` reports numbered below `before`, newest first.
  func reports(
    of device: DeviceKey, action: ActionID?, before: Int64, count: Int
  ) throws(StoreError) -> [HistoryEntry<Report>] {
    var entries: [HistoryEntry<Report>] = []
    var unindexed: Int64 = 0
    try boundary.each(table: "report_run", keyColumns: 1) { (row) throws(RowFault) in
      unindexed = row.isNull() ? 0 : try row.integer() + ReportIndex.span
    }
    bind(newest, device, action).bind(unindexed).bind(before).bind(Int64(count))
    try append(newest, of: device, to: &entries)
    let wanted = ReportIndex.hash(tenant: device.tenant.text, device: device.device.text)
    runs.bind(before).bind(unindexed)
    var candidates: [Int64] = []
    defer { runs.reset() }
    while entries.count < count, try runs.step() {
      let first = runs.integer(0)
      candidates.removeAll(keepingCapacity: true)
      let hashes = runs.bytes(1)
      for place in 0..<hashes.count / 4 {
        let hash = UInt32(
          littleEndian: hashes.loadUnaligned(fromByteOffset: place * 4, as: UInt32.self))
        if hash == wanted, first + Int64(place) < before { candidates.append(first + Int64(place)) }
      }
      for id in candidates.reversed() where entries.count < count {
        // Another device may have the same hash; the look-up compares names.
        bind(single, device, action).bind(id)
        try append(single, of: device, to: &entries)
      }
    }
    return entries
  }

  private func bind(_ statement: Statement, _ device: DeviceKey, _ action: ActionID?) -> Statement {
    statement.bind(device.tenant.text).bind(device.device.text)
      .bind(action.map { Int64($0.number) })
  }

  private func append(
    _ statement: Statement, of device: DeviceKey, to entries: inout [HistoryEntry<Report>]
  ) throws(StoreError) {
    try statement.each(table: "report", keyColumns: 1) { (row) throws(RowFault) in
      let position = try row.integer()
      let report = Report(
        device: device, rollout: try row.optional { (row) throws(RowFault) in try row.serial() },
        action: try row.optional { (row) throws(RowFault) in try row.actionID() },
        at: try row.instant(), kind: row.text(), text: row.text(),
        code: try row.optional { (row) throws(RowFault) in try row.number() })
      entries.append(HistoryEntry(position: position, content: report))
    }
  }
}
