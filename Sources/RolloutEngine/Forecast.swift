// Forecast: what a rollout will be like, before it starts: steps, times, harm and load.
//
// The sizes are those that the gate itself would allow for the assumed failures. Three courses:
// earliest (nothing fails, everything is quick), expected (the assumed failure rate, mean waits)
// and latest (failures as in one of twenty rollouts, longest waits, verdicts at their deadline).
// Not a promise: a forecast knows nothing of persons who decide, of outages or of devices that
// share a fault.

public import UpdateModel

/// What a rollout will be like if some assumptions hold.
public struct Forecast: Equatable, Sendable {
  /// One step: the devices that may begin at the same time.
  public struct Step: Equatable, Sendable {
    /// New devices of each stratum, in the order given.
    public let new: [Int]
    /// Devices of all steps so far, this one included.
    public let cumulative: Int
    /// When it begins, from the start of the rollout.
    public let start: Interval
    /// When it has its last verdict, from the start of the rollout.
    public let end: Interval
    /// The upper bound of the failure rate that is known when it begins.
    public let upper: Double
    /// The same for each stratum, in the order given.
    public let upperByStratum: [Double]
    /// Failures to be expected at most, if the bound holds: bound times devices that are reached.
    public let harmedMean: Double
    /// The failures that it stays within with 95 % chance, if the bound holds.
    public let harmed95: Int
    /// Bytes that its devices ask for each second, or the limit.
    public let bytesPerSecond: Double
    /// Downloads at the same time.
    public let downloads: Int
    /// Whether steps have not grown for so long that a person has to let it begin.
    public let needsPerson: Bool

    /// New devices of all strata.
    public var size: Int { new.reduce(0, +) }
  }

  /// One course that the rollout may take.
  public struct Course: Equatable, Sendable {
    /// The steps, in order; empty without devices.
    public let steps: [Step]
    /// Whether every device gets its offer in them. If not, the gate allows no further step.
    public let isComplete: Bool
    /// When 99 of 100 devices that can be reached have the release: the last step was picked up.
    public let delivered: Interval

    /// When the last verdict is in.
    public var end: Interval { steps.last?.end ?? .zero }
    /// The most bytes a second.
    public var bytesPerSecondPeak: Double { steps.map(\.bytesPerSecond).max() ?? 0 }
    /// The most downloads at the same time.
    public var downloadsPeak: Int { steps.map(\.downloads).max() ?? 0 }
  }

  /// What was assumed.
  public let assumptions: ForecastAssumptions
  /// Nothing fails and nobody waits for a window.
  public let earliest: Course
  /// The assumed failure rate and mean waits.
  public let expected: Course
  /// Failures as in one of twenty rollouts, the longest waits, verdicts at their deadline.
  public let latest: Course

  /// The most devices that a release costs which destroys every device of one model: the first step
  /// of a stratum is all that is risked on it while nothing is known.
  public var firstExposureMax: Int {
    let sizes = assumptions.strata.map(\.size).max() ?? 0
    return min(sizes, assumptions.parameters.first)
  }

  /// Whether the daily window is so short that a device does not poll in it every day.
  public var isWindowRare: Bool { assumptions.window.map { $0 < assumptions.poll } ?? false }

  /// What a number of devices that may begin at the same time ask of the network.
  public struct Load: Equatable, Sendable {
    /// How long it takes until the last of them has begun.
    public let spread: Interval
    /// Bytes that they ask for each second, or the limit.
    public let bytesPerSecond: Double
    /// Downloads at the same time.
    public let downloads: Int
  }

  /// The load of `new` devices once `offered` others had their offer; both 0 or more.
  public static func load(
    of new: Int, after offered: Int, _ assumptions: ForecastAssumptions
  ) -> Load { ForecastPace(assumptions).load(new: new, after: offered) }

  /// Computes the three courses.
  public init(_ assumptions: ForecastAssumptions) {
    self.assumptions = assumptions
    let rate = assumptions.failureRate
    let pace = ForecastPace(assumptions)
    earliest = pace.course(wait: 0, tail: 0) { _ in 0 }
    expected = pace.course(
      wait: pace.windowMean, tail: pace.retryMean
    ) { StageForecast.expectedFailures(rate, $0) }
    latest = pace.course(
      wait: pace.windowMost, tail: pace.retryMost + pace.deadline
    ) { min($0, ExactBinomial.quantile(0.95, trials: $0, rate: rate)) }
  }
}
