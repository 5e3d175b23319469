// EvidenceTests: what the evidence promises: it may be looked at at any time and is seldom wrong.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct EvidenceTests {
  // Numbers that a release engineer may know by heart, at 95 %.
  @Test(arguments: [
    (0, 3.62), (1, 6.92), (2, 9.04), (3, 11.0), (5, 14.6), (10, 22.6), (20, 36.7),
  ])
  func `the upper bound times the devices is a known number`(failures: Int, product: Double) {
    let bound = RateBound.upper(failures: failures, trials: 1_000_000, alpha: 0.05)
    #expect(abs(bound * 1_000_000 - product) < 0.005 * product)
  }

  @Test(arguments: [(10, 2), (50, 3), (100, 4), (500, 9), (1000, 14), (3000, 29)])
  func `so many failures stop a rollout and one less does not`(trials: Int, failures: Int) {
    #expect(RateBound.abortCount(trials: trials, tolerance: 0.005, alpha: 0.05) == failures)
    let threshold = EValue.threshold(alpha: 0.05)
    func evidence(_ count: Int) -> Double {
      EValue.logAbort(failures: count, trials: trials, tolerance: 0.005)
    }
    #expect(evidence(failures) >= threshold)
    #expect(evidence(failures - 1) < threshold)
  }

  /// The chance that `isWrong` ever holds within so many trials, each failing with a chance of
  /// `rate` and each looked at: by exact recursion over the counts that have not been wrong so far.
  private func chance(
    rate: Double, trials: Int, _ isWrong: (_ failures: Int, _ trials: Int) -> Bool
  ) -> Double {
    var chances = [1.0]
    var wrong = 0.0
    for trial in 1...trials {
      var next = [Double](repeating: 0, count: chances.count + 1)
      for (failures, chance) in chances.enumerated() {
        next[failures] += chance * (1 - rate)
        next[failures + 1] += chance * rate
      }
      for failures in next.indices where next[failures] > 0 && isWrong(failures, trial) {
        wrong += next[failures]
        next[failures] = 0
      }
      while next.count > 1, next.last ?? 1 < 1e-15 { next.removeLast() }
      chances = next
    }
    return wrong
  }

  @Test func `looking after every device stops a tolerated release in less than 5 of 100 cases`() {
    let threshold = EValue.threshold(alpha: 0.05)
    let wrong = chance(rate: 0.005, trials: 1500) { failures, trials in
      EValue.logAbort(failures: failures, trials: trials, tolerance: 0.005) >= threshold
    }
    #expect(wrong < 0.05)
    // And not because it never says anything: four times as many failures are found.
    let right = chance(rate: 0.02, trials: 1500) { failures, trials in
      EValue.logAbort(failures: failures, trials: trials, tolerance: 0.005) >= threshold
    }
    #expect(right > 0.95)
  }

  @Test func `the upper bound is never too low in more than 5 of 100 cases`() {
    let threshold = EValue.threshold(alpha: 0.05)
    // The bound is below a rate exactly when the evidence against that rate is enough.
    let wrong = chance(rate: 0.02, trials: 800) { failures, trials in
      EValue.logAdvance(failures: failures, trials: trials, rate: 0.02) >= threshold
    }
    #expect(wrong < 0.05)
    #expect(wrong > 0.01)
    // The limit for one look is not made for this.
    let peeking = chance(rate: 0.02, trials: 400) { failures, trials in
      ExactBinomial.clopperPearsonUpper(failures: failures, trials: trials, confidence: 0.95) < 0.02
    }
    #expect(peeking > 0.1)
  }

  @Test func `bounds enclose the share that failed and tighten with more devices`() {
    var last = 1.0
    for trials in [10, 100, 1000, 10_000, 100_000, 1_000_000] {
      let failures = trials / 10
      let upper = RateBound.upper(failures: failures, trials: trials, alpha: 0.05)
      let lower = RateBound.lower(failures: failures, trials: trials, alpha: 0.05)
      #expect(lower < 0.1)
      #expect(upper > 0.1)
      #expect(upper - lower < last)
      last = upper - lower
    }
  }

  @Test func `no counts and hopeless counts prove nothing`() {
    #expect(RateBound.upper(failures: 0, trials: 0, alpha: 0.05) == 1)
    #expect(RateBound.upper(failures: 7, trials: 7, alpha: 0.05) == 1)
    #expect(RateBound.lower(failures: 0, trials: 7, alpha: 0.05) == 0)
    #expect(EValue.logAbort(failures: 0, trials: 0, tolerance: 0.005) == 0)
    #expect(abs(EValue.logAdvance(failures: 0, trials: 0, rate: 0.005)) < 1e-15)
    #expect(RateBound.abortCount(trials: 1, tolerance: 0.9, alpha: 0.05) == 2)
  }

  @Test func `the next step is held by what is left, by growth and by the budget`() {
    func size(_ exposed: Int, _ left: Int, _ upper: Double) -> Int {
      RateBound.nextSize(
        exposed: exposed, left: left, upper: upper, tolerance: 0.005, budget: 30, growth: 10,
        first: 5)
    }
    #expect(size(0, 100, 1) == 5)
    #expect(size(0, 3, 1) == 3)
    #expect(size(50, 10_000, 0.07) == 428)
    #expect(size(50, 10_000, 0.06) == 500)
    #expect(size(50, 10_000, 0.0598) == 500)
    #expect(size(1_000_000, 20_000_000, 0.0051) == 5882)
    #expect(size(1_000_000, 20_000_000, 0.005) == 10_000_000)
    #expect(size(1_000_000, 20, 0) == 20)
    #expect(size(Int.max / 2, 20, 0.001) == 20)
  }

  @Test func `wealth grows with values above the mean and keeps still without values`() {
    var wealth = BoundedWealth(mean: 0.5)
    #expect(wealth.logE == 0)
    for _ in 0..<97 { wealth.add(0.6) }
    #expect(wealth.logE > EValue.threshold(alpha: 0.05))
    let before = wealth
    wealth.add(.nan)
    #expect(wealth == before)
    var high = before
    var top = before
    high.add(7)
    top.add(1)
    #expect(high == top)
    #expect(EValue.logBounded([Double](repeating: 0.5, count: 1000), mean: 0.5) == 0)
  }

  @Test func `twice the events of the control are evidence and the tolerated ratio is not`() {
    func evidence(_ treated: Int) -> Double {
      EValue.logCounts(
        treated: treated, control: 1000, treatedExposure: 100, controlExposure: 1000, ratio: 1.2)
    }
    #expect(evidence(200) > EValue.threshold(alpha: 0.05))
    #expect(evidence(120) < 0)
  }

  @Test func `a watch after completion forgets old health and rises with failures`() {
    var chart = BernoulliCusum(good: 0.005, bad: 0.02)
    for _ in 0..<100_000 { chart.add(isFailure: false) }
    #expect(chart.value == 0)
    for _ in 0..<3 { chart.add(isFailure: true) }
    #expect(chart.value > 4)
    let peak = chart.value
    for _ in 0..<100 { chart.add(isFailure: false) }
    #expect(chart.value < peak)
    #expect(chart.peak == peak)
  }
}
