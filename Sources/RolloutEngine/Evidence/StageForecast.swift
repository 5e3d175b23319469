// StageForecast: the steps that the gate would take with a given number of failures.

/// The steps of a rollout whose failures are assumed.
public enum StageForecast {
  /// One step, as the gate would allow it.
  public struct Step: Equatable, Sendable {
    /// New devices of each stratum, in the order given; 0 or more.
    public let new: [Int]
    /// The upper bound of the failure rate of each stratum when the step begins.
    public let upper: [Double]
    /// The upper bound of all strata together.
    public let upperAll: Double
  }

  /// No plan has more steps; more are not forecast.
  public static let stepsMax = 60

  /// The steps until every device has its offer, or until the gate would allow no more.
  ///
  /// - Parameters:
  ///   - sizes: Devices of each stratum; 0 or more.
  ///   - reach: The share of offered devices that ever give a verdict; 0 to 1.
  ///   - parameters: The settings of the gate.
  ///   - failures: Failures among so many verdicts; from 0 to their number.
  /// - Returns: At most `stepsMax` steps.
  public static func steps(
    sizes: [Int], reach: Double, parameters: GateParameters, failures: (Int) -> Int
  ) -> [Step] {
    let budget = EvidenceGate.budget(devices: sizes.reduce(0, +), parameters: parameters)
    var offered = sizes.map { _ in 0 }
    var steps: [Step] = []
    while steps.count < stepsMax, offered != sizes {
      let strata = sizes.indices.map { index in
        let verdicts = Int((reach * Double(offered[index])).rounded(.down))
        let failed = failures(verdicts)
        return StratumCounts(
          id: String(index), size: sizes[index], left: sizes[index] - offered[index],
          exposed: verdicts, matured: verdicts - failed, reported: failed, lost: 0)
      }
      let next = EvidenceGate.nextStep(
        strata, lossEstimate: 0, budget: budget, parameters: parameters)
      let new = next.sizes.map(\.count)
      guard new.contains(where: { $0 > 0 }) else { break }
      for index in new.indices { offered[index] += new[index] }
      steps.append(Step(new: new, upper: next.upper, upperAll: next.upperAll))
    }
    return steps
  }

  /// The step sizes of a fleet that is one stratum, when a fixed share of the verdicts are failures
  /// (rounded to the nearest count, halves to the even one).
  ///
  /// - Parameters:
  ///   - size: Devices; 0 or more.
  ///   - reach: As for `steps`.
  ///   - failureRate: From 0 to 1.
  ///   - parameters: The settings of the gate.
  /// - Returns: The size of each step.
  public static func stageSizes(
    size: Int, reach: Double, failureRate: Double, parameters: GateParameters
  ) -> [Int] {
    steps(sizes: [size], reach: reach, parameters: parameters) { verdicts in
      expectedFailures(failureRate, verdicts)
    }.map { $0.new[0] }
  }

  /// The nearest whole number of failures; halves go to the even one.
  static func expectedFailures(_ rate: Double, _ verdicts: Int) -> Int {
    min(verdicts, Int((rate * Double(verdicts)).rounded(.toNearestOrEven)))
  }
}
