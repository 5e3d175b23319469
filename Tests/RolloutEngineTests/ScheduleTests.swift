// ScheduleTests: times and approvals, just before and just at their moment.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct ScheduleTests {
  private func rollout(
    _ terms: RolloutTerms, _ fields: String = #""stages": {"start": 10, "soak": "10m"}"#,
    population: Int = 40
  ) throws -> Rollout {
    let plain = try draft(policy(fields), population: population)
    let asked = plain.specification
    return Rollout(
      specification: RolloutSpecification(
        id: asked.id, name: asked.name, release: asked.release, target: nil, policy: asked.policy,
        policyDocument: .null, salt: asked.salt, createdAt: noon, terms: terms),
      stages: plain.stages.map(\.plan))
  }

  private let moment = Interval(milliseconds: 1)
  private let before = Interval(milliseconds: -1)

  @Test func `a scheduled rollout is due at its time and not before`() throws {
    let rollout = try rollout(RolloutTerms(startAt: noon, endAt: noon + .hours(1)))
    #expect(Schedule.start(of: rollout, now: noon + before) == .later(noon))
    #expect(Schedule.start(of: rollout, now: noon) == .due)
    #expect(Schedule.start(of: rollout, now: noon + .hours(1) + before) == .due)
    #expect(Schedule.start(of: rollout, now: noon + .hours(1)) == .missed(noon + .hours(1)))
    #expect(Gate.evaluate(rollout, now: noon + before) == .wait(.scheduled(noon)))
    let plain = try self.rollout(.usual)
    #expect(Schedule.start(of: plain, now: noon) == .byPerson)
  }

  @Test func `a schedule does not start what must be approved first`() throws {
    var rollout = try rollout(
      RolloutTerms(startAt: noon),
      #""stages": {"start": 10, "soak": "10m"}, "approve": {"before": "start"}"#)
    #expect(Schedule.start(of: rollout, now: noon + .days(3)) == .approval)
    #expect(Gate.evaluate(rollout, now: noon) == .wait(.approvalToStart))
    rollout.evolve(.approved(by: "ann", comment: "checked"), at: noon)
    #expect(Schedule.start(of: rollout, now: noon) == .due)
    #expect(
      RolloutEvent.approved(by: "ann", comment: "checked").sentence(in: rollout)
        == "start approved by ann: checked")
  }

  @Test func `after the end time nothing is granted, and the gate still judges`() throws {
    var rollout = try rollout(
      RolloutTerms(endAt: noon + .hours(1)),
      #""stages": {"start": 10, "soak": "10m"}, "failureLimit": {"share": "5%", "minimum": 2}"#)
    rollout.evolve(.started, at: noon)
    let device = Candidate(
      device: try DeviceID("d1"), fits: true, isTargeted: true, runsRelease: false, isCanary: false)
    func decide(_ now: Instant) -> Eligibility {
      Eligibility.decide(device, action: nil, in: rollout, now: now)
    }
    let stage = try #require(Eligibility.stage(of: device, in: rollout))
    rollout.add(1, .installing)
    let end = noon + .hours(1)
    let open: Eligibility = stage == 0 ? .eligible(stage: 0) : .deferred(.stageClosed(stage))
    #expect(decide(end + before) == open)
    #expect(decide(end) == .deferred(.endTimePassed(end)))
    #expect(Gate.advance(&rollout, now: end + before).isEmpty)
    #expect(Gate.advance(&rollout, now: end) == [.ended])
    #expect(rollout.status == .ended)
    #expect(Gate.evaluate(rollout, now: end) == .wait(.endTime(underWay: 1)))
    rollout.add(2, .failed)
    let events = Gate.advance(&rollout, now: end + moment)
    guard case .stopped(_, rollback: true)? = events.first else {
      Issue.record("\(events)")
      return
    }
    #expect(rollout.status == .rollingBack)
  }

  @Test func `a paused rollout ends at its time too`() throws {
    var rollout = try rollout(RolloutTerms(endAt: noon + .hours(1)))
    rollout.evolve(.started, at: noon)
    rollout.evolve(.paused(by: "ann"), at: noon)
    #expect(Gate.advance(&rollout, now: noon + .hours(1)) == [.ended])
  }

  @Test func `approve above asks before the stage that would open more`() throws {
    // 10, 20, 40, 30 of 100 devices: the share is open after each of them.
    let rows: [(above: String, signOffs: [Bool], start: Bool)] = [
      ("9%", [false, false, false, false], true), ("10%", [true, false, false, false], false),
      ("29%", [true, false, false, false], false), ("30%", [false, true, false, false], false),
      ("69.99%", [false, true, false, false], false), ("70%", [false, false, true, false], false),
      ("100%", [false, false, false, false], false),
    ]
    for row in rows {
      let rollout = try draft(
        policy(
          #""stages": {"start": 10, "growth": 2, "soak": "1m"}, "#
            + #""approve": {"above": "\#(row.above)"}"#), population: 100)
      #expect(rollout.stages.map(\.plan.signOff) == row.signOffs, "\(row.above)")
      #expect(Schedule.isApprovalMissing(rollout) == row.start, "\(row.above)")
    }
  }

  @Test func `a listed stage asks for its sign-off, also when it has no devices`() throws {
    let stages =
      #"[{"upTo": "1%", "soak": "1m", "signOff": true}, {"upTo": "50%", "soak": "1m"}, "#
      + #"{"upTo": "100%", "soak": "1m"}]"#
    let all = try draft(policy(#""stages": \#(stages)"#), population: 100)
    #expect(all.stages.map(\.plan.signOff) == [true, false, false])
    // One device fills the first two shares.
    let skipped =
      #"[{"upTo": "50%", "soak": "1m"}, {"upTo": "51%", "soak": "1m", "signOff": true}, "#
      + #"{"upTo": "100%", "soak": "1m"}]"#
    let few = try draft(policy(#""stages": \#(skipped)"#), population: 1)
    #expect(few.stages.map(\.plan.signOff) == [true])
    var rollout = try started(policy(#""stages": \#(stages)"#), population: 100)
    rollout.add(1, .succeeded)
    _ = Gate.advance(&rollout, now: noon)
    let soaked = noon + .minutes(1)
    #expect(Gate.advance(&rollout, now: soaked).isEmpty)
    #expect(Gate.evaluate(rollout, now: soaked) == .wait(.signOff(stage: "stage 1")))
    rollout.evolve(.signedOff(0, by: "ann", comment: "fine"), at: soaked)
    #expect(Gate.advance(&rollout, now: soaked) == [.stageOpened(1)])
  }
}
