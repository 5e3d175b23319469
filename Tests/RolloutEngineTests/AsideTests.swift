// AsideTests: devices that give way, are superseded or put their update off, in the machine.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct AsideTests {
  private func apply(
    _ inputs: [ActionInput], to state: Action.State, attempt: Int = 1,
    policy fields: String = #""stages": {"start": 10, "soak": "10m"}"#, kind: Action.Kind = .update
  ) throws -> Action {
    var result = try action(state, kind: kind, attempt: attempt)
    for input in inputs {
      result = try ActionMachine.apply(
        input, to: result, policy: try policy(fields), salt: 1, now: noon)
    }
    return result
  }

  private func leased(_ phase: Action.Phase) -> Action.State { .leased(phase, deadline: noon) }

  @Test func `a device gives way before it installs and finishes from then on`() throws {
    for input in [ActionInput.yield(to: RolloutID(9)), .supersede(by: RolloutID(9))] {
      #expect(try apply([input], to: leased(.downloading)).cancel == .requested)
      #expect(try apply([input], to: leased(.downloading)).isLeased)
      for phase in [Action.Phase.installing, .verifying] {
        #expect(try apply([input], to: leased(phase)) == action(leased(phase)))
      }
      // It was faster than the question.
      let faster = try apply([input, .downloaded], to: leased(.downloading))
      #expect(faster.phase == .installing && faster.cancel == .none && faster.aside == nil)
      let back = try action(leased(.downloading), kind: .rollback)
      #expect(try apply([input], to: leased(.downloading), kind: .rollback) == back)
    }
  }

  @Test func `who gives way keeps the attempt and has a turn again`() throws {
    let yield = ActionInput.yield(to: RolloutID(9))
    let ends: [(Action.Phase, [ActionInput])] = [
      (.offered, [yield]), (.downloading, [yield, .cancelAccepted]),
      (.downloading, [yield, .failed("stopped")]), (.downloading, [yield, .rejected("")]),
      (.downloading, [yield, .expired(silent: true)]),
    ]
    for (phase, inputs) in ends {
      let waiting = try apply(inputs, to: leased(phase), attempt: 3)
      #expect(waiting.state == .retrying(from: noon), "\(inputs)")
      #expect(waiting.standing == .postponed)
      #expect(waiting.aside == .yielded(to: RolloutID(9), since: noon))
      let id = try #require(ActionID(1003))
      let next = ActionMachine.regrant(waiting, id: id, policy: try policy(), now: noon)
      #expect(next.attempt == 3 && next.aside == nil && next.cancel == .none)
    }
  }

  @Test func `what is superseded ends as superseded and is no failure`() throws {
    let supersede = ActionInput.supersede(by: RolloutID(9))
    let ends: [(Action.State, [ActionInput])] = [
      (leased(.offered), [supersede]), (leased(.downloading), [supersede, .cancelAccepted]),
      (leased(.downloading), [supersede, .expired(silent: true)]),
      (.retrying(from: noon), [supersede]),
      (leased(.downloading), [.yield(to: RolloutID(8)), supersede, .cancelAccepted]),
    ]
    for (state, inputs) in ends {
      let over = try apply(inputs, to: state)
      #expect(over.standing == .superseded, "\(inputs)")
      #expect(over.aside == .superseded(by: RolloutID(9), since: noon))
      #expect(!over.standing.isFailure && !over.standing.isVerdict && !over.standing.isExposed)
    }
  }

  @Test func `a device that refused to stop is not asked again`() throws {
    let asked = try apply(
      [.yield(to: RolloutID(9)), .cancelRefused], to: leased(.downloading))
    #expect(asked.cancel == .refused)
    let again = try ActionMachine.apply(
      .supersede(by: RolloutID(9)), to: asked, policy: try policy(), salt: 1, now: noon)
    #expect(again == asked)
  }

  private static let limited =
    #""stages": {"start": 10, "soak": "10m"}, "postpone": {"atMost": "1h", "then": "fail"}"#

  @Test func `a postponement holds no slot and counts neither way`() throws {
    let put = try apply([.rejected("driving")], to: leased(.downloading))
    #expect(put.standing == .postponed && !put.isLeased)
    #expect(put.aside == .postponed(since: noon, reason: "driving"))
    #expect(!put.standing.isExposed && !put.standing.isVerdict)
    // The way back is pressed on with.
    let back = try apply([.rejected("driving")], to: leased(.downloading), kind: .rollback)
    #expect(back.standing == .returnRetrying && back.aside == nil)
  }

  @Test func `postponements in a row count from the first until an installation ends`() throws {
    let policy = try policy(AsideTests.limited)
    let id = try #require(ActionID(1003))
    var waiting = try apply([.rejected("busy")], to: leased(.offered), policy: AsideTests.limited)
    let later = noon + .minutes(30)
    waiting = ActionMachine.regrant(waiting, id: id, policy: policy, now: later)
    waiting = try ActionMachine.apply(.taken, to: waiting, policy: policy, salt: 1, now: later)
    waiting = try ActionMachine.apply(
      .rejected("still busy"), to: waiting, policy: policy, salt: 1, now: later)
    #expect(waiting.standby?.cause == .device("still busy"))
    #expect(waiting.standby?.count == 2 && waiting.standby?.since == noon)
    #expect(waiting.due(under: policy) == noon + .hours(1))
    waiting = ActionMachine.regrant(waiting, id: id, policy: policy, now: later)
    waiting = try ActionMachine.apply(.downloaded, to: waiting, policy: policy, salt: 1, now: later)
    waiting = try ActionMachine.apply(
      .rejected(""), to: waiting, policy: policy, salt: 1, now: later)
    #expect(waiting.standby?.count == 3)
    waiting = ActionMachine.regrant(waiting, id: id, policy: policy, now: later)
    waiting = try ActionMachine.apply(.downloaded, to: waiting, policy: policy, salt: 1, now: later)
    waiting = try ActionMachine.apply(.installed, to: waiting, policy: policy, salt: 1, now: later)
    waiting = try ActionMachine.apply(
      .polled(.expected), to: waiting, policy: policy, salt: 1, now: later)
    #expect(waiting.standing == .succeeded && waiting.aside == nil)
  }

  @Test func `a postponement that lasts too long ends as undelivered where the policy says so`()
    throws
  {
    let policy = try policy(AsideTests.limited)
    let put = try apply([.rejected("busy")], to: leased(.offered), policy: AsideTests.limited)
    func expire(_ wait: Interval, _ policy: Policy) throws -> Action {
      try ActionMachine.apply(
        .expired(silent: true), to: put, policy: policy, salt: 1, now: noon + wait)
    }
    #expect(try expire(Interval(milliseconds: 3_599_999), policy) == put)
    let over = try expire(.hours(1), policy)
    #expect(over.standing == .undelivered && !over.standing.isFailure && !over.standing.isExposed)
    #expect(over.failure?.cause == .postponed)
    #expect(over.failure?.detail.contains("busy") == true)
    // By default it may wait as long as it likes.
    let patient = try RolloutEngineTests.policy()
    #expect(put.due(under: patient) == nil)
    #expect(try expire(.days(400), patient) == put)
  }

  @Test func `every reason to stand aside has its own words`() {
    let reasons: [Aside] = [
      .postponed(since: noon, reason: "driving"), .yielded(to: RolloutID(7), since: noon),
      .superseded(by: RolloutID(7), since: noon),
    ]
    #expect(Set(reasons.map(\.clause)).count == reasons.count)
    #expect(reasons[2].clause == "superseded by rollout 7")
  }
}
