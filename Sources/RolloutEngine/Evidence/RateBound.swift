// RateBound: what the evidence says about a failure rate, and how many devices may be risked on it.

internal import Glibc
internal import UpdateModel

/// Bounds of a failure rate that hold at every look, and the step sizes that follow from them.
public enum RateBound {
  // Halving an interval inside 0...1 as long as doubles allow takes less than 1,100 steps near 0
  // and some 60 elsewhere.
  private static let halvingsMax = 1100

  /// The rate above which the true one lies with a chance of at most alpha, at any number of looks;
  /// 1 when the counts prove nothing.
  ///
  /// - Parameters:
  ///   - failures: From 0 to `trials`.
  ///   - trials: Devices with a verdict; 0 or more.
  ///   - alpha: Above 0 and below 1.
  /// - Returns: A rate from 0 to 1.
  public static func upper(failures: Int, trials: Int, alpha: Double) -> Double {
    guard trials > 0, failures < trials else { return 1 }
    let threshold = EValue.threshold(alpha: alpha)
    // Every term grows with the rate, so there is one crossing.
    return crossing {
      EValue.logAdvance(failures: failures, trials: trials, rate: $0) >= threshold
    }.above
  }

  /// The rate below which the true one lies with a chance of at most alpha, at any number of looks;
  /// 0 when the counts prove nothing. Parameters as for `upper`.
  public static func lower(failures: Int, trials: Int, alpha: Double) -> Double {
    guard trials > 0, failures > 0 else { return 0 }
    let threshold = EValue.threshold(alpha: alpha)
    return crossing {
      EValue.logAbort(failures: failures, trials: trials, tolerance: $0) < threshold
    }.below
  }

  /// The fewest failures that stop a rollout after so many trials; `trials + 1` when none do.
  ///
  /// - Parameters:
  ///   - trials: Exposed devices; 0 or more.
  ///   - tolerance: The tolerated failure rate; above 0 and below 1.
  ///   - alpha: Above 0 and below 1.
  /// - Returns: A count from 0 to `trials + 1`.
  public static func abortCount(trials: Int, tolerance: Double, alpha: Double) -> Int {
    let threshold = EValue.threshold(alpha: alpha)
    return (0..<trials + 1).bisect { failures in
      let evidence = EValue.logAbort(failures: failures, trials: trials, tolerance: tolerance)
      return !(evidence >= threshold)
    }
  }

  /// How many devices of one stratum the next step may have.
  ///
  /// - Parameters:
  ///   - exposed: Devices that began to install so far; the first step is for none.
  ///   - left: Devices that were not offered the release yet.
  ///   - upper: The upper bound of the failure rate.
  ///   - tolerance: At or below this bound only growth limits the step.
  ///   - budget: Failures to be expected in one step at most; above 0.
  ///   - growth: Devices per exposed device at most.
  ///   - first: The size of the first step.
  /// - Returns: A count from 0 to `left`.
  public static func nextSize(
    exposed: Int, left: Int, upper: Double, tolerance: Double, budget: Double, growth: Int,
    first: Int
  ) -> Int {
    guard exposed > 0 else { return max(0, min(left, first)) }
    let risked = upper <= tolerance ? left : wholeNumber(below: budget / upper, atMost: left)
    let (grown, isTooLarge) = exposed.multipliedReportingOverflow(by: growth)
    return max(0, min(left, risked, isTooLarge ? left : grown))
  }

  private static func wholeNumber(below value: Double, atMost limit: Int) -> Int {
    value < Double(limit) ? Int(value.rounded(.down)) : limit
  }

  /// The two neighbouring rates between which a condition that holds from some rate on begins to.
  private static func crossing(_ holds: (Double) -> Bool) -> (below: Double, above: Double) {
    var below = 0.0
    var above = 1.0
    for _ in 0..<halvingsMax {
      let middle = below + (above - below) / 2
      guard middle > below, middle < above else { break }
      if holds(middle) { above = middle } else { below = middle }
    }
    return (below, above)
  }
}
