// MigrationTests: a file of the version before opens, keeps what it held and takes what is new.

import RolloutEngine
import Testing
import UpdateModel

@testable import FleetStore

struct MigrationTests {
  private func execute(_ directory: Directory, _ sql: String) throws {
    let file = DatabaseFile(path: directory.path + "/groundswell.db")
    try Connection(file, role: .writer).execute(sql)
  }

  /// Makes a file as version 1 left it: its tables, written by its statements.
  private func version1(_ directory: Directory) throws {
    let rollout = try Sample.rollout(1)
    let document = String(decoding: rollout.specificationDocument.text, as: UTF8.self)
    let stages = String(decoding: rollout.stagesDocument.text, as: UTF8.self)
    let release = String(decoding: try Sample.release(1).document.text, as: UTF8.self)
    try execute(directory, Schema.migrations[0])
    try execute(
      directory,
      """
      INSERT INTO tenant VALUES ('acme', '{}');
      INSERT INTO release VALUES ('acme', 1, '\(release.replacing("'", with: "''"))');
      INSERT INTO device VALUES
        ('acme', 'device-1', 'a1', NULL, NULL, '{"version":"1.0"}', 7, 8);
      INSERT INTO rollout VALUES
        ('acme', 1, '\(document)', 'running', 0, NULL, 9, NULL, '\(stages)');
      INSERT INTO action VALUES ('acme', 1, 'device-1', 0, 0, 11, NULL, 1, 4, NULL, NULL, NULL, 900,
        0, 1, 2, NULL, NULL, NULL);
      INSERT INTO action VALUES ('acme', 1, 'device-2', 0, 0, 12, NULL, 1, 4, NULL, 1, NULL, 900,
        0, 1, 2, NULL, NULL, NULL);
      PRAGMA user_version = 1;
      """)
  }

  @Test func `a file of version 1 opens and keeps its rows`() throws {
    let directory = try Directory()
    try version1(directory)
    let fleet = try contents(of: directory)
    let rollout = try #require(fleet.rollouts.values.first)
    #expect(rollout.status == .running && rollout.approvedBy == nil)
    #expect(rollout.specification.terms == .usual)
    #expect(rollout.tally[.retrying] == 1 && rollout.tally[.downloading] == 1)
    #expect(fleet.actions.values.allSatisfy { $0.aside == nil })
    #expect(fleet.devices.values.allSatisfy { $0.ran.isEmpty })
    #expect(fleet.devices.count == 1 && fleet.actions.count == 2)
    let release = try #require(fleet.releases.values.first)
    #expect(release.floor == nil && release.rollbackFloor == nil)
  }

  @Test func `a file of version 1 takes what version 2 stores`() throws {
    let directory = try Directory()
    try version1(directory)
    let acme = try Name("acme")
    let store = try openStore(directory)
    var waiting = try Sample.action(rollout: 1, device: 1, id: 11)
    waiting.state = .retrying(from: Sample.instant(900))
    waiting.aside = .postponed(since: Sample.instant(3), reason: "driving")
    var approved = try Sample.rollout(1)
    approved.evolve(.approved(by: "ada"), at: Sample.instant(10))
    var device = try Sample.device(1)
    device.ran = [ReleaseID(1)]
    _ = store.enqueue([.action(acme, waiting), .rollout(acme, approved), .device(device)])
    #expect(store.stop() == nil)
    let fleet = try contents(of: directory)
    #expect(fleet.rollouts.values.first?.approvedBy == "ada")
    #expect(fleet.rollouts.values.first?.tally[.postponed] == 1)
    #expect(fleet.actions.values.contains(waiting))
    #expect(fleet.devices.values.first?.ran == [ReleaseID(1)])
  }

