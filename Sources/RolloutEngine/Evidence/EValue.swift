// EValue: evidence that may be looked at as often as one likes, as natural logarithms of e-values.

internal import Glibc

/// Mixtures of likelihood ratios (Wald) whose expectation under the hypothesis is at most 1.
///
/// By Ville's inequality the chance of ever seeing `ln(1 / alpha)` or more while the hypothesis
/// holds is at most alpha, however often somebody looks. Every alternative multiplies the odds of
/// the hypothesis by a factor k, which turns the likelihood ratio of f failures in n trials into
/// `k^f / (1 + (k - 1) p)^n`.
public enum EValue {
  // How many times the odds of a hypothesis, and the weight of that alternative; weights sum to 1.
  private typealias Grid = [(factor: Double, weight: Double)]

  // From a little worse than tolerated to a total loss, so that neither slow nor sudden harm hides.
  private static let abortGrid: Grid = [
    (1.4, 0.2), (2.5, 0.2), (6, 0.2), (25, 0.2), (150, 0.2),
  ]
  // From flawless to nearly as bad as the rate in question; flawless is usual, so it weighs most.
  private static let advanceGrid: Grid = [
    (0, 0.3), (0.1, 0.2), (0.3, 0.2), (0.6, 0.2), (0.8, 0.1),
  ]
  private static let countGrid: Grid = [
    (1.25, 0.2), (1.5, 0.2), (2, 0.2), (4, 0.2), (10, 0.2),
  ]

  /// Evidence against "the failure rate is at most `tolerance`".
  ///
  /// - Parameters:
  ///   - failures: From 0 to `trials`.
  ///   - trials: Devices that were exposed; 0 or more.
  ///   - tolerance: Above 0 and below 1.
  /// - Returns: The natural logarithm of an e-value.
  public static func logAbort(failures: Int, trials: Int, tolerance: Double) -> Double {
    logMixture(abortGrid, Double(failures), Double(trials), tolerance)
  }

  /// Evidence against "the failure rate is `rate` or more", so evidence that it is lower.
  ///
  /// - Parameters:
  ///   - failures: From 0 to `trials`.
  ///   - trials: Devices with a verdict; 0 or more.
  ///   - rate: Above 0 and below 1.
  /// - Returns: The natural logarithm of an e-value.
  public static func logAdvance(failures: Int, trials: Int, rate: Double) -> Double {
    logMixture(advanceGrid, Double(failures), Double(trials), rate)
  }

  /// Evidence against "treated devices have at most `ratio` times the event rate of the control".
  ///
  /// Given the sum of both counts, the treated one is binomial (conditional test of two rates).
  ///
  /// - Parameters:
  ///   - treated: Events of treated devices; 0 or more.
  ///   - control: Events of the control; 0 or more.
  ///   - treatedExposure: Device-hours, or any unit that both share; above 0.
  ///   - controlExposure: In the same unit; above 0.
  ///   - ratio: The tolerated ratio of the rates; above 0.
  /// - Returns: The natural logarithm of an e-value.
  public static func logCounts(
    treated: Int, control: Int, treatedExposure: Double, controlExposure: Double, ratio: Double
  ) -> Double {
    // The share of events that the treated devices have at the tolerated ratio.
    let expected = ratio * treatedExposure
    let share = expected / (expected + controlExposure)
    return logMixture(countGrid, Double(treated), Double(treated) + Double(control), share)
  }

  /// Evidence against "the mean of these values is at most `mean`".
  ///
  /// - Parameters:
  ///   - values: From 0 to 1.
  ///   - mean: From 0 to 1.
  /// - Returns: The natural logarithm of an e-value.
  public static func logBounded(_ values: [Double], mean: Double) -> Double {
    var wealth = BoundedWealth(mean: mean)
    for value in values { wealth.add(value) }
    return wealth.logE
  }

  /// The logarithm of the mean of two e-values, which is an e-value again.
  static func logMean(_ first: Double, _ second: Double) -> Double {
    max(first, second) + log1p(exp(-abs(first - second))) - log(2)
  }

  /// The logarithm that an e-value has to reach to be wrong with a chance of at most alpha.
  public static func threshold(alpha: Double) -> Double { log(1 / alpha) }

  private static func logMixture(
    _ grid: Grid, _ failures: Double, _ trials: Double, _ rate: Double
  ) -> Double {
    logSumExp(
      grid.compactMap { factor, weight in
        let evidence = -trials * log1p((factor - 1) * rate)
        if factor > 0 { return log(weight) + failures * log(factor) + evidence }
        // "Never fails" is refuted by one failure; 0 x infinity must not arise from no trials.
        return failures > 0 ? nil : log(weight) + (trials > 0 ? evidence : 0)
      })
  }

  fileprivate static func logSumExp(_ terms: [Double]) -> Double {
    guard let top = terms.max(), top.isFinite else { return terms.max() ?? -.infinity }
    return top + log(terms.reduce(0) { $0 + exp($1 - top) })
  }
}

/// The running evidence of values between 0 and 1 against "their mean is at most m": the average
/// fortune of four gamblers who each bet a fixed share on "more than m" (betting e-process,
/// Waudby-Smith and Ramdas).
public struct BoundedWealth: Equatable, Sendable {
  private static let bets = [0.2, 0.5, 1, 1.5]
  // A bet at which one value of 0 costs more than 95 % of the fortune is not made.
  private static let stakeMax = 0.95

  private let mean: Double
  private let bets: [Double]
  private var logWealth: [Double]

  /// Starts with no evidence; `mean` is from 0 to 1.
  public init(mean: Double) {
    self.mean = mean
    bets = BoundedWealth.bets.filter { $0 * mean < BoundedWealth.stakeMax }
    logWealth = bets.map { _ in 0 }
  }

  /// Takes one value; what lies outside 0 to 1 counts as the nearer end, and no number as nothing.
  public mutating func add(_ value: Double) {
    guard !value.isNaN else { return }
    let clipped = min(1, max(0, value))
    for index in bets.indices { logWealth[index] += log1p(bets[index] * (clipped - mean)) }
  }

  /// The natural logarithm of the e-value of all values so far.
  public var logE: Double { EValue.logSumExp(logWealth) - log(Double(bets.count)) }
}
