// GateDecision: what the gate decided, with every number that led to it.

/// One decision of the gate, and the evidence behind it.
public struct GateDecision: Equatable, Sendable {
  /// What is to be done.
  public enum Verdict: String, Sendable, CaseIterable {
    /// Stop the rollout and bring devices back.
    case abort = "ABORT"
    /// Take some strata out and go on with the others.
    case quarantine = "QUARANTINE"
    /// Do not widen while the control is silent.
    case pause = "PAUSE"
    /// Verdicts of the open step are missing.
    case wait = "WAIT"
    /// No device is left to offer the release to.
    case complete = "COMPLETE"
    /// A person has to decide.
    case hold = "HOLD"
    /// The next step opens.
    case advance = "ADVANCE"
  }

  /// The size of the next step in one stratum.
  public struct StratumSize: Equatable, Sendable {
    /// The stratum.
    public let id: String
    /// New devices of it; 0 or more.
    public let count: Int
  }

  /// What is to be done.
  public internal(set) var verdict: Verdict
  /// Strata to take out, in the order found; with `abort` those that led to it.
  public internal(set) var quarantine: [String] = []
  /// The next step, for strata that are not quarantined; empty when it did not come to sizes.
  public internal(set) var sizes: [StratumSize] = []
  /// Steps in a row that did not grow, the proposed one included; unchanged when it did not come to
  /// sizes.
  public internal(set) var stall: Int
  /// Failures that may be expected in one step, for a fleet of this size.
  public internal(set) var budget: Double
  /// The evidence against each stratum, in the order given: natural logarithms of e-values.
  public internal(set) var logE: [Double]
  /// The evidence against all strata that were not quarantined before, taken together.
  public internal(set) var logEAll: Double
  /// The upper limit of the ordinary loss, from the control (95 %, Clopper and Pearson).
  public internal(set) var lossUpper: Double
  /// The ordinary loss, from the control.
  public internal(set) var lossEstimate: Double
  /// The upper bound of the failure rate of each stratum, in the order given and 1 for quarantined
  /// ones; empty when it did not come to sizes.
  public internal(set) var upper: [Double] = []
  /// The upper bound of all strata that are not quarantined; nil when it did not come to sizes.
  public internal(set) var upperAll: Double?
  /// `logEAll` at or above this stops the rollout.
  public internal(set) var abortThreshold: Double
  /// `logE` at or above this quarantines a stratum; the same when there is only one.
  public internal(set) var stratumThreshold: Double
}
