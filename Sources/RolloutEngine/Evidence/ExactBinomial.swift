// ExactBinomial: classic exact answers about failure counts, for one look and for forecasts.

internal import Glibc
internal import UpdateModel

/// Exact binomial statistics. Unlike `EValue`, these bounds hold for one look that was planned
/// beforehand.
public enum ExactBinomial {
  /// The exact upper limit of a failure rate (Clopper and Pearson); 1 when every trial failed.
  ///
  /// - Parameters:
  ///   - failures: From 0 to `trials`.
  ///   - trials: 0 or more.
  ///   - confidence: Above 0 and below 1.
  /// - Returns: A rate from 0 to 1.
  public static func clopperPearsonUpper(
    failures: Int, trials: Int, confidence: Double
  ) -> Double {
    guard failures < trials else { return 1 }
    if failures == 0 { return -expm1(log1p(-confidence) / Double(trials)) }
    let beta = IncompleteBeta(a: Double(failures) + 1, b: Double(trials - failures))
    return confidence < 0.5 ? beta.point(lower: confidence) : beta.point(upper: 1 - confidence)
  }

  /// The exact lower limit of a failure rate (Clopper and Pearson); 0 when nothing failed.
  /// Parameters as for the upper limit.
  public static func clopperPearsonLower(
    failures: Int, trials: Int, confidence: Double
  ) -> Double {
    guard failures > 0 else { return 0 }
    if failures == trials { return exp(log1p(-confidence) / Double(trials)) }
    let beta = IncompleteBeta(a: Double(failures), b: Double(trials - failures) + 1)
    return confidence < 0.5 ? beta.point(upper: confidence) : beta.point(lower: 1 - confidence)
  }

  /// How many trials without failure show, in one look, that the failure rate is below `rate`.
  ///
  /// Both arguments are above 0 and below 1.
  public static func zeroFailureTrials(rate: Double, confidence: Double) -> Int {
    let exact = log1p(-confidence) / log1p(-rate)
    // Where the answer is a whole number, rounding must not push it to the next one.
    let trials = (exact * (1 - 1e-13)).rounded(.up)
    return trials < 0x1p62 ? max(1, Int(trials)) : Int.max
  }

  /// The chance that the failure rate is above `rate`, after a Beta(`a`, `b`) prior.
  ///
  /// - Parameters:
  ///   - rate: From 0 to 1.
  ///   - failures: From 0 to `trials`.
  ///   - trials: 0 or more.
  ///   - a: Failures that the prior is worth; above 0.
  ///   - b: Successes that the prior is worth; above 0.
  /// - Returns: A chance from 0 to 1.
  public static func posteriorAbove(
    rate: Double, failures: Int, trials: Int, a: Double, b: Double
  ) -> Double {
    IncompleteBeta(a: a + Double(failures), b: b + Double(trials - failures))
      .tails(rate, 1 - rate).upper
  }

  /// The fewest failures that so many devices stay within with 95 % chance, when all that is known
  /// are earlier counts (beta-binomial with a uniform prior).
  ///
  /// - Parameters:
  ///   - failures: Failures seen so far; from 0 to `trials`.
  ///   - trials: Devices seen so far; 0 or more.
  ///   - next: Devices to come; 0 or more. Time and not memory grows with it.
  /// - Returns: A count from 0 to `next`.
  public static func predictive95(failures: Int, trials: Int, next: Int) -> Int {
    let a = Double(failures) + 1
    let b = Double(trials - failures) + 1
    let devices = Double(next)
    return quantile(0.95, upTo: next) { count in
      (devices - count) * (a + count) / ((count + 1) * (devices - count - 1 + b))
    }
  }

  /// The fewest events that a Poisson count with this mean stays within with 95 % chance; the mean
  /// is from 0 to 10^12.
  public static func poisson95(mean: Double) -> Int {
    // Forty standard deviations: nothing is left beyond.
    let last = Int((mean + 40 * mean.squareRoot() + 100).rounded(.up))
    return quantile(0.95, upTo: last) { mean / ($0 + 1) }
  }

  /// The fewest failures that `trials` devices stay within with the chance `share`.
  ///
  /// - Parameters:
  ///   - share: Above 0 and below 1.
  ///   - trials: 0 or more.
  ///   - rate: The failure rate of each device; from 0 to 1.
  /// - Returns: A count from 0 to `trials`.
  public static func quantile(_ share: Double, trials: Int, rate: Double) -> Int {
    if rate <= 0 { return 0 }
    if rate >= 1 { return trials }
    let devices = Double(trials)
    let odds = rate / (1 - rate)
    return quantile(share, upTo: trials) { (devices - $0) / ($0 + 1) * odds }
  }

  /// The quantile of a count from 0 to `last` whose chances have the given ratio from one count to
  /// the next, which must not rise. Chances are summed up from the most likely count, so nothing
  /// needs to be known but their ratios.
  private static func quantile(
    _ share: Double, upTo last: Int, ratio: (Double) -> Double
  ) -> Int {
    // Terms below this part of the sum do not reach its last digit even in great numbers.
    let negligible = 1e-25
    let mode = mostLikely(upTo: last, ratio: ratio)
    var above = 0.0
    var weight = 1.0
    var count = mode
    while count < last {
      weight *= ratio(Double(count))
      above += weight
      count += 1
      if weight < negligible * (1 + above) { break }
    }
    var below = 0.0
    weight = 1
    count = mode
    while count > 0, weight >= negligible * (1 + below) {
      count -= 1
      weight /= ratio(Double(count))
      below += weight
    }
    // From the smallest count that matters upwards, with the weights that were just summed.
    let wanted = share * (below + 1 + above)
    var sum = weight
    while sum < wanted, count < last {
      weight = count + 1 == mode ? 1 : weight * ratio(Double(count))
      count += 1
      sum += weight
    }
    return count
  }

  private static func mostLikely(upTo last: Int, ratio: (Double) -> Double) -> Int {
    (0..<last).bisect { !(ratio(Double($0)) < 1) }
  }
}
