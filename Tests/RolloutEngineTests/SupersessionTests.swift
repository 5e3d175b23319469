// SupersessionTests: which of several rollouts has a device, and in which order they are asked.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct SupersessionTests {
  private func specification(_ id: UInt32, priority: Int = 500) throws -> RolloutSpecification {
    RolloutSpecification(
      id: RolloutID(id), name: try Name("r\(id)"), release: ReleaseID(2), target: nil,
      policy: try policy(), policyDocument: .null, salt: 1, createdAt: noon,
      terms: try RolloutTerms(priority: priority))
  }

  struct Row: Sendable {
    let newer: Claim
    let olderPriority: Int
    let wins: Bool
  }

  private static func claim(
    _ rollout: UInt32 = 6, priority: Int = 500, isUnderWay: Bool = true, isEntitled: Bool = true,
    hasBegun: Bool = false
  ) -> Claim {
    Claim(
      rollout: RolloutID(rollout), priority: priority, isUnderWay: isUnderWay,
      isEntitled: isEntitled, hasBegun: hasBegun)
  }

  @Test(arguments: [
    Row(newer: claim(), olderPriority: 500, wins: true),
    Row(newer: claim(), olderPriority: 499, wins: true),
    Row(newer: claim(), olderPriority: 501, wins: false),
    // What has begun is not taken back by an older one.
    Row(newer: claim(hasBegun: true), olderPriority: 501, wins: true),
    Row(newer: claim(4), olderPriority: 500, wins: false),
    Row(newer: claim(5), olderPriority: 500, wins: false),
    Row(newer: claim(isUnderWay: false), olderPriority: 500, wins: false),
    Row(newer: claim(isEntitled: false), olderPriority: 500, wins: false),
  ])
  func `the newer rollout has the device unless the older has the priority`(row: Row) throws {
    let older = try specification(5, priority: row.olderPriority)
    let winner = Supersession.winner(over: older, among: [row.newer])
    #expect((winner != nil) == row.wins, "\(row)")
  }

  @Test func `of several newer rollouts the newest is named`() throws {
    let winner = Supersession.winner(
      over: try specification(5),
      among: [SupersessionTests.claim(7), SupersessionTests.claim(9), SupersessionTests.claim(8)])
    #expect(winner == RolloutID(9))
  }

  @Test func `the highest priority is asked first, then the newest`() throws {
    let all = [
      try specification(1, priority: 600), try specification(2), try specification(3),
      try specification(4, priority: 0),
    ]
    let order = all.sorted(by: Supersession.isBefore).map(\.id.number)
    #expect(order == [1, 3, 2, 4])
  }

  @Test func `the gate does not wait for devices that newer rollouts took`() throws {
    let fields =
      #""stages": [{"upTo": "50%", "soak": "1h", "quorum": "100%"}, "#
      + #"{"upTo": "100%", "soak": "1h"}], "failureLimit": {"share": "100%"}"#
    var rollout = try started(policy(fields), population: 20)
    rollout.add(4, .succeeded)
    rollout.add(5, .superseded)
    #expect(
      Gate.evaluate(rollout, now: noon)
        == .wait(.verdicts(stage: "stage 1", have: 4, need: 5, of: 5)))
    rollout.add(1, .succeeded)
    #expect(Gate.evaluate(rollout, now: noon) == .settle)
  }

  @Test func `a stage without any device left to learn from never widens`() throws {
    let fields = #""stages": {"start": 10, "soak": "0s"}, "failureLimit": {"share": "100%"}"#
    var rollout = try started(policy(fields), population: 20)
    rollout.add(10, .superseded)
    for wait in [Interval.zero, .days(365)] {
      #expect(
        Gate.evaluate(rollout, now: noon + wait) == .wait(.superseded(stage: "stage 1")))
    }
  }

  @Test func `a superseded device is told by whom, whether it waits or not`() throws {
    let rollout = try started(policy(), population: 5)
    let candidate = Candidate(
      device: try DeviceID("d1"), fits: true, isTargeted: true, runsRelease: false,
      isCanary: false, supersededBy: RolloutID(9))
    for known in [nil, try action(.retrying(from: noon))] {
      let answer = Eligibility.decide(candidate, action: known, in: rollout, now: noon)
      #expect(answer == .excluded(.superseded(by: RolloutID(9))))
      #expect(answer.sentence(in: rollout).contains("superseded by rollout 9"))
    }
  }
}
