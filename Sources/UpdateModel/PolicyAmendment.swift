// PolicyAmendment: which parts of a policy may change while a rollout that follows it is under way.

extension Policy {
  /// The first part that differs although a rollout under way cannot change it; nil when none
  /// does.
  ///
  /// What was planned from it or counted by it is fixed: stages, canary group, strata, the soak
  /// time by which devices ripen. What is looked up at each decision may change: tolerance, budget,
  /// limits, retry, timeouts, windows, what an abort does.
  public func partFixed(against other: Policy) -> String? {
    if name != other.name { return "name" }
    if canary != other.canary { return "canary" }
    if stages != other.stages { return "stages" }
    guard let evidence, let new = other.evidence else {
      return (evidence == nil) == (other.evidence == nil) ? nil : "gate"
    }
    if evidence.soak != new.soak { return "gate.soak" }
    if evidence.verdictWithin != new.verdictWithin { return "gate.verdictWithin" }
    if evidence.silentAfter != new.silentAfter, evidence.verdictWithin == nil {
      return "gate.silentAfter"
    }
    if evidence.strata != new.strata { return "gate.strata" }
    if evidence.domain != new.domain { return "gate.domain" }
    if evidence.metrics != new.metrics { return "gate.metrics" }
    if limits.domains != other.limits.domains { return "limits.domains" }
    return nil
  }
}
