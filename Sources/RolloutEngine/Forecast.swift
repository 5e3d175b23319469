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

  /// Computes the three courses.
  public init(_ assumptions: ForecastAssumptions) {
    self.assumptions = assumptions
    let rate = assumptions.failureRate
    let pace = Pace(assumptions)
    earliest = pace.course(wait: 0, tail: 0) { _ in 0 }
    expected = pace.course(
      wait: pace.windowMean, tail: pace.retryMean
    ) { StageForecast.expectedFailures(rate, $0) }
    latest = pace.course(
      wait: pace.windowMost, tail: pace.retryMost + pace.deadline
    ) { min($0, ExactBinomial.quantile(0.95, trials: $0, rate: rate)) }
  }
}

/// The times and loads that follow from assumptions; seconds as floating point.
private struct Pace {
  let assumptions: ForecastAssumptions
  let poll: Double
  /// The share of devices that get the release in the end.
  let reach: Double
  let windowMean: Double
  let windowMost: Double
  let retryMean: Double
  let retryMost: Double

  /// All but one in a thousand count as everybody when polls fail at random.
  private static let nearlyAll = 0.999

  init(_ assumptions: ForecastAssumptions) {
    self.assumptions = assumptions
    poll = max(0.001, assumptions.poll.seconds)
    (windowMean, windowMost) = Pace.windowWait(assumptions.window?.seconds, poll: poll)
    if let retry = assumptions.retry {
      func result(_ failure: Double) -> (success: Double, extra: Double) {
        PollArithmetic.retry(
          failure: failure, retries: retry.retries, backoff: retry.backoff.seconds,
          attempt: retry.attempt.seconds)
      }
      let usual = result(retry.failureRate)
      reach = assumptions.reach * usual.success
      retryMean = usual.extra
      retryMost = retry.failureRate > 0 ? result(1).extra : 0
    } else {
      reach = assumptions.reach
      retryMean = 0
      retryMost = 0
    }
  }

  /// How long after the usual end silent devices are waited for: two polls and the silence that
  /// makes them lost.
  var deadline: Double { assumptions.silence.seconds + 2 * poll }

  private static func windowWait(_ width: Double?, poll: Double) -> (mean: Double, most: Double) {
    guard let width, width > 0 else { return (0, 0) }
    let day = PollArithmetic.daySeconds
    if width >= day { return (0, 0) }
    if width >= poll { return (PollArithmetic.meanWindowWait(width: width), day - width) }
    return (
      PollArithmetic.meanRareWindowWait(width: width, poll: poll),
      PollArithmetic.rareWindowWait(share: nearlyAll, width: width, poll: poll)
    )
  }

  /// Follows the gate step by step.
  func course(
    wait: Double, tail: Double, failures: (Int) -> Int
  ) -> Forecast.Course {
    let sizes = assumptions.strata.map(\.size)
    let planned = StageForecast.steps(
      sizes: sizes, reach: reach, parameters: assumptions.parameters, failures: failures)
    var steps: [Forecast.Step] = []
    var time = 0.0
    var delivered = 0.0
    var offered = 0
    var stall = Stall(parameters: assumptions.parameters, fleet: sizes.reduce(0, +))
    for plan in planned {
      let new = plan.new.reduce(0, +)
      let reached = Double(new) * reach
      let spread = spread(new: new, reached: reached)
      let end =
        time + wait + spread + assumptions.install.seconds + assumptions.soak.seconds + tail
      let load = bytesPerSecond(reached)
      offered += new
      delivered = time + wait + spread
      steps.append(
        Forecast.Step(
          new: plan.new, cumulative: offered, start: Interval(seconds: time),
          end: Interval(seconds: end), upper: plan.upperAll, upperByStratum: plan.upper,
          harmedMean: plan.upperAll * reached,
          harmed95: ExactBinomial.quantile(
            0.95, trials: max(1, Int(reached.rounded(.toNearestOrEven))),
            rate: min(1, plan.upperAll)),
          bytesPerSecond: load, downloads: downloads(load, reached: reached),
          needsPerson: stall.isReached(by: new)))
      time = end
    }
    return Forecast.Course(
      steps: steps, isComplete: offered == sizes.reduce(0, +),
      delivered: Interval(seconds: delivered))
  }

  /// How long the devices of a step take to fetch the release, one after the other.
  private func spread(new: Int, reached: Double) -> Double {
    var spread = poll
    if assumptions.missRate > 0 {
      spread = PollArithmetic.coverageTime(
        share: Pace.nearlyAll, poll: poll, miss: assumptions.missRate)
    }
    if let limit = assumptions.bytesPerSecondMax {
      spread = max(spread, reached * Double(assumptions.payloadBytes) / Double(max(1, limit)))
    }
    if let limit = assumptions.grantsPerMinuteMax {
      spread = max(spread, reached * 60 / Double(max(1, limit)))
    }
    return spread
  }

  private func bytesPerSecond(_ reached: Double) -> Double {
    let payload = Double(assumptions.payloadBytes)
    var load = reached * payload / max(poll, 1)
    if let limit = assumptions.grantsPerMinuteMax { load = min(load, Double(limit) / 60 * payload) }
    if let limit = assumptions.bytesPerSecondMax { load = min(load, Double(limit)) }
    return load
  }

  private func downloads(_ load: Double, reached: Double) -> Int {
    let atOnce = load / Double(max(1, assumptions.deviceBytesPerSecond))
    return Int(min(atOnce, reached).rounded(.up))
  }
}

/// Counts steps in a row that do not grow, as the gate does.
private struct Stall {
  let parameters: GateParameters
  var left: Int
  var previous = 0
  var count = 0

  init(parameters: GateParameters, fleet: Int) {
    self.parameters = parameters
    left = fleet
  }

  /// Takes the next step.
  mutating func isReached(by new: Int) -> Bool {
    let grows = Double(new) >= parameters.stallFactor * Double(previous) || new >= left
    count = grows ? 0 : count + 1
    previous = new
    left -= new
    return count >= parameters.stallLimit
  }
}

extension Interval {
  /// Seconds as floating point.
  fileprivate var seconds: Double { Double(milliseconds) / 1000 }

  /// Rounds to milliseconds; beyond a hundred years no number means anything.
  fileprivate init(seconds: Double) {
    let limit = Double(Interval.days(36_500).milliseconds)
    self.init(milliseconds: Int64(min(limit, max(0, seconds * 1000)).rounded()))
  }
}
