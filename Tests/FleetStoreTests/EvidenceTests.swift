// EvidenceTests: what the gate knows comes back: strata, quarantine, holds, marks, decisions.

import FleetStore
import RolloutEngine
import Testing
import UpdateModel

@Suite struct EvidenceTests {
  private static let policy: JSON = ["name": "proof", "gate": ["tolerance": "1%"]]

  private func rollout() throws -> (Rollout, RankIndex) {
    let policy = try Policy.decode(EvidenceTests.policy, file: "test")
    let specification = RolloutSpecification(
      id: RolloutID(1), name: try Name("spring"), release: ReleaseID(4), target: nil,
      policy: policy, policyDocument: EvidenceTests.policy, salt: 7,
      createdAt: Sample.instant(1), pollInterval: .minutes(3))
    let sizes = [(label: "hardware=a", size: 90), (label: "hardware=b", size: 30)]
    let ranks = RankIndex(sizes.map { (0..<$0.size).map { UInt64($0) } })
    var rollout = Rollout(specification: specification, stages: [], strata: sizes)
    rollout.evolve(.started, at: Sample.instant(10))
    _ = Gate.advance(&rollout, ranks: ranks, now: Sample.instant(11))
    return (rollout, ranks)
  }

  @Test func `open steps, quarantine and holds of a rollout come back`() throws {
    let acme = try Sample.name("acme")
    var (rollout, ranks) = try rollout()
    for _ in 0..<5 {
      rollout.evolve(.marked(stratum: 1, from: nil, to: .lost), at: Sample.instant(20))
    }
    let judged = Gate.advance(&rollout, ranks: ranks, now: Sample.instant(21))
    #expect(judged.contains { if case .quarantined([1], _) = $0 { true } else { false } })
    rollout.evolve(
      .held(.delivery(failed: 5, granted: 9), try #require(Gate.judgement(rollout, now: noon))),
      at: Sample.instant(22))
    let found = try roundTrip([.rollout(acme, rollout)]).found
    let back = try #require(found.rollouts.values.first)
    #expect(back.stages == rollout.stages)
    #expect(back.strata.map(\.opened) == [5, 5])
    #expect(back.strata.map(\.bound) == rollout.strata.map(\.bound))
    #expect(back.strata[1].quarantine == rollout.strata[1].quarantine)
    #expect(back.hold == .delivery(failed: 5, granted: 9))
    #expect(back.specification.pollInterval == .minutes(3))
    #expect(back.status == .paused)
  }

  @Test func `what an action says about the release comes back`() throws {
    let acme = try Sample.name("acme")
    var changes: [Change] = [.rollout(acme, try Sample.rollout(1))]
    for device in 1...4 {
      var action = try Sample.action(
        rollout: 1, device: device, id: device * 10 + 1, state: .ended(.succeeded))
      action.stratum = device
      action.exposedAt = Sample.instant(5)
      action.provenAt = device == 1 ? nil : Sample.instant(6)
      action.isReported = device == 2
      action.isSilent = device == 3
      changes.append(.action(acme, action))
    }
    let (expected, found) = try roundTrip(changes)
    #expect(found.actions == expected.actions)
    #expect(Set(found.actions.values.map(\.mark.isVerdictForTest)) == [true, false])
  }

  @Test func `decisions are kept with what they were taken from, newest first`() throws {
    let acme = try Sample.name("acme")
    let directory = try Directory()
    let store = try openStore(directory)
    let (rollout, _) = try rollout()
    for second in [30, 40] {
      let judgement = try #require(Gate.judgement(rollout, now: Sample.instant(second)))
      try store.wait(for: store.enqueue(.decision(acme, RolloutID(1), judgement)))
    }
    let page = try store.decisions(of: RolloutID(1), tenant: acme, limit: 10)
    #expect(page.entries.map(\.content.at) == [Sample.instant(40), Sample.instant(30)])
    let inputs = try #require(page.entries.first?.content.inputs)
    #expect(inputs["strata"]?.array?.count == 2)
    #expect(inputs["verdict"]?.string == page.entries.first?.content.verdict)
    store.stop()
  }

  @Test func `safeguards come back until they are lifted`() throws {
    let acme = try Sample.name("acme")
    let guards = try (1...2).map { number in
      Safeguard(
        id: number, filter: try DeviceFilter("hardware=board-\(number), tag.rev=B"),
        reason: "5 silent of 5", rollout: RolloutID(1), since: Sample.instant(number))
    }
    let (expected, found) = try roundTrip(
      guards.map { .safeguard(acme, $0) } + [.liftSafeguard(acme, 1)])
    #expect(found.safeguards == expected.safeguards)
    #expect(found.safeguards.values.map(\.id) == [2])
  }

  private let noon = Sample.instant(1000)
}

extension Mark {
  fileprivate var isVerdictForTest: Bool { self == .reported }
}
