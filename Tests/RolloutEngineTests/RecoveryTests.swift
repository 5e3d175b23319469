// RecoveryTests: what a stopped rollout wants from a device.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct RecoveryTests {
  private func stopped(rollback: Bool, limits: String = "{}") throws -> Rollout {
    var rollout = try started(
      policy(#""stages": {"start": 10, "soak": "1m"}, "limits": \#(limits)"#), population: 10)
    rollout.evolve(.stopped(.person("ann"), rollback: rollback), at: noon)
    return rollout
  }

  private func decide(
    _ action: Action, _ rollout: Rollout, runsRelease: Bool = false
  ) -> Recovery {
    Recovery.decide(action, runsRelease: runsRelease, in: rollout, now: noon)
  }

  @Test func `a rollout that was not stopped wants nothing`() throws {
    let rollout = try started(policy(), population: 3)
    #expect(decide(try action(.ended(.succeeded)), rollout, runsRelease: true) == .nothing)
  }

  @Test func `what is under way is cancelled once, but not when it is installed`() throws {
    let rollout = try stopped(rollback: true)
    for phase in Action.Phase.allCases {
      let lease = Action.State.leased(phase, deadline: noon)
      let wanted: Recovery = phase == .verifying ? .nothing : .cancel
      #expect(decide(try action(lease), rollout) == wanted, "\(phase)")
      #expect(decide(try action(lease, cancel: .requested), rollout) == .nothing)
      #expect(decide(try action(lease, cancel: .refused), rollout) == .nothing)
      #expect(decide(try action(lease, kind: .rollback), rollout) == .nothing)
    }
    #expect(decide(try action(.retrying(from: noon)), rollout) == .cancel)
  }

  @Test(arguments: Action.Outcome.allCases)
  func `devices that may run the release turn back, others do not`(
    outcome: Action.Outcome
  ) throws {
    let back = Recovery.turnBack(ReleaseID(1))
    let wanted: (runs: Recovery, runsNot: Recovery) =
      switch outcome {
      case .succeeded, .unverified: (back, back)
      case .failed, .lost, .cancelled, .undelivered: (back, .nothing)
      case .superseded, .returned, .returnFailed, .stranded: (.nothing, .nothing)
      }
    let rollout = try stopped(rollback: true)
    #expect(decide(try action(.ended(outcome)), rollout, runsRelease: true) == wanted.runs)
    #expect(decide(try action(.ended(outcome)), rollout, runsRelease: false) == wanted.runsNot)
    #expect(
      decide(try action(.ended(outcome)), try stopped(rollback: false), runsRelease: true)
        == .nothing)
  }

  @Test func `a device with nothing to go back to is stranded once`() throws {
    let rollout = try stopped(rollback: true)
    let lone = try action(.ended(.succeeded), fallback: nil)
    #expect(decide(lone, rollout) == .strand)
    #expect(decide(lone.stranded(now: noon), rollout) == .nothing)
  }

  @Test func `a way back obeys the limits`() throws {
    var rollout = try stopped(rollback: true, limits: #"{"concurrent": 1}"#)
    rollout.add(1, .returning)
    #expect(
      decide(try action(.ended(.succeeded)), rollout)
        == .wait(.deferred(.concurrencyLimit(1))))
  }

  @Test func `a way back is tried again after its wait`() throws {
    let rollout = try stopped(rollback: true)
    let later = noon + .minutes(1)
    #expect(
      decide(try action(.retrying(from: later), kind: .rollback), rollout)
        == .wait(.deferred(.backingOff(until: later))))
    #expect(
      decide(try action(.retrying(from: noon), kind: .rollback), rollout) == .retryTurnBack)
  }

  @Test func `a device that turns up after the end is still brought back`() throws {
    var rollout = try stopped(rollback: true)
    rollout.evolve(.rolledBack, at: noon)
    #expect(
      decide(try action(.ended(.lost)), rollout, runsRelease: true) == .turnBack(ReleaseID(1)))
  }

  @Test func `a device that waits to retry its way back does not block itself`() throws {
    var rollout = try stopped(rollback: true, limits: #"{"concurrent": 1}"#)
    let waiting = try action(.retrying(from: noon), kind: .rollback)
    rollout.add(1, waiting.standing)
    #expect(decide(waiting, rollout) == .retryTurnBack)
  }
}
