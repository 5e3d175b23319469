// RoundTripTests: every kind of record comes back as it was, after the store was closed.

import FleetStore
import RolloutEngine
import Testing
import UpdateModel

struct RoundTripTests {
  @Test func `tenants and tokens come back`() throws {
    let acme = try Sample.name("acme")
    let document: JSON = ["a": [1, true, .null, .decimal("1.50")], "b": ["ä": "\u{0}x"]]
    let token = { (number: Int, tenant: Name?) throws in
      Change.apiToken(
        APITokenRecord(
          digest: try Sample.digest(number), label: "ci", tenant: tenant, createdAt: .epoch))
    }
    let (expected, found) = try roundTrip([
      .tenant(TenantRecord(name: acme, document: [:])),
      .tenant(TenantRecord(name: acme, document: document)),
      try token(1, acme), try token(2, nil), try token(3, nil),
      .revokeAPIToken(digest: try Sample.digest(3)), .actionCounter(7), .actionCounter(4096),
    ])
    #expect(found == expected)
    #expect(found.tenants[acme]?.document == document)
    #expect(found.tokens.count == 2)
  }

  @Test func `artifacts and releases come back`() throws {
    let acme = try Sample.name("acme")
    let other = try Sample.name("other")
    let (expected, found) = try roundTrip([
      .artifact(acme, try Sample.artifact(1)), .artifact(other, try Sample.artifact(1)),
      .artifact(acme, try Sample.artifact(2, compressed: 77)),
      .artifact(acme, try Sample.artifact(3)), .deleteArtifact(acme, ArtifactID(3)),
      .release(acme, try Sample.release(1)), .release(acme, try Sample.release(2)),
      .release(acme, try Sample.release(2, status: .published)),
    ])
    #expect(found == expected)
    #expect(found.artifacts.count == 3)
  }

  @Test func `devices and groups come back, and a new registration keeps when it was seen`() throws
  {
    let acme = try Sample.name("acme")
    let staging = try Sample.name("staging")
    let labs = try Sample.name("labs")
    let old = try Sample.name("old")
    let devices = try (1...4).map { try Sample.key($0) }
    let (expected, found) = try roundTrip([
      .device(try Sample.device(1, isBare: true)), .device(try Sample.device(2)),
      .device(try Sample.device(3)), .device(try Sample.device(1, tenant: "other")),
      .lastSeen(devices.map { ($0, Sample.instant(50)) }),
      .device(try Sample.device(1)),
      .group(acme, DeviceGroup(name: staging, membership: .explicit)),
      .group(acme, DeviceGroup(name: labs, membership: .filter(try DeviceFilter("tag.site=lab")))),
      .group(acme, DeviceGroup(name: old, membership: .query(try Query("version < '2.0'")))),
      .groupMembers(acme, staging, add: devices.map(\.device), remove: [devices[1].device]),
      .groupMembers(acme, labs, add: [devices[0].device], remove: []),
      .deleteGroup(acme, labs), .deleteDevice(devices[2]),
    ])
    #expect(found == expected)
    #expect(found.seen[devices[0]] == Sample.instant(50))
    #expect(found.members.count == 2)
  }

