// ActionMachineTests: every state with every input, as a table.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct ActionMachineTests {
  private static let inputs: [ActionInput] = [
    .taken, .downloaded, .installed, .failed("bad"), .rejected(""), .polled(.expected),
    .polled(.other), .polled(.stale), .polled(.unknown), .expired(silent: true),
    .expired(silent: false), .cancelRequested, .cancelAccepted, .cancelRefused,
  ]

  private static let states: [(word: String, state: Action.State)] = {
    let phases = Action.Phase.allCases.map { ("\($0)", Action.State.leased($0, deadline: noon)) }
    let outcomes = Action.Outcome.allCases.map { ("\($0)", Action.State.ended($0)) }
    return phases + [("retrying", .retrying(from: noon))] + outcomes
  }()

  // Columns in the order of `inputs`. "=": nothing changes; "gone": refused; "asked" and "refused":
  // only the cancellation changes.
  private static let update = """
    offered      downloading installing verifying retrying retrying = = = = retrying retrying \
    cancelled cancelled refused
    downloading  = installing verifying retrying retrying = = = = retrying retrying \
    asked cancelled refused
    installing   = = verifying retrying retrying = = = = lost retrying \
    asked cancelled refused
    verifying    = = = retrying = succeeded retrying = unverified lost retrying \
    = = refused
    retrying     = gone verifying = = succeeded = = = = = cancelled cancelled =
    succeeded    gone gone = failed gone = failed = = = = = gone gone
    unverified   gone gone = failed gone succeeded failed = = = = = gone gone
    failed       gone gone = = gone succeeded = = = = = = gone gone
    lost         gone gone verifying retrying gone succeeded retrying retrying retrying = = = \
    gone gone
    cancelled    gone gone verifying = gone = = = = = = = = gone
    returned     gone gone = gone gone = = = = = = = gone gone
    returnFailed gone gone gone = gone returned = = = = = = gone gone
    stranded     gone gone gone gone gone = = = = = = = gone gone
    undelivered  gone gone verifying = = succeeded = = = = = = gone gone
    superseded   gone gone verifying = gone = = = = = = = = gone
    """

  @Test(arguments: update.split(separator: "\n").map(String.init))
  func `each input leads where the table says`(line: String) throws {
    let words = line.split(separator: " ").map(String.init)
    let state = try #require(ActionMachineTests.states.first { $0.word == words[0] }?.state)
    #expect(words.count == ActionMachineTests.inputs.count + 1)
    let before = try action(state)
    for (input, expected) in zip(ActionMachineTests.inputs, words.dropFirst()) {
      #expect(try result(of: input, on: before) == expected, "\(words[0]) with \(input)")
    }
  }

  private func result(
    of input: ActionInput, on before: Action, after wait: Interval = .hours(2)
  ) throws -> String {
    let after: Action
    do {
      after = try ActionMachine.apply(
        input, to: before, policy: try policy(), salt: 1, now: noon + wait)
    } catch ActionRefusal.closed {
      return "gone"
    }
    if after == before { return "=" }
    if after.state == before.state {
      return after.cancel == .requested ? "asked" : "\(after.cancel)"
    }
    switch after.state {
    case .leased(let phase, _): return "\(phase)"
    case .retrying: return "retrying"
    case .ended(let outcome): return "\(outcome)"
    }
  }

  @Test func `the last attempt fails for good, a way back as return-failed`() throws {
    let lease = Action.State.leased(.installing, deadline: noon)
    #expect(try result(of: .failed("x"), on: action(lease, attempt: 2)) == "retrying")
    #expect(try result(of: .failed("x"), on: action(lease, attempt: 3)) == "failed")
    #expect(
      try result(of: .failed("x"), on: action(lease, kind: .rollback, attempt: 3))
        == "returnFailed")
    #expect(try result(of: .failed("x"), on: action(lease, cancel: .requested)) == "cancelled")
  }

  @Test func `a way back that is proven is returned`() throws {
    let proof = Action.State.leased(.verifying, deadline: noon)
    for running in [ActionInput.Running.expected, .unknown] {
      #expect(
        try result(of: .polled(running), on: action(proof, kind: .rollback)) == "returned")
    }
    #expect(
      try result(of: .polled(.expected), on: action(.ended(.lost), kind: .rollback))
        == "returned")
  }

  @Test func `a lease lives until its deadline and not longer`() throws {
    let lease = try action(.leased(.downloading, deadline: noon + .hours(2)))
    let silent = ActionInput.expired(silent: true)
    #expect(
      try result(of: silent, on: lease, after: Interval(milliseconds: 7_199_999)) == "=")
    #expect(try result(of: silent, on: lease, after: .hours(2)) == "retrying")
  }

  @Test func `an old version counts as failure only when the time to reboot is over`() throws {
    let proof = try action(.leased(.verifying, deadline: noon + .hours(2)))
    #expect(try result(of: .polled(.other), on: proof, after: .minutes(10)) == "=")
    #expect(try result(of: .polled(.other), on: proof, after: .minutes(11)) == "retrying")
  }

  @Test func `a device given up for lateness may still report that it installed`() throws {
    let late = try action(.ended(.failed), failure: Action.Failure(.timeout, "late"))
    #expect(try result(of: .installed, on: late) == "verifying")
  }

  @Test func `each phase has its own deadline`() throws {
    let policy = try policy()
    func deadline(_ input: ActionInput) throws -> Interval? {
      let before = try action(.leased(.offered, deadline: noon))
      let after = try ActionMachine.apply(input, to: before, policy: policy, salt: 1, now: noon)
      return after.deadline.map { $0 - noon }
    }
    #expect(try deadline(.taken) == .hours(2))
    #expect(try deadline(.downloaded) == .hours(1))
    #expect(try deadline(.installed) == .hours(1))
  }

  @Test func `a postponement uses up no attempt and a failure does`() throws {
    let policy = try policy()
    let id = try #require(ActionID(1003))
    let lease = try action(.leased(.downloading, deadline: noon))
    let inputs: [(ActionInput, Int)] = [(.rejected(""), 1), (.failed("x"), 2)]
    for (input, attempt) in inputs {
      let waiting = try ActionMachine.apply(input, to: lease, policy: policy, salt: 1, now: noon)
      let next = ActionMachine.regrant(waiting, id: id, policy: policy, now: noon + .days(1))
      #expect(next.attempt == attempt)
      #expect(next.id == id)
      #expect(next.previousID == lease.id)
      #expect(next.deadline == noon + .days(1) + policy.timeouts.accept)
    }
  }

  @Test func `a turn back starts the attempts anew`() throws {
    let id = try #require(ActionID(1003))
    let next = ActionMachine.turnBack(
      try action(.ended(.succeeded), attempt: 3), to: ReleaseID(1), id: id,
      policy: try policy(), now: noon)
    #expect(next.kind == .rollback)
    #expect(next.attempt == 1)
    #expect(next.release == ReleaseID(1))
    #expect(next.phase == .offered)
  }

  @Test func `waits grow, stay below the maximum and lose at most the jitter`() throws {
    let retry = try policy().retry
    let expected: [Int64] = [300, 600, 1200, 2400, 4800, 9600, 19_200, 21_600, 21_600, 21_600]
    for (index, seconds) in expected.enumerated() {
      for number in 0..<50 {
        let wait = ActionMachine.backoff(
          after: index + 1, of: try DeviceID("d\(number)"), retry: retry, salt: 3)
        let range = Interval(milliseconds: seconds * 800)...Interval.seconds(seconds)
        #expect(range.contains(wait))
      }
    }
  }

  @Test func `waits differ between devices`() throws {
    let retry = try policy().retry
    let waits = try (0..<50).map {
      ActionMachine.backoff(after: 1, of: try DeviceID("d\($0)"), retry: retry, salt: 3)
    }
    #expect(Set(waits).count > 40)
  }

  @Test func `words of a failure are cut at 512 bytes`() {
    #expect(Action.Failure(.install, String(repeating: "x", count: 600)).detail.utf8.count == 512)
  }
}
