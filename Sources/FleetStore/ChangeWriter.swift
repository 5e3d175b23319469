// ChangeWriter: turns changes into rows, with one prepared statement per kind.

internal import RolloutEngine
internal import UpdateModel

/// Applies changes inside the transaction of its caller. Used by one thread at a time.
final class ChangeWriter {
  private let connection: Connection
  // Prepared at the first use; the kinds of a busy server are prepared once for its life.
  private var statements: [Statement?]

  init(_ connection: Connection) {
    self.connection = connection
    self.statements = Array(repeating: nil, count: Kind.allCases.count)
  }

  /// Writes one change.
  func apply(_ change: Change) throws(StoreError) {
    switch change {
    case .report(let report): try insert(report)
    case .action(let tenant, let action): try upsert(action, of: tenant)
    case .lastSeen(let instants): try update(lastSeen: instants)
    case .device(let device): try upsert(device)
    case .deleteDevice(let key): try delete(key)
    case .rollout(let tenant, let rollout): try upsert(rollout, of: tenant)
    case .rolloutEvent(let tenant, let rollout, let at, let sentence):
      try prepared(.rolloutEvent).bind(tenant.text).bind(Int64(rollout.number))
        .bind(at.milliseconds).bind(sentence).run()
    case .decision(let tenant, let rollout, let judgement):
      try prepared(.decision).bind(tenant.text).bind(Int64(rollout.number))
        .bind(judgement.at.milliseconds).bind(judgement.decision.verdict.rawValue)
        .bind(judgement.sentence).bind(judgement.document.line).run()
    case .safeguard(let tenant, let guarded):
      try prepared(.safeguard).bind(tenant.text).bind(Int64(guarded.id))
        .bind(guarded.filter.description).bind(guarded.reason)
        .bind(Int64(guarded.rollout.number)).bind(guarded.since.milliseconds).run()
    case .liftSafeguard(let tenant, let id):
      try prepared(.liftSafeguard).bind(tenant.text).bind(Int64(id)).run()
    case .group(let tenant, let group): try upsert(group, of: tenant)
    case .groupMembers(let tenant, let group, let added, let removed):
      try update(group: group, of: tenant, adding: added, removing: removed)
    case .deleteGroup(let tenant, let group):
      try prepared(.deleteGroup).bind(tenant.text).bind(group.text).run()
      try prepared(.deleteGroupMembers).bind(tenant.text).bind(group.text).run()
    case .tenant(let tenant):
      try prepared(.tenant).bind(tenant.name.text).bind(tenant.document.line).run()
    case .apiToken(let token):
      try prepared(.apiToken).bind(blob: token.digest.bytes).bind(token.label)
        .bind(token.tenant?.text).bind(token.createdAt.milliseconds).run()
    case .revokeAPIToken(let digest): try prepared(.revokeAPIToken).bind(blob: digest.bytes).run()
    case .artifact(let tenant, let artifact):
      try prepared(.artifact).bind(tenant.text).bind(Int64(artifact.id.number))
        .bind(artifact.document.line).run()
    case .deleteArtifact(let tenant, let id):
      try prepared(.deleteArtifact).bind(tenant.text).bind(Int64(id.number)).run()
    case .release(let tenant, let release):
      try prepared(.release).bind(tenant.text).bind(Int64(release.id.number))
        .bind(release.document.line).run()
    case .deviceRun(let run): try insert(run)
    case .document(let tenant, let document):
      try prepared(.document).bind(tenant.text).bind(document.kind.rawValue).bind(document.id)
        .bind(document.content.line).run()
    case .deleteDocument(let tenant, let kind, let id):
      try prepared(.deleteDocument).bind(tenant.text).bind(kind.rawValue).bind(id).run()
    case .actionCounter(let number): try prepared(.actionCounter).bind(Int64(number)).run()
    }
  }

  /// Removes the oldest reports that were received before a time.
  ///
  /// - Returns: Whether the limit was reached, so that there may be more.
  func prune(before: Instant, limit: Int) throws(StoreError) -> Bool {
    try prepared(.prune).bind(Int64(limit)).bind(before.milliseconds).run()
    let isLimitReached = connection.changedRows == limit
    try prepared(.pruneRuns).bind(ReportIndex.span).run()
    return isLimitReached
  }

  private func insert(_ report: Report) throws(StoreError) {
    try prepared(.report).bind(report.device.tenant.text).bind(report.device.device.text)
      .bind(report.rollout.map { Int64($0.number) }).bind(report.action.map { Int64($0.number) })
      .bind(report.at.milliseconds).bind(report.kind).bind(report.text)
      .bind(report.code.map(Int64.init)).run()
    let id = connection.lastInsertedRow
    if id.isMultiple(of: ReportIndex.span) { try index(from: id - ReportIndex.span) }
  }

