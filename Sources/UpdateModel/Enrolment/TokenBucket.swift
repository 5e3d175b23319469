// TokenBucket: how many requests of a kind are answered at a time.

/// Lets a burst through, and then so many a second.
public struct TokenBucket: Equatable, Sendable {
  /// Requests per second in the long run.
  public let rate: Int
  /// Requests at once.
  public let burst: Int
  // In thousandths of a request, so that milliseconds fill it without rounding.
  private var level: Int64
  private var filledAt: Instant

  /// A full bucket; both numbers are positive.
  public init(rate: Int, burst: Int, at now: Instant) {
    precondition(rate > 0 && burst > 0, "a bucket lets something through")
    self.rate = rate
    self.burst = burst
    level = Int64(burst) * 1000
    filledAt = now
  }

  /// Takes one request; otherwise tells after how many seconds to come again.
  public mutating func take(at now: Instant) -> Int? {
    fill(at: now)
    guard level < 1000 else {
      level -= 1000
      return nil
    }
    let milliseconds = (1000 - level + Int64(rate) - 1) / Int64(rate)
    return Int((milliseconds + 999) / 1000)
  }
  /// Whether less than half of the burst is left.
  public mutating func isBelowHalf(at now: Instant) -> Bool {
    fill(at: now)
    return level < Int64(burst) * 500
  }

  private mutating func fill(at now: Instant) {
    // A clock that was set back fills nothing.
    let elapsed = min(max(0, (now - filledAt).milliseconds), Int64(burst) * 1000)
    level = min(Int64(burst) * 1000, level + elapsed * Int64(rate))
    filledAt = now
  }
}
