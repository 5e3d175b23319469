// Schema: the tables, and the steps that bring an older file to them.
//
// Conventions: the tenant leads every key; instants are milliseconds since 1970 as integers;
// digests are blobs of 32 bytes; documents are JSON as text. Tables that are looked up by a key of
// text are WITHOUT ROWID; history is numbered and only appended to;
// `ReportIndex` tells what report_run is for.

/// The migrations of the database file.
enum Schema {
  /// Each brings the file from the version of its index to the next. Never edit one that shipped.
  static let migrations = [version1, version2, version3]

  /// Brings a file to the newest version; refuses one that is newer.
  static func migrate(_ connection: Connection) throws(StoreError) {
    var found = 0
    try Statement(connection, "PRAGMA user_version").each(table: "user_version", keyColumns: 0) {
      (row) throws(RowFault) in found = try row.number()
    }
    guard found <= migrations.count else {
      throw .newerSchema(found: found, known: migrations.count)
    }
    guard found < migrations.count else { return }
    let pending = migrations[max(0, found)...]
    try connection.transaction { () throws(StoreError) in
      for migration in pending { try connection.execute(migration) }
      try connection.execute("PRAGMA user_version = \(migrations.count)")
    }
  }

  // action.kind, .phase, .outcome, .cancel hold the raw values of the enumerations in
  // RolloutEngine; rollout.status, release status and action.cause hold their words. An action is
  // leased when it has a phase, ended when it has an outcome, and waits for its next attempt when
  // it has neither; `until` is the deadline of the lease or the time from which the next attempt
  // may be granted.
  private static let version1 = """
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE tenant (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE api_token (
      digest BLOB PRIMARY KEY, label TEXT NOT NULL, tenant TEXT, created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE artifact (
      tenant TEXT NOT NULL, id INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE release (
      tenant TEXT NOT NULL, id INTEGER NOT NULL, document TEXT NOT NULL, PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE device (
      tenant TEXT NOT NULL, id TEXT NOT NULL, hardware TEXT, token BLOB, tags TEXT,
      attributes TEXT, created INTEGER NOT NULL, seen INTEGER, PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE device_group (
      tenant TEXT NOT NULL, name TEXT NOT NULL, filter TEXT, PRIMARY KEY (tenant, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE group_member (
      tenant TEXT NOT NULL, name TEXT NOT NULL, device TEXT NOT NULL,
      PRIMARY KEY (tenant, name, device)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX group_member_by_device ON group_member (tenant, device);

    CREATE TABLE rollout (
      tenant TEXT NOT NULL, id INTEGER NOT NULL, specification TEXT NOT NULL,
      status TEXT NOT NULL, open_stage INTEGER, stop TEXT, started INTEGER, ended INTEGER,
      stages TEXT NOT NULL, PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rollout_event (
      id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, rollout INTEGER NOT NULL, at INTEGER NOT NULL,
      sentence TEXT NOT NULL
    ) STRICT;
    CREATE INDEX rollout_event_by_rollout ON rollout_event (tenant, rollout);

    CREATE TABLE action (
      tenant TEXT NOT NULL, rollout INTEGER NOT NULL, device TEXT NOT NULL, stage INTEGER NOT NULL,
      kind INTEGER NOT NULL, id INTEGER NOT NULL, previous INTEGER, attempt INTEGER NOT NULL,
      release INTEGER NOT NULL, fallback INTEGER, phase INTEGER, outcome INTEGER, until INTEGER,
      cancel INTEGER NOT NULL, granted INTEGER NOT NULL, changed INTEGER NOT NULL,
      installed INTEGER, cause TEXT, detail TEXT, PRIMARY KEY (tenant, rollout, device)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX action_one_lease ON action (tenant, device) WHERE phase IS NOT NULL;

    CREATE TABLE report (
      id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, device TEXT NOT NULL, rollout INTEGER,
      action INTEGER, at INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, code INTEGER
    ) STRICT;
    CREATE TABLE report_run (first INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
    """

  // action.marks holds bits: 1 reported, 2 silent; action.aside is a document, see `Aside`, and
  // nearly always absent; rollout.approved_by names who approved the start; device.ran lists the
  // releases with an anti-rollback floor that it ran.
  private static let version2 = """
    ALTER TABLE action ADD COLUMN stratum INTEGER;
    ALTER TABLE action ADD COLUMN exposed INTEGER;
    ALTER TABLE action ADD COLUMN proven INTEGER;
    ALTER TABLE action ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE action ADD COLUMN aside TEXT;
    ALTER TABLE rollout ADD COLUMN evidence TEXT;
    ALTER TABLE rollout ADD COLUMN approved_by TEXT;
    ALTER TABLE device ADD COLUMN ran TEXT;

    CREATE TABLE decision (
      id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, rollout INTEGER NOT NULL, at INTEGER NOT NULL,
      verdict TEXT NOT NULL, sentence TEXT NOT NULL, inputs TEXT NOT NULL
    ) STRICT;
    CREATE INDEX decision_by_rollout ON decision (tenant, rollout);

    CREATE TABLE safeguard (
      tenant TEXT NOT NULL, id INTEGER NOT NULL, filter TEXT NOT NULL, reason TEXT NOT NULL,
      rollout INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (tenant, id)
    ) STRICT, WITHOUT ROWID;
    """

  // device.tags, .attributes (what it reports) and .desired are the three parts of its twin, .twin
  // their versions and times; document holds things that are loaded whole, see `StoredDocument`.
  private static let version3 = """
    ALTER TABLE device ADD COLUMN desired TEXT;
    ALTER TABLE device ADD COLUMN twin TEXT;
    ALTER TABLE device ADD COLUMN enrolment TEXT;

    CREATE TABLE device_run (
      tenant TEXT NOT NULL, device TEXT NOT NULL, since INTEGER NOT NULL, version TEXT, image BLOB,
      PRIMARY KEY (tenant, device, since)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE document (
      tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL,
      PRIMARY KEY (tenant, kind, id)
    ) STRICT, WITHOUT ROWID;
    """
}
