// Judgement: one decision of the gate with everything it was decided from, for the record.

public import UpdateModel

/// What the gate found at one instant, in words and in numbers.
public struct Judgement: Equatable, Sendable {
  /// When it was judged.
  public let at: Instant
  /// The decision with its e-values, bounds and sizes.
  public let decision: GateDecision
  /// The counters of each stratum that it was decided from.
  public let strata: [StratumCounts]
  /// The control cohort it was decided from.
  public let control: ControlCounts
  /// The step it was decided about.
  public let step: StepCounts
  /// The reason for people.
  public let sentence: String

  /// Joins the facts.
  public init(
    at: Instant, decision: GateDecision, strata: [StratumCounts], control: ControlCounts,
    step: StepCounts, sentence: String
  ) {
    self.at = at
    self.decision = decision
    self.strata = strata
    self.control = control
    self.step = step
    self.sentence = sentence
  }
}

/// Why the gate leaves the next step to a person.
public enum Hold: Equatable, Sendable {
  /// The evidence neither condemns the release nor allows steps that grow.
  case stalled(String)
  /// Too many devices could not fetch the image.
  case delivery(failed: Int, granted: Int)

  /// Whether nothing is granted meanwhile.
  public var stopsGrants: Bool { if case .delivery = self { true } else { false } }

  /// One sentence.
  public var sentence: String {
    switch self {
    case .stalled(let reason): reason
    case .delivery(let failed, let granted):
      "\(failed) of \(granted) devices could not fetch the image; look at the network, the "
        + "storage and the signature, then resume"
    }
  }
}

extension Double {
  /// A share for people: `0.93 %`.
  var percentText: String {
    guard isFinite else { return "100 %" }
    let hundredths = (self * 10_000).rounded()
    let value = hundredths / 100
    return value == value.rounded() ? "\(Int(value)) %" : "\(value) %"
  }
}
