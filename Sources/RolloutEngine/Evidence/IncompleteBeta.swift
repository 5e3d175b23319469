// IncompleteBeta: tails of the beta distribution with full relative precision, and their inverse.

internal import Glibc

/// The beta distribution with parameters `a` and `b`, both above 0.
struct IncompleteBeta {
  let a: Double
  let b: Double

  // The continued fraction settles after a few times the square root of the larger parameter.
  private static let roundsMax = 20_000_000
  // Newton's method on the logarithm of a tail takes about ten steps; halving at most 1,100.
  private static let stepsMax = 1200

  /// The chance of at most `x` and of more than `x`; the smaller one is computed, not subtracted.
  ///
  /// `x` is from 0 to 1 and `y` is 1 - x, given apart because it may have more digits.
  func tails(_ x: Double, _ y: Double) -> (lower: Double, upper: Double) {
    if x <= 0 { return (0, 1) }
    if y <= 0 { return (1, 0) }
    let power = exp(logBinomial(x, y)) / (a + b)
    if x <= (a + 1) / (a + b + 2) {
      let lower = min(1, b * power * IncompleteBeta.fraction(a, b, x))
      return (lower, 1 - lower)
    }
    let upper = min(1, a * power * IncompleteBeta.fraction(b, a, y))
    return (1 - upper, upper)
  }

  /// The point where the lower tail is `share`, which is above 0 and at most one half.
  func point(lower share: Double) -> Double {
    solve { x in
      let tail = tails(x, 1 - x).lower
      return (log(tail / share), density(x) / tail)
    }
  }

  /// The point where the upper tail is `share`, which is above 0 and at most one half.
  func point(upper share: Double) -> Double {
    solve { x in
      let tail = tails(x, 1 - x).upper
      return (-log(tail / share), density(x) / tail)
    }
  }

  /// Where a function that grows from below to above 0 on 0...1 is zero; `evaluate` gives its value
  /// and slope.
  private func solve(_ evaluate: (Double) -> (value: Double, slope: Double)) -> Double {
    var low = 0.0
    var high = 1.0
    var x = a / (a + b)
    for _ in 0..<IncompleteBeta.stepsMax {
      let (value, slope) = evaluate(x)
      if value == 0 { return x }
      if value < 0 { low = x } else { high = x }
      let next = x - value / slope
      if next > low && next < high {
        // Newton's method squares its error, so after such a step nothing is left of it.
        if abs(next - x) <= max(x.ulp, 1e-11 * min(x, 1 - x)) { return next }
        x = next
      } else {
        // The step left the bracket or is no number.
        x = low + (high - low) / 2
        if x <= low || x >= high { return x }
      }
    }
    return x
  }

  private func density(_ x: Double) -> Double {
    exp(logBinomial(x, 1 - x)) * (a / (a + b)) * (b / (x * (1 - x)))
  }

  /// `ln(x^a y^b Gamma(a+b+1) / (Gamma(a+1) Gamma(b+1)))` after Loader ("Fast and accurate
  /// computation of binomial probabilities", 2000): no large numbers are subtracted.
  private func logBinomial(_ x: Double, _ y: Double) -> Double {
    let n = a + b
    let corrections =
      IncompleteBeta.stirlingError(n) - IncompleteBeta.stirlingError(a)
      - IncompleteBeta.stirlingError(b)
    let deviances = IncompleteBeta.deviance(a, n * x) + IncompleteBeta.deviance(b, n * y)
    return corrections - deviances - 0.5 * log(2 * .pi * a * (b / n))
  }

  /// `ln Gamma(z + 1) - ((z + 1/2) ln z - z + 1/2 ln(2 pi))`.
  private static func stirlingError(_ z: Double) -> Double {
    if z < 16 { return lgamma(z + 1).0 - ((z + 0.5) * log(z) - z + 0.5 * log(2 * .pi)) }
    let square = z * z
    let tail = (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square
    return (1.0 / 12 - (1.0 / 360 - tail) / square) / z
  }

  /// `x ln(x / mean) + mean - x`, without cancellation where both are close.
  private static func deviance(_ x: Double, _ mean: Double) -> Double {
    let difference = x - mean
    guard abs(difference) < 0.1 * (x + mean) else { return x * log(x / mean) + mean - x }
    let ratio = difference / (x + mean)
    var sum = difference * ratio
    var power = 2 * x * ratio
    // The ratio is below 0.1, so each term is less than a hundredth of the one before.
    for exponent in stride(from: 3.0, to: 60, by: 2) {
      power *= ratio * ratio
      let next = sum + power / exponent
      if next == sum { break }
      sum = next
    }
    return sum
  }

  /// The continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22); quick
  /// for x below (a + 1) / (a + b + 2).
  private static func fraction(_ a: Double, _ b: Double, _ x: Double) -> Double {
    // Stands for 0 where a division would follow.
    let tiny = 1e-300
    func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var c = 1.0
    var d = 1 / kept(1 - (a + b) * x / (a + 1))
    var result = d
    for round in 1...roundsMax {
      let m = Double(round)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / kept(1 + even * d)
      c = kept(1 + even / c)
      result *= d * c
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / kept(1 + odd * d)
      c = kept(1 + odd / c)
      let change = d * c
      result *= change
      if abs(change - 1) <= 2.3e-16 { break }
    }
    return result
  }
}