  @Test func `what version 2 brought comes back as it was`() throws {
    let directory = try Directory()
    let acme = try Name("acme")
    let plain = try Sample.rollout(1).specification
    let terms = try RolloutTerms(
      priority: 900, startAt: Sample.instant(50), endAt: Sample.instant(60), isSecurity: true)
    let rollout = Rollout(
      specification: RolloutSpecification(
        id: plain.id, name: plain.name, release: plain.release, target: nil, policy: plain.policy,
        policyDocument: plain.policyDocument, salt: plain.salt, createdAt: plain.createdAt,
        terms: terms),
      stages: try Sample.rollout(1).stages.map(\.plan))
    let release = Release(
      id: ReleaseID(3), name: try Name("os"), version: try FirmwareVersion("3"), notes: "",
      artifacts: [], status: .published, createdAt: Sample.instant(1), floor: ReleaseID(1),
      rollbackFloor: ReleaseID(3),
      terms: try #require(
        Release.Terms(
          DocumentReader(
            [
              "conditions": ["install": ["batteryAtLeast": "30%"]], "security": true,
              "prepare": "stop-motors", "resume": "start-motors",
            ], faults: DocumentReader.Faults()))))
    let asides: [(Aside, Action.State)] =
      [
        (.postponed(since: Sample.instant(3), reason: "ü\n"), .retrying(from: Sample.instant(9))),
        (.yielded(to: RolloutID(7), since: Sample.instant(4)), .retrying(from: Sample.instant(9))),
        (.superseded(by: RolloutID(8), since: Sample.instant(5)), .ended(.superseded)),
      ] + standbys.map { (.standby($0), .retrying(from: Sample.instant(9))) }
    var actions: [Action] = []
    for (number, (aside, state)) in asides.enumerated() {
      var action = try Sample.action(rollout: 1, device: number, id: 11 + number, state: state)
      action.aside = aside
      actions.append(action)
    }
    actions.append(
      try Sample.action(
        rollout: 1, device: 9, id: 21, state: .ended(.undelivered),
        failure: Action.Failure(.postponed, "busy")))
    let store = try openStore(directory)
    _ = store.enqueue([.rollout(acme, rollout), .release(acme, release)])
    _ = store.enqueue(actions.map { .action(acme, $0) })
    #expect(store.stop() == nil)
    let fleet = try contents(of: directory)
    #expect(fleet.rollouts.values.first?.specification.terms == terms)
    #expect(fleet.releases.values.first == release)
    for action in actions { #expect(fleet.actions.values.contains(action), "\(action)") }
    let tally = try #require(fleet.rollouts.values.first?.tally)
    #expect(tally[.postponed] == 3 && tally[.superseded] == 1 && tally[.undelivered] == 1)
    #expect(tally[.waiting] == 1 && tally[.undecided] == 1)
  }

  private var standbys: [Standby] {
    [
      Standby(
        cause: .hindrance(.battery, "it is \"low\""), since: Sample.instant(3), putOffSince: nil,
        count: 0, hasImage: true),
      Standby(
        cause: .device(""), since: Sample.instant(4), putOffSince: Sample.instant(2), count: 7,
        hasImage: false, ruling: .forced(by: "eva", since: Sample.instant(5))),
      Standby(
        cause: .hindrance(.wish, "w"), since: Sample.instant(3), putOffSince: Sample.instant(3),
        count: 1, hasImage: false, ruling: .undecided(since: Sample.instant(6))),
    ]
  }

  @Test func `a postponement that was written before there were others is read as one`() throws {
    let directory = try Directory()
    try version1(directory)
    try openStore(directory).stop()
    try execute(
      directory,
      "UPDATE action SET aside = '{\"postponed\":1000,\"reason\":\"driving\"}' WHERE id = 11")
    let standbys = try contents(of: directory).actions.values.compactMap(\.standby)
    #expect(standbys.map(\.cause) == [.device("driving")])
    #expect(standbys.first?.since == standbys.first?.putOffSince)
  }

  @Test func `a reason to stand aside that cannot be read is named`() throws {
    let directory = try Directory()
    try version1(directory)
    try openStore(directory).stop()
    try execute(directory, "UPDATE action SET aside = '{\"postponed\":1}' WHERE id = 11")
    let error = #expect(throws: StoreError.self) { try contents(of: directory) }
    guard case .unreadable("action", _, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("reason"))
  }
}

extension String {
  fileprivate func replacing(_ text: Character, with other: String) -> String {
    reduce(into: "") { $0 += $1 == text ? other : String($1) }
  }
}
