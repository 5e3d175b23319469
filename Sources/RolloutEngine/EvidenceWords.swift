// EvidenceWords: decisions of the statistical gate in words that a release engineer understands.

import UpdateModel

struct EvidenceWords {
  let rollout: Rollout
  let terms: Policy.Evidence

  func sentence(_ decision: GateDecision) -> String {
    let live = rollout.strata.filter { $0.quarantine == nil }
    let exposed = live.reduce(0) { $0 + $1.evidence.exposed }
    let reported = live.reduce(0) { $0 + rollout.failures(in: $1.evidence) }
    let lost = live.reduce(0) { $0 + $1.evidence.lost }
    let matured = live.reduce(0) { $0 + $1.evidence.matured }
    let harm = "\(reported) failed and \(lost) fell silent of \(exposed) that began to install"
    switch decision.verdict {
    case .abort, .quarantine:
      let worst = worstStratum(decision)
      return "\(harm)\(worst); the policy tolerates \(terms.tolerance)"
    case .pause:
      return "only \(rollout.control?.heard ?? .none) of the devices that are not updated are "
        + "heard: an outage; clocks stand still until \(terms.minHeard) are heard"
    case .wait:
      let of = live.reduce(0) { $0 + $1.opened }
      let have = reported + lost + matured
      return "\(rollout.stages.last?.plan.name ?? "the rollout") waits: \(have) of \(of) devices "
        + "have reached their verdict; \(bound(decision, failures: reported + lost, matured))"
    case .complete: return "every device is open and has its verdict: \(harm)"
    case .hold:
      return "steps no longer grow: \(harm); \(bound(decision, failures: reported + lost, matured))"
        + "; continue, loosen the policy or abort"
    case .advance:
      return exposed == 0
        ? "nothing is known yet, so \(terms.first) devices of each kind go first"
        : "\(harm); \(bound(decision, failures: reported + lost, matured))"
    }
  }

  private func bound(_ decision: GateDecision, failures: Int, _ matured: Int) -> String {
    let alpha = Double(terms.alphaAdvance.basisPoints) / 10_000
    let upper =
      failures + matured == 0
      ? 1 : RateBound.upper(failures: failures, trials: failures + matured, alpha: alpha)
    return "upper bound on failures \(max(0, upper - decision.lossEstimate).percentText), "
      + "the policy allows \(terms.tolerance)"
  }

  private func worstStratum(_ decision: GateDecision) -> String {
    let named = rollout.strata.filter { decision.quarantine.contains($0.label) }
    guard !named.isEmpty else { return "" }
    let parts = named.map {
      "\($0.label): \(rollout.failures(in: $0.evidence)) failed, \($0.evidence.lost) silent of "
        + "\($0.evidence.exposed)"
    }
    return " (\(parts.joined(separator: "; ")))"
  }
}
