// HealthCheck: whether a system on trial is well: every program and the server, within a deadline.

internal import UpdateModel

/// Runs the checks of a trial once.
struct HealthCheck {
  let setup: HealthSetup
  let programs: any ProgramRunner
  let clock: DeviceClock

  /// What is wrong; nothing when all passed in time. `start` is when the trial started, by the
  /// same clock: what was done before the checks takes its share of the deadline.
  func run(since start: Interval, isServerReachable: () -> Bool) -> UpdateFailure? {
    let deadline = start + setup.deadline
    for check in setup.checks {
      if let failure = run(check, until: deadline) { return failure }
    }
    guard setup.needsServer else { return nil }
    while true {
      if isServerReachable() { return nil }
      guard clock.now() < deadline else { return late("no poll was answered") }
      clock.wait(setup.pause)
    }
  }

  private func run(
    _ check: HealthSetup.Check, until deadline: Interval
  ) -> UpdateFailure? {
    var attempts = 0
    while true {
      let left = deadline - clock.now()
      guard left > .zero else { return late("the check \(check.name) did not pass") }
      let result = programs.run(check.call.limited(to: left))
      if result.isSuccess { return nil }
      attempts += 1
      guard attempts < check.attempts else {
        return UpdateFailure(.health, "the check \(check.name) \(result.text)")
      }
      clock.wait(setup.pause)
    }
  }

  private func late(_ what: String) -> UpdateFailure {
    UpdateFailure(.health, "\(what) within \(setup.deadline)")
  }
}