  private func upsert(_ action: Action, of tenant: Name) throws(StoreError) {
    let statement = try prepared(.action)
    statement.bind(tenant.text).bind(Int64(action.rollout.number)).bind(action.device.text)
      .bind(Int64(action.stage)).bind(Int64(action.kind.rawValue)).bind(Int64(action.id.number))
      .bind(action.previousID.map { Int64($0.number) }).bind(Int64(action.attempt))
      .bind(Int64(action.release.number)).bind(action.fallback.map { Int64($0.number) })
    switch action.state {
    case .leased(let phase, let deadline):
      statement.bind(Int64(phase.rawValue)).bindNull().bind(deadline.milliseconds)
    case .retrying(let from): statement.bindNull().bindNull().bind(from.milliseconds)
    case .ended(let outcome): statement.bindNull().bind(Int64(outcome.rawValue)).bindNull()
    }
    try statement.bind(Int64(action.cancel.rawValue)).bind(action.grantedAt.milliseconds)
      .bind(action.changedAt.milliseconds).bind(action.installedAt?.milliseconds)
      .bind(action.failure?.cause.rawValue).bind(action.failure?.detail)
      .bind(action.stratum.map(Int64.init)).bind(action.exposedAt?.milliseconds)
      .bind(action.provenAt?.milliseconds)
      .bind((action.isReported ? 1 : 0) + (action.isSilent ? 2 : 0))
      .bind(action.aside?.document.line).run()
  }

  private func update(lastSeen: [(DeviceKey, Instant)]) throws(StoreError) {
    let statement = try prepared(.lastSeen)
    for (key, instant) in lastSeen {
      try statement.bind(instant.milliseconds).bind(key.tenant.text).bind(key.device.text).run()
    }
  }

  private func upsert(_ device: Device) throws(StoreError) {
    let statement = try prepared(.device)
    statement.bind(device.key.tenant.text).bind(device.key.device.text).bind(device.hardware?.text)
    if let digest = device.tokenDigest {
      statement.bind(blob: digest.bytes)
    } else {
      statement.bindNull()
    }
    try statement.bind(device.twin.tags.line).bind(device.twin.reported.line)
      .bind(device.createdAt.milliseconds).bind(releasesText(device.ran))
      .bind(device.twin.desired.line).bind(device.twin.history?.line)
      .bind(device.enrolment.document?.line).run()
  }

  private func insert(_ run: DeviceRun) throws(StoreError) {
    let key = run.device
    if let image = run.image {
      try prepared(.completeDeviceRun).bind(key.tenant.text).bind(key.device.text)
        .bind(run.version).bind(blob: image.bytes).run()
      guard connection.changedRows == 0 else { return }
    }
    let statement = try prepared(.deviceRun).bind(key.tenant.text).bind(key.device.text)
      .bind(run.since.milliseconds).bind(run.version)
    if let image = run.image { statement.bind(blob: image.bytes) } else { statement.bindNull() }
    try statement.run()
    try prepared(.pruneDeviceRuns).bind(key.tenant.text).bind(key.device.text).run()
  }

  private func delete(_ key: DeviceKey) throws(StoreError) {
    try prepared(.deleteDevice).bind(key.tenant.text).bind(key.device.text).run()
    try prepared(.deleteMemberships).bind(key.tenant.text).bind(key.device.text).run()
  }

  private func upsert(_ group: DeviceGroup, of tenant: Name) throws(StoreError) {
    let filter: String? =
      switch group.membership {
      case .explicit: nil
      case .filter(let filter): filter.description
      case .query(let query): DeviceGroup.queryMark + query.description
      }
    try prepared(.group).bind(tenant.text).bind(group.name.text).bind(filter).run()
  }

  private func update(
    group: Name, of tenant: Name, adding added: [DeviceID], removing removed: [DeviceID]
  ) throws(StoreError) {
    for device in added {
      try prepared(.addMember).bind(tenant.text).bind(group.text).bind(device.text).run()
    }
    for device in removed {
      try prepared(.removeMember).bind(tenant.text).bind(group.text).bind(device.text).run()
    }
  }

  private func upsert(_ rollout: Rollout, of tenant: Name) throws(StoreError) {
    func bindState(_ statement: Statement) {
      statement.bind(rollout.status.rawValue).bind(rollout.openStage.map(Int64.init))
        .bind(rollout.stop?.document.line).bind(rollout.startedAt?.milliseconds)
        .bind(rollout.endedAt?.milliseconds).bind(rollout.stagesDocument.line)
        .bind(rollout.specificationDocument.line).bind(rollout.evidenceDocument?.line)
        .bind(rollout.approvedBy)
    }
    let id = Int64(rollout.specification.id.number)
    let update = try prepared(.updateRollout)
    bindState(update)
    try update.bind(tenant.text).bind(id).run()
    guard connection.changedRows == 0 else { return }
    let insert = try prepared(.insertRollout)
    bindState(insert)
    try insert.bind(tenant.text).bind(id).run()
  }

  func prepared(_ kind: Kind) throws(StoreError) -> Statement {
    if let statement = statements[kind.rawValue] { return statement }
    let statement = try Statement(connection, kind.sql)
    statements[kind.rawValue] = statement
    return statement
  }
}

extension DeviceGroup {
  /// Stands before a query in the column of filters; no filter begins so.
  static let queryMark = "query:"
}
