// Loader: streams the stored fleet to a visitor in one consistent view.

internal import RolloutEngine
internal import UpdateModel

/// Reads everything once, row by row.
struct Loader {
  let connection: Connection

  func load(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    try loadTenants(&visitor)
    try loadReleases(&visitor)
    try loadDevices(&visitor)
    try loadRollouts(&visitor)
    try rows("safeguard", key: 2, "SELECT * FROM safeguard ORDER BY tenant, id") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      visitor.visit(safeguard: try row.safeguard(), of: tenant)
    }
    try rows("document", key: 3, "SELECT * FROM document ORDER BY tenant, kind, id") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      visitor.visit(document: try row.document(), of: tenant)
    }
    try rows("action", key: 3, "SELECT * FROM action ORDER BY tenant, rollout, device") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      visitor.visit(action: try row.action(), of: tenant)
    }
  }

  private func loadTenants(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    var counter: UInt32 = 0
    try rows("counter", key: 1, "SELECT name, value FROM counter WHERE name = 'action'") {
      (row) throws(RowFault) in
      _ = row.text()
      counter = try row.number()
    }
    visitor.visit(actionCounter: counter)
    try rows("tenant", key: 1, "SELECT name, document FROM tenant ORDER BY name") {
      (row) throws(RowFault) in
      visitor.visit(tenant: TenantRecord(name: try row.name(), document: try row.json()))
    }
    try rows("api_token", key: 1, "SELECT digest, label, tenant, created FROM api_token") {
      (row) throws(RowFault) in
      let token = APITokenRecord(
        digest: try row.digest(), label: row.text(),
        tenant: try row.optional { (row) throws(RowFault) in try row.name() },
        createdAt: try row.instant())
      visitor.visit(apiToken: token)
    }
  }

  private func loadReleases(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    try rows("artifact", key: 2, "SELECT tenant, id, document FROM artifact ORDER BY tenant, id") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      let id: ArtifactID = try row.serial()
      visitor.visit(artifact: try Artifact.read(try row.json(), id: id), of: tenant)
    }
    try rows("release", key: 2, "SELECT tenant, id, document FROM release ORDER BY tenant, id") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      let id: ReleaseID = try row.serial()
      visitor.visit(release: try Release.read(try row.json(), id: id), of: tenant)
    }
  }

  private func loadDevices(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    try rows("device", key: 2, "SELECT * FROM device ORDER BY tenant, id") {
      (row) throws(RowFault) in
      let (device, lastSeen) = try row.deviceRow()
      visitor.visit(device: device, lastSeen: lastSeen)
    }
    try rows("device_group", key: 2, "SELECT * FROM device_group ORDER BY tenant, name") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      visitor.visit(group: try row.group(), of: tenant)
    }
    try rows("group_member", key: 3, "SELECT * FROM group_member ORDER BY tenant, name, device") {
      (row) throws(RowFault) in
      let tenant = try row.name()
      let group = try row.name()
      visitor.visit(member: try row.device(), of: group, tenant: tenant)
    }
  }

  private func loadRollouts(_ visitor: inout some SnapshotVisitor) throws(StoreError) {
    let columns = """
      tenant, id, specification, status, open_stage, stop, started, ended, stages, evidence,
      approved_by
      """
    var rollouts: [(tenant: Name, rollout: Rollout)] = []
    try rows("rollout", key: 2, "SELECT \(columns) FROM rollout ORDER BY tenant, id") {
      (row) throws(RowFault) in
      rollouts.append((try row.name(), try row.rollout()))
    }
    let tallies = try Statement(
      connection,
      """
      SELECT tenant, rollout, min(device), count(*) FROM action
      WHERE tenant = ? AND rollout = ?
      GROUP BY stage, kind, phase, outcome, aside IS NULL, \(Loader.standbyKind)
      """)
    let example = try Statement(
      connection, "SELECT * FROM action WHERE tenant = ? AND rollout = ? AND device = ?")
    for (tenant, var rollout) in rollouts {
      try recount(&rollout, of: tenant, tallies, example)
      visitor.visit(rollout: rollout, of: tenant)
    }
  }

  // Devices that stand aside count by why they do, see `Action.standing`; a document that is none
  // is found when its row is read.
  private static let standbyKind = """
    CASE WHEN json_valid(aside) THEN
      (aside ->> '$.standby' IS NULL) || (aside ->> '$.kind' IS NULL)
      || (aside ->> '$.decidedAt' IS NULL) || (aside ->> '$.forced' IS NULL)
    END
    """

  // The database counts actions that stand alike; one of them tells how that counts.
  private func recount(
    _ rollout: inout Rollout, of tenant: Name, _ tallies: Statement, _ example: Statement
  ) throws(StoreError) {
    let number = Int64(rollout.specification.id.number)
    var counts: [(device: DeviceID, count: Int)] = []
    tallies.bind(tenant.text).bind(number)
    try tallies.each(table: "action", keyColumns: 3) { (row) throws(RowFault) in
      _ = row.text()
      _ = try row.integer()
      counts.append((try row.device(), try row.number()))
    }
    for (device, count) in counts {
      example.bind(tenant.text).bind(number).bind(device.text)
      try example.each(table: "action", keyColumns: 3) { (row) throws(RowFault) in
        _ = row.text()
        let action = try row.action()
        guard rollout.stages.indices.contains(action.stage) else {
          throw RowFault("stage \(action.stage) is not among the \(rollout.stages.count) planned")
        }
        for _ in 0..<count {
          rollout.evolve(
            .moved(stage: action.stage, from: nil, to: action.standing), at: action.changedAt)
        }
      }
    }
  }

  private func rows(
    _ table: String, key: Int32, _ sql: String, _ body: (inout Row) throws(RowFault) -> Void
  ) throws(StoreError) {
    try Statement(connection, sql).each(table: table, keyColumns: key, body)
  }
}
