// ReturnGate: how many devices may be on their way back: a few first, more as they arrive.

import UpdateModel

/// The gate of the way back. A rollback is a rollout too: what devices are brought back to may fail
/// as well, on a flash that is worn or with data that was converted.
public enum ReturnGate {
  /// What the gate says about the next device.
  public enum Answer: Equatable, Sendable {
    /// It may be brought back.
    case open
    /// So many devices are on their way, or came back without their proof yet; others wait.
    case wait(underWay: Int)
    /// Too many failed on the way back; a person has to look.
    case held(failed: Int, of: Int)
  }

  /// Judges by the counters alone. Without evidence in the policy nothing is held back.
  ///
  /// At first as many devices may be under way as went first on the way there; each that arrives
  /// lets `growth` more follow. When those that failed are more than the tolerance explains, nobody
  /// follows until a person says so.
  public static func judge(_ rollout: Rollout) -> Answer {
    guard let terms = rollout.policy.evidence, !rollout.isReturnForced else { return .open }
    let tally = rollout.tally
    let failed = tally[.returnFailed]
    let arrived = tally[.returned]
    let underWay = tally[.returning] + tally[.returnRetrying]
    let parameters = GateParameters(terms)
    // One that fails among the first says nothing yet; the tolerance is for the release, and a way
    // back that loses one device in twenty still saves the other nineteen.
    let e = EValue.logAbort(
      failures: failed, trials: failed + arrived, tolerance: max(parameters.tolerance, 0.05))
    if e >= EValue.threshold(alpha: parameters.alphaAbort) {
      return .held(failed: failed, of: failed + arrived)
    }
    let allowed = terms.first * max(1, rollout.strata.count) + terms.growth * arrived
    return underWay + failed < allowed ? .open : .wait(underWay: underWay)
  }
}
