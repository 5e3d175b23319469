// ChangeStatements: the SQL of every change, in one place and in the order of its parameters.

extension ChangeWriter {
  /// One prepared statement each.
  enum Kind: Int, CaseIterable {
    case tenant, apiToken, revokeAPIToken, artifact, deleteArtifact, release
    case device, deleteDevice, deleteMemberships, lastSeen
    case group, addMember, removeMember, deleteGroup, deleteGroupMembers
    case updateRollout, insertRollout, rolloutEvent, action, report, actionCounter, prune, pruneRuns
    case selectRun, insertRun
    case decision, safeguard, liftSafeguard
    case deviceRun, completeDeviceRun, pruneDeviceRuns, document, deleteDocument

    /// The statement. Upserts name the key they mean, so that a second lease of a device is an
    /// error and not a replacement.
    var sql: String {
      switch self {
      case .tenant:
        """
        INSERT INTO tenant VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET document = excluded.document
        """
      case .apiToken:
        """
        INSERT INTO api_token VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE
        SET label = excluded.label, tenant = excluded.tenant, created = excluded.created
        """
      case .revokeAPIToken: "DELETE FROM api_token WHERE digest = ?"
      case .artifact: Kind.documentUpsert("artifact")
      case .deleteArtifact: "DELETE FROM artifact WHERE tenant = ? AND id = ?"
      case .release: Kind.documentUpsert("release")
      case .device: TwinStatements.device
      case .deleteDevice: "DELETE FROM device WHERE tenant = ? AND id = ?"
      case .deleteMemberships: "DELETE FROM group_member WHERE tenant = ? AND device = ?"
      case .lastSeen: "UPDATE device SET seen = ? WHERE tenant = ? AND id = ?"
      case .group:
        """
        INSERT INTO device_group VALUES (?, ?, ?) ON CONFLICT (tenant, name) DO UPDATE
        SET filter = excluded.filter
        """
      case .addMember: "INSERT INTO group_member VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
      case .removeMember:
        "DELETE FROM group_member WHERE tenant = ? AND name = ? AND device = ?"
      case .deleteGroup: "DELETE FROM device_group WHERE tenant = ? AND name = ?"
      case .deleteGroupMembers: "DELETE FROM group_member WHERE tenant = ? AND name = ?"
      case .updateRollout:
        """
        UPDATE rollout SET status = ?, open_stage = ?, stop = ?, started = ?, ended = ?, stages = ?,
        specification = ?, evidence = ?, approved_by = ? WHERE tenant = ? AND id = ?
        """
      case .insertRollout:
        """
        INSERT INTO rollout
        (status, open_stage, stop, started, ended, stages, specification, evidence, approved_by,
        tenant, id)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
      case .rolloutEvent:
        "INSERT INTO rollout_event (tenant, rollout, at, sentence) VALUES (?, ?, ?, ?)"
      case .action: Kind.actionUpsert
      case .report:
        """
        INSERT INTO report (tenant, device, rollout, action, at, kind, text, code)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """
      case .actionCounter:
        """
        INSERT INTO counter VALUES ('action', ?) ON CONFLICT (name) DO UPDATE
        SET value = excluded.value
        """
      case .prune: HistoryStatements.prune
      case .pruneRuns: HistoryStatements.pruneRuns
      case .selectRun: HistoryStatements.selectRun
      case .insertRun: HistoryStatements.insertRun
      case .decision: GateStatements.decision
      case .safeguard: GateStatements.safeguard
      case .liftSafeguard: GateStatements.liftSafeguard
      case .deviceRun: TwinStatements.deviceRun
      case .completeDeviceRun: TwinStatements.completeDeviceRun
      case .pruneDeviceRuns: TwinStatements.pruneDeviceRuns
      case .document: TwinStatements.document
      case .deleteDocument: TwinStatements.deleteDocument
      }
    }

    private static let actionUpsert = """
      INSERT INTO action
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (tenant, rollout, device) DO UPDATE
      SET stage = excluded.stage, kind = excluded.kind, id = excluded.id,
      previous = excluded.previous, attempt = excluded.attempt, release = excluded.release,
      fallback = excluded.fallback, phase = excluded.phase, outcome = excluded.outcome,
      until = excluded.until, cancel = excluded.cancel, granted = excluded.granted,
      changed = excluded.changed, installed = excluded.installed, cause = excluded.cause,
      detail = excluded.detail, stratum = excluded.stratum, exposed = excluded.exposed,
      proven = excluded.proven, marks = excluded.marks, aside = excluded.aside
      """

    private static func documentUpsert(_ table: String) -> String {
      """
      INSERT INTO \(table) VALUES (?, ?, ?) ON CONFLICT (tenant, id) DO UPDATE
      SET document = excluded.document
      """
    }
  }
}

/// The statements for what the gate of a rollout decided.
private enum GateStatements {
  static let decision = """
    INSERT INTO decision (tenant, rollout, at, verdict, sentence, inputs)
    VALUES (?, ?, ?, ?, ?, ?)
    """
  static let safeguard = "INSERT INTO safeguard VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
  static let liftSafeguard = "DELETE FROM safeguard WHERE tenant = ? AND id = ?"
}

/// The statements for devices, what they run, and what is kept whole.
private enum TwinStatements {
  static let device = """
    INSERT INTO device
    (tenant, id, hardware, token, tags, attributes, created, ran, desired, twin,
    enrolment)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id) DO UPDATE
    SET hardware = excluded.hardware, token = excluded.token, tags = excluded.tags,
    attributes = excluded.attributes, created = excluded.created, ran = excluded.ran,
    desired = excluded.desired, twin = excluded.twin, enrolment = excluded.enrolment
    """
  static let document = """
    INSERT INTO document VALUES (?, ?, ?, ?) ON CONFLICT (tenant, kind, id) DO UPDATE
    SET content = excluded.content
    """
  static let deleteDocument = "DELETE FROM document WHERE tenant = ? AND kind = ? AND id = ?"
  static let deviceRun = "INSERT INTO device_run VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
  // The image of the version that the newest entry tells without one.
  static let completeDeviceRun = """
    UPDATE device_run SET image = ?4 WHERE tenant = ?1 AND device = ?2 AND version IS ?3
    AND image IS NULL AND since = (
    SELECT max(since) FROM device_run WHERE tenant = ?1 AND device = ?2)
    """
  // A device that changes its version all the time must not fill the disk.
  static let pruneDeviceRuns = """
    DELETE FROM device_run WHERE tenant = ?1 AND device = ?2 AND since < (
    SELECT since FROM device_run WHERE tenant = ?1 AND device = ?2
    ORDER BY since DESC LIMIT 1 OFFSET 99)
    """
}

/// The statements that keep the history of reports short and findable.
private enum HistoryStatements {
  // Reports are numbered as they come in, so the oldest are at the front. The newest stays,
  // because the next number is one more than the largest in the table.
  static let prune = """
    DELETE FROM report WHERE id IN (SELECT id FROM report ORDER BY id LIMIT ?) AND at < ?
    AND id < (SELECT max(id) FROM report)
    """
  static let pruneRuns = "DELETE FROM report_run WHERE first + ? <= (SELECT min(id) FROM report)"
  static let selectRun = "SELECT id, tenant, device FROM report WHERE id >= ? AND id < ?"
  static let insertRun = "INSERT INTO report_run VALUES (?, ?)"
}