  @Test func `a rollout comes back with its plan, its times and its reason to stop`() throws {
    let acme = try Sample.name("acme")
    var canary = try Sample.rollout(1, target: .group(try Sample.name("lab")))
    var stopped = try Sample.rollout(
      2, policy: Sample.sharePolicy, target: .filter(try DeviceFilter("attr.region=eu-*")))
    var aborted = try Sample.rollout(3)
    let draft = try Sample.rollout(4)
    let query = try Query(#"tags.line = "4" and battery.percent > 40 or note like '*"\\?'"#)
    let chosen = try Sample.rollout(5, target: .query(query))
    canary.evolve(.started, at: Sample.instant(10))
    canary.evolve(.stageSettled(0), at: Sample.instant(20))
    canary.evolve(.signedOff(0, by: "ada"), at: Sample.instant(30))
    canary.evolve(.stageOpened(1), at: Sample.instant(40))
    stopped.evolve(.started, at: Sample.instant(10))
    let reason = Rollout.StopReason.failureLimit(
      failures: 3, exposed: 9, limit: try #require(stopped.policy.failureLimit))
    stopped.evolve(.stopped(reason, rollback: true), at: Sample.instant(11))
    aborted.evolve(.started, at: Sample.instant(10))
    aborted.evolve(.stopped(.person("ada"), rollback: false), at: Sample.instant(11))
    let (expected, found) = try roundTrip([
      .rollout(acme, try Sample.rollout(1, target: .group(try Sample.name("lab")))),
      .rollout(acme, canary), .rollout(acme, stopped), .rollout(acme, aborted),
      .rollout(acme, draft), .rollout(acme, chosen), .rollout(try Sample.name("other"), draft),
    ])
    #expect(found == expected)
    #expect(found.rollouts.count == 6)
  }

  @Test func `actions come back in every state, and the rollout counts them`() throws {
    let acme = try Sample.name("acme")
    var states: [Action.State] = [.retrying(from: Sample.instant(77))]
    states += Action.Phase.allCases.map { .leased($0, deadline: Sample.instant(99)) }
    states += Action.Outcome.allCases.map { .ended($0) }
    var changes: [Change] = [.rollout(acme, try Sample.rollout(1))]
    for (index, state) in states.enumerated() {
      let causes = Action.Cause.allCases
      let cause = causes[index % causes.count]
      let failure =
        index.isMultiple(of: 2) ? nil : Action.Failure(cause, "E\u{0}: \(cause) ü")
      changes.append(
        .action(
          acme,
          try Sample.action(
            rollout: 1, device: index, id: 11 + index * 10, stage: index % 3)))
      changes.append(
        .action(
          acme,
          try Sample.action(
            rollout: 1, device: index, id: 1001 + index * 10, stage: index % 3, state: state,
            failure: failure, kind: index < 5 ? .rollback : .update)))
    }
    let (expected, found) = try roundTrip(changes)
    #expect(found == expected)
    #expect(found.actions.count == states.count)
    let rollout = try #require(found.rollouts.values.first)
    #expect(rollout.tally.participants == states.count)
    #expect(rollout.tally[.returning] == 4)
    #expect(rollout.tally[.returnRetrying] == 1)
    #expect(rollout.tally[.lost] == 1)
  }

  @Test func `history is read newest first, page by page`() throws {
    let directory = try Directory()
    let acme = try Sample.name("acme")
    let store = try openStore(directory)
    var last: UInt64 = 0
    for number in 1...25 {
      last = store.enqueue([
        .report(try Sample.report(number)), .report(try Sample.report(number, device: 2)),
        .rolloutEvent(
          acme, RolloutID(1), at: Sample.instant(number), sentence: "step \(number)"),
      ])
    }
    try store.wait(for: last)
    let key = try Sample.key(1)
    var codes: [Int?] = []
    var position: Int64?
    repeat {
      let page = try store.history(of: key, before: position, limit: 10)
      codes += page.entries.map(\.content.code)
      position = page.next
    } while position != nil
    #expect(codes == (1...25).reversed().map { $0 })
    let other = try Sample.actionID(12)
    #expect(try store.history(of: key, action: other, limit: 10).entries.isEmpty)
    let mine = try store.history(of: key, action: try Sample.actionID(11), limit: 1)
    #expect(mine.entries.map(\.content) == [try Sample.report(25)])
    let moments = try store.history(of: RolloutID(1), tenant: acme, limit: 3)
    #expect(moments.entries.map(\.content.sentence) == ["step 25", "step 24", "step 23"])
    store.stop()
  }

  @Test func `a device's reports are found among many, also after a restart and a removal`() throws
  {
    let seed = Dice.seed()
    var dice = Dice(seed: seed)
    let directory = try Directory()
    var numbers: [Int: [Int]] = [:]
    var count = 0
    func expectAll(_ store: Store, from oldest: Int) throws {
      for device in 0..<7 {
        let expected = (numbers[device] ?? []).filter { $0 >= oldest }.reversed()
        var found: [Int?] = []
        var position: Int64?
        repeat {
          let page = try store.history(
            of: try Sample.key(device), before: position, limit: 1 + dice.roll(300))
          found += page.entries.map(\.content.code)
          position = page.next
        } while position != nil
        #expect(found == expected.map { $0 }, "seed \(seed), device \(device)")
      }
    }
    for _ in 0..<3 {
      let store = try openStore(directory)
      for _ in 0..<4000 {
        count += 1
        let device = dice.roll(6)
        numbers[device, default: []].append(count)
        _ = store.enqueue(.report(try Sample.report(count, device: device)))
      }
      #expect(store.stop() == nil)
      try expectAll(store, from: 0)
    }
    let store = try openStore(directory)
    store.prune(before: Sample.instant(9000))
    #expect(store.stop() == nil)
    try expectAll(store, from: 9000)
  }

  @Test func `old reports are removed and younger ones stay`() throws {
    let directory = try Directory()
    let store = try openStore(directory)
    let count = 5000
    _ = store.enqueue(try (1...count).map { .report(try Sample.report($0)) })
    store.prune(before: Sample.instant(count - 2))
    #expect(store.stop() == nil)
    let left = try store.history(of: try Sample.key(1), limit: 100)
    #expect(left.entries.map(\.content.code) == [count, count - 1, count - 2])
    let again = try openStore(directory)
    again.prune(before: .distantFuture)
    #expect(again.stop() == nil)
    // The newest stays, so that numbers go on.
    #expect(try again.history(of: try Sample.key(1), limit: 100).entries.count == 1)
  }
}
