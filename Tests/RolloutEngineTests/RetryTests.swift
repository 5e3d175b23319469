// RetryTests: repetition by kind of failure, and the budget that the whole rollout has for it.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct RetryTests {
  private static let classes = #"""
    "stages": {"start": 10, "soak": "1m"}, "retry": {
      "attempts": 3, "backoff": "5m", "jitter": "0%", "classes": {
        "download": {"attempts": 10, "backoff": "1m"}, "install": {"attempts": 2},
        "wrong-version": {"attempts": 1}}}
    """#

  private func apply(
    _ input: ActionInput, _ action: Action, _ policy: Policy, after wait: Interval = .hours(2)
  ) throws -> Action {
    try ActionMachine.apply(input, to: action, policy: policy, salt: 1, now: noon + wait)
  }

  private func lease(_ phase: Action.Phase, attempt: Int) throws -> Action {
    try action(.leased(phase, deadline: noon + .hours(1)), attempt: attempt)
  }

  @Test(arguments: [
    // Phase and input, the last attempt that is repeated.
    (Action.Phase.downloading, ActionInput.failed("x"), 9),
    (.installing, .failed("x"), 1),
    (.verifying, .polled(.other), 0),
    (.verifying, .expired(silent: false), 0),
    // No class of its own: what the policy says for all.
    (.offered, .expired(silent: true), 2),
    (.downloading, .expired(silent: false), 2),
    (.installing, .expired(silent: false), 2),
  ])
  func `each kind of failure has its own number of attempts`(
    phase: Action.Phase, input: ActionInput, last: Int
  ) throws {
    let policy = try policy(RetryTests.classes)
    for attempt in 1...10 {
      let after = try apply(input, lease(phase, attempt: attempt), policy)
      let isRepeated = if case .retrying = after.state { true } else { false }
      #expect(isRepeated == (attempt <= last), "attempt \(attempt)")
      if !isRepeated { #expect(after.state == .ended(.failed)) }
    }
  }

  @Test func `the wait is that of the last failure's kind`() throws {
    let policy = try policy(RetryTests.classes)
    let download = try apply(.failed("x"), lease(.downloading, attempt: 1), policy)
    #expect(download.state == .retrying(from: noon + .hours(2) + .minutes(1)))
    // Doubled with each attempt, of whatever kind the ones before were.
    let third = try apply(.failed("x"), lease(.downloading, attempt: 3), policy)
    #expect(third.state == .retrying(from: noon + .hours(2) + .minutes(4)))
    // Inherited from the terms for all.
    let install = try apply(.failed("x"), lease(.installing, attempt: 1), policy)
    #expect(install.state == .retrying(from: noon + .hours(2) + .minutes(5)))
  }

  @Test func `a release that does not stay is tried again only where the policy names it`() throws {
    let done = try action(.ended(.succeeded))
    let without = try apply(.polled(.other), done, policy(RetryTests.classes))
    #expect(without.state == .ended(.failed))
    #expect(without.failure?.cause == .reverted)
    let named = try policy(
      #""stages": {"start": 10, "soak": "1m"}, "retry": {"classes": {"reverted": {"attempts": 2}}}"#
    )
    let again = try apply(.polled(.other), done, named)
    #expect(again.standing == .retrying)
    #expect(again.failure?.cause == .reverted)
    let second = try action(.ended(.succeeded), attempt: 2)
    #expect(try apply(.failed("x"), second, named).state == .ended(.failed))
  }

  // MARK: The budget

  private func budgeted(_ budget: String, population: Int = 100) throws -> Rollout {
    try started(
      policy(#""stages": {"start": 100, "soak": "1m"}, "retry": {"budget": \#(budget)}"#),
      population: population)
  }

  private func decide(_ rollout: Rollout, _ action: Action?) throws -> Eligibility {
    let candidate = Candidate(
      device: try DeviceID("d1"), fits: true, isTargeted: true, runsRelease: false, isCanary: false)
    return Eligibility.decide(candidate, action: action, in: rollout, now: noon + .days(1))
  }

  private func waiting(_ kind: Action.Kind = .update) throws -> Action {
    try action(.retrying(from: noon), kind: kind, failure: Action.Failure(.install, "x"))
  }

  private func granted(_ attempt: Int, failed: Bool = true) throws -> Action {
    try action(
      .leased(.offered, deadline: noon), attempt: attempt,
      failure: failed ? Action.Failure(.install, "x") : nil)
  }

  @Test func `a spent budget defers repetitions, with a reason, and first attempts go on`() throws {
    var rollout = try budgeted(#"{"share": "10%", "minimum": 2}"#)
    rollout.add(5, .retrying)
    for _ in 0..<2 {
      #expect(try decide(rollout, waiting()) == .eligible(stage: 0))
      rollout.grant(try granted(2), bytes: 0, at: noon)
    }
    let answer = try decide(rollout, waiting())
    #expect(answer == .deferred(.retryBudget(2)))
    #expect(answer.sentence(in: rollout).contains("2 repeated attempts"))
    #expect(try decide(rollout, nil) == .eligible(stage: 0))
  }

  @Test func `the budget grows with the devices granted`() throws {
    var rollout = try budgeted(#"{"share": "10%", "minimum": 1}"#)
    rollout.add(29, .succeeded)
    for _ in 0..<2 { rollout.grant(try granted(2), bytes: 0, at: noon) }
    #expect(try decide(rollout, waiting()) == .deferred(.retryBudget(2)))
    rollout.add(1, .succeeded)
    #expect(try decide(rollout, waiting()) == .eligible(stage: 0))
  }

  @Test func `first attempts and postponed ones spend nothing`() throws {
    var rollout = try budgeted(#"{"share": "0%", "minimum": 1}"#)
    rollout.grant(try granted(1, failed: false), bytes: 0, at: noon)
    rollout.grant(try granted(2, failed: false), bytes: 0, at: noon)
    #expect(rollout.retries == 0)
    rollout.grant(try granted(2), bytes: 0, at: noon)
    #expect(rollout.retries == 1)
    // It puts off its second attempt; no budget is needed to take it up again.
    let postponed = try action(.retrying(from: noon), attempt: 2)
    #expect(try decide(rollout, postponed) == .eligible(stage: 0))
  }

  @Test func `the way back needs no budget`() throws {
    var rollout = try budgeted(#"{"share": "0%", "minimum": 1}"#)
    rollout.grant(try granted(2), bytes: 0, at: noon)
    rollout.evolve(.stopped(.person("ann"), rollback: true), at: noon)
    #expect(
      Recovery.decide(
        try waiting(.rollback), runsRelease: true, in: rollout, now: noon + .days(1))
        == .retryTurnBack)
    rollout.grant(
      try action(
        .leased(.offered, deadline: noon), kind: .rollback, attempt: 3,
        failure: Action.Failure(.install, "x")), bytes: 0, at: noon)
    #expect(rollout.retries == 1)
  }

  @Test func `a restart recounts the repetitions from the attempts`() throws {
    var rollout = try budgeted(#"{"share": "0%", "minimum": 5}"#)
    for attempt in [1, 3, 2] {
      rollout.restoreGrant(of: try granted(attempt), largest: 0, at: noon + .days(1))
    }
    #expect(rollout.retries == 3)
  }
}
