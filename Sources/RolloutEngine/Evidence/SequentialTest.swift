// SequentialTest: Wald's test of two rates and the CUSUM chart that watches after completion.

internal import Glibc

/// Sequential tests of one failure rate against another.
public enum SequentialTest {
  /// The log-likelihood ratio of Wald's sequential probability ratio test.
  ///
  /// - Parameters:
  ///   - failures: From 0 to `trials`.
  ///   - trials: 0 or more.
  ///   - good: The rate that is fine; above 0 and below 1.
  ///   - bad: The rate that is not; above 0 and below 1.
  /// - Returns: Positive when the counts speak for `bad`.
  public static func logRatio(failures: Int, trials: Int, good: Double, bad: Double) -> Double {
    let clean = Double(trials - failures)
    return Double(failures) * log(bad / good) + clean * (log1p(-bad) - log1p(-good))
  }
}

/// A Bernoulli CUSUM chart (Reynolds and Stoumbos): the evidence that the failure rate has become
/// `bad` lately, where good outcomes are soon forgotten.
public struct BernoulliCusum: Equatable, Sendable {
  /// The statistic now; 0 or more.
  public private(set) var value = 0.0
  /// The largest value so far.
  public private(set) var peak = 0.0
  private let failureStep: Double
  private let cleanStep: Double

  /// Starts at zero; both rates are above 0 and below 1.
  public init(good: Double, bad: Double) {
    failureStep = SequentialTest.logRatio(failures: 1, trials: 1, good: good, bad: bad)
    cleanStep = SequentialTest.logRatio(failures: 0, trials: 1, good: good, bad: bad)
  }

  /// Takes the outcome of one device.
  public mutating func add(isFailure: Bool) {
    value = max(0, value + (isFailure ? failureStep : cleanStep))
    peak = max(peak, value)
  }
}
