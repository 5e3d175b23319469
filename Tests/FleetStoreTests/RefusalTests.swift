// RefusalTests: what the store refuses: a second server, a newer file, bad rows, a second lease.

import Glibc
import RolloutEngine
import Testing
import UpdateModel

@testable import FleetStore

struct RefusalTests {
  private func damage(_ directory: Directory, _ sql: String) throws {
    try Connection(DatabaseFile(path: directory.path + "/groundswell.db"), role: .writer)
      .execute(sql)
  }

  @Test func `two stores cannot share a directory`() throws {
    let directory = try Directory()
    let store = try openStore(directory)
    #expect(throws: StoreError.inUse(directory: directory.path)) {
      try Store(directory: directory.path, pendingLimit: 1)
    }
    store.stop()
    _ = try Store(directory: directory.path, pendingLimit: 1)
  }

  @Test func `a directory that cannot be made is named`() throws {
    let path = "/proc/none/such"
    let error = #expect(throws: StoreError.self) { try Store(directory: path, pendingLimit: 1) }
    #expect(error?.description.contains(path) == true)
  }

  @Test func `a file of a later version is refused and left as it is`() throws {
    let directory = try Directory()
    try openStore(directory).stop()
    let known = Schema.migrations.count
    try damage(directory, "PRAGMA user_version = \(known + 1)")
    #expect(throws: StoreError.newerSchema(found: known + 1, known: known)) {
      try Store(directory: directory.path, pendingLimit: 1)
    }
    try damage(directory, "PRAGMA user_version = \(known)")
    _ = try Store(directory: directory.path, pendingLimit: 1)
  }

  static let damages: [(table: String, sql: String, key: String, reason: String)] = [
    ("device", "UPDATE device SET hardware = '-x' WHERE id = 'device-2'", "acme/device-2", "-x"),
    ("device", "UPDATE device SET tags = '{' WHERE id = 'device-2'", "acme/device-2", "JSON"),
    ("device", "UPDATE device SET tags = '[1]'", "acme/device-2", "an object is expected"),
    ("device", "UPDATE device SET token = x'00'", "acme/device-2", "32 bytes"),
    ("action", "UPDATE action SET phase = 9", "acme/1/device-2", "9"),
    ("action", "UPDATE action SET outcome = 1", "acme/1/device-2", "contradict"),
    ("action", "UPDATE action SET id = 20", "acme/1/device-2", "20"),
    ("action", "UPDATE action SET stage = 400", "acme/1/device-2", "stage 400"),
    ("action", "UPDATE action SET stage = -1", "acme/1/device-2", "stage -1"),
    (
      "action", "UPDATE action SET attempt = -9223372036854775808, kind = 300", "acme/1/device-2",
      "out of range"
    ),
    ("rollout", "UPDATE rollout SET status = 'odd'", "acme/1", "odd"),
    ("rollout", "UPDATE rollout SET open_stage = 12", "acme/1", "open stage"),
    ("rollout", "UPDATE rollout SET stages = '[]'", "acme/1", "0 stage states"),
    (
      "rollout", "UPDATE rollout SET specification = json_set(specification, '$.salt', 'x')",
      "acme/1", "$.salt"
    ),
    (
      "rollout",
      "UPDATE rollout SET specification = json_set(specification, '$.policy.failureLimit', 1)",
      "acme/1", "failureLimit"
    ),
    (
      "rollout",
      "UPDATE rollout SET specification = json_set(specification, '$.stages[1].quorum', 17)",
      "acme/1", "no gate"
    ),
    (
      "artifact", "UPDATE artifact SET document = json_set(document, '$.hardware', json('[]'))",
      "acme/1", "hardware"
    ),
    (
      "release", "UPDATE release SET document = json_remove(document, '$.status')", "acme/1",
      "$.status"
    ),
    ("api_token", "UPDATE api_token SET tenant = ''", "(digest)", "name"),
    ("tenant", "UPDATE tenant SET document = ''", "acme", "JSON"),
    ("counter", "UPDATE counter SET value = -1", "action", "out of range"),
    ("device_group", "UPDATE device_group SET filter = 'x'", "acme/lab", "'x'"),
    ("group_member", "UPDATE group_member SET device = 'a/b'", "acme/lab/a/b", "a/b"),
  ]

  @Test(arguments: damages)
  func `a row that cannot be read is named`(
    _ damage: (table: String, sql: String, key: String, reason: String)
  ) throws {
    let directory = try Directory()
    let store = try openStore(directory)
    let acme = try Name("acme")
    _ = store.enqueue([
      .actionCounter(1), .tenant(TenantRecord(name: acme, document: [:])),
      .apiToken(
        APITokenRecord(
          digest: try Sample.digest(1), label: "x", tenant: acme, createdAt: .epoch)),
      .artifact(acme, try Sample.artifact(1)), .release(acme, try Sample.release(1)),
      .device(try Sample.device(2)),
      .group(acme, DeviceGroup(name: try Name("lab"), membership: .explicit)),
      .groupMembers(acme, try Name("lab"), add: [try Sample.key(2).device], remove: []),
      .rollout(acme, try Sample.rollout(1)),
      .action(acme, try Sample.action(rollout: 1, device: 2, id: 11)),
    ])
    #expect(store.stop() == nil)
    try self.damage(directory, damage.sql)
    let error = #expect(throws: StoreError.self) { try contents(of: directory) }
    guard case .unreadable(let table, let key, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(table == damage.table)
    #expect(key == damage.key)
    #expect(reason.contains(damage.reason), "\(reason)")
  }

  @Test func `the database refuses a second lease of a device, and the store stops`()
    throws
  {
    let directory = try Directory()
    let store = try openStore(directory)
    let acme = try Name("acme")
    let first = try Sample.action(rollout: 1, device: 1, id: 11)
    try store.wait(for: store.enqueue(.action(acme, first)))
    let second = try Sample.action(rollout: 2, device: 1, id: 12)
    let elsewhere = try Sample.action(rollout: 1, device: 1, id: 11)
    try store.wait(for: store.enqueue(.action(try Name("other"), elsewhere)))
    let ticket = store.enqueue(.action(acme, second))
    #expect(throws: StoreError.self) { try store.wait(for: ticket) }
    #expect(!store.isHealthy)
    let failure = store.stop()
    // SQLITE_CONSTRAINT_UNIQUE.
    guard case .database(2067, _) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    let found = try contents(of: directory)
    #expect(found.actions.values.allSatisfy { $0.rollout == RolloutID(1) })
    #expect(found.actions.count == 2)
  }

  @Test func `a lease may pass from one rollout to the next in one group`() throws {
    let directory = try Directory()
    let store = try openStore(directory)
    let acme = try Name("acme")
    var first = try Sample.action(rollout: 1, device: 1, id: 11)
    _ = store.enqueue(.action(acme, first))
    first.state = .ended(.cancelled)
    let ticket = store.enqueue([
      .action(acme, first), .action(acme, try Sample.action(rollout: 2, device: 1, id: 12)),
    ])
    try store.wait(for: ticket)
    #expect(store.stop() == nil)
  }
}
