// TimeoutTests: one promise for each timeout of a policy, a millisecond before and at its end.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct TimeoutTests {
  private static let fields = #"""
    "stages": {"start": 10, "soak": "1m"}, "timeouts": {
      "accept": "1m", "download": "2m", "install": "3m", "verify": "40m", "reboot": "5m"}
    """#

  /// Where a lease stands just before and at the end of the time its phase has. It is entered at
  /// noon by the input that leads to it, from the phase before.
  private func outcomes(
    entered input: ActionInput?, from phase: Action.Phase, lasts: Interval, silent: Bool
  ) throws -> (before: Action, after: Action) {
    let policy = try policy(TimeoutTests.fields)
    var lease = try action(.leased(phase, deadline: noon + policy.timeouts.accept))
    if let input {
      lease = try ActionMachine.apply(input, to: lease, policy: policy, salt: 1, now: noon)
    }
    func expire(_ wait: Interval) throws -> Action {
      try ActionMachine.apply(
        .expired(silent: silent), to: lease, policy: policy, salt: 1, now: noon + wait)
    }
    let early = Interval(milliseconds: lasts.milliseconds - 1)
    #expect(try expire(early) == lease, "nothing happens before the time is over")
    return (try expire(early), try expire(lasts))
  }

  @Test(arguments: [true, false])
  func `accept: an offer that nobody takes up lapses and costs an attempt`(silent: Bool) throws {
    let (before, after) = try outcomes(
      entered: nil, from: .offered, lasts: .minutes(1), silent: silent)
    #expect(before.phase == .offered)
    #expect(after.standing == .retrying)
    #expect(after.failure?.cause == .timeout)
    #expect(after.failure?.detail == "did not fetch its instructions in time")
  }

  @Test(arguments: [true, false])
  func `download: a download that takes too long fails`(silent: Bool) throws {
    let (before, after) = try outcomes(
      entered: .taken, from: .offered, lasts: .minutes(2), silent: silent)
    #expect(before.phase == .downloading)
    #expect(after.standing == .retrying)
    #expect(after.failure?.detail == "did not finish the download in time")
  }

  @Test func `install: a device that installs too long fails, a silent one is lost`() throws {
    let (before, after) = try outcomes(
      entered: .downloaded, from: .downloading, lasts: .minutes(3), silent: false)
    #expect(before.phase == .installing)
    #expect(after.failure?.cause == .timeout)
    let silent = try outcomes(
      entered: .downloaded, from: .downloading, lasts: .minutes(3), silent: true)
    #expect(silent.after.standing == .lost)
  }

  @Test func `verify: a device that never proves its version fails, a silent one is lost`() throws {
    let (before, after) = try outcomes(
      entered: .installed, from: .installing, lasts: .minutes(40), silent: false)
    #expect(before.phase == .verifying)
    #expect(after.failure?.cause == .wrongVersion)
    let silent = try outcomes(
      entered: .installed, from: .installing, lasts: .minutes(40), silent: true)
    #expect(silent.after.standing == .lost)
  }

  @Test func `reboot: a device may name its old version until the time to reboot is over`() throws {
    let policy = try policy(TimeoutTests.fields)
    let lease = try ActionMachine.apply(
      .installed, to: try action(.leased(.installing, deadline: noon + .hours(1))), policy: policy,
      salt: 1, now: noon)
    func say(_ wait: Interval) throws -> Action {
      try ActionMachine.apply(
        .polled(.other), to: lease, policy: policy, salt: 1, now: noon + wait)
    }
    #expect(try say(Interval(milliseconds: 299_999)) == lease)
    #expect(try say(.minutes(5)).failure?.cause == .wrongVersion)
  }
}
