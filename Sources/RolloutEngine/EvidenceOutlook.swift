// EvidenceOutlook: what the evidence of this moment would allow, to be shown; decides nothing.

public import UpdateModel

/// How far the evidence has come: bounds, and the step that would open if all verdicts were in.
public struct EvidenceOutlook: Equatable, Sendable {
  /// The rollout with everything ripened that ripens by time.
  public let rollout: Rollout
  /// The upper bound of the failure rate of each stratum, from 0 to 1; nil where nothing is known
  /// and for strata in quarantine.
  public let upper: [Double?]
  /// The bound of all strata in good standing together; nil while nothing is known.
  public let upperAll: Double?
  /// Devices of each stratum that the next step would take in; all zero when it would be none.
  public let next: [Int]

  /// Looks at a rollout; nil without evidence. A bound takes some 600 logarithms, and there is one
  /// per stratum.
  public init?(_ rollout: Rollout, now: Instant) {
    guard let terms = rollout.policy.evidence else { return nil }
    var present = rollout
    present.pass(to: now)
    let strata = present.stratumCounts
    let parameters = GateParameters(terms)
    let devices = strata.reduce(0) { $0 + $1.size }
    let step = EvidenceGate.nextStep(
      strata, lossEstimate: present.control.map(ControlCounts.init)?.lossEstimate ?? 0,
      budget: EvidenceGate.budget(devices: devices, parameters: parameters),
      parameters: parameters)
    func isKnown(_ counts: StratumCounts) -> Bool {
      !counts.isQuarantined && counts.reported + counts.lost + counts.matured > 0
    }
    upper = zip(strata, step.upper).map { isKnown($0) ? $1 : nil }
    upperAll = strata.contains(where: isKnown) ? step.upperAll : nil
    var next = strata.map { _ in 0 }
    for (size, index) in zip(step.sizes, strata.indices.filter { !strata[$0].isQuarantined }) {
      next[index] = size.count
    }
    self.next = Plan.capped(next, of: present)
    self.rollout = present
  }
}

extension Int {
  /// For people: `12,345`.
  var grouped: String {
    let digits = String(magnitude)
    var text = self < 0 ? "-" : ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position).isMultiple(of: 3) { text += "," }
      text.append(digit)
    }
    return text
  }

  /// `1 device`, `3 devices`.
  func counting(_ noun: String) -> String { "\(grouped) \(noun)\(self == 1 ? "" : "s")" }
}
