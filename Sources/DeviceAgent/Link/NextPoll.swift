// NextPoll: when to come to the server next: as it said, within bounds, later and later while it
// does not answer.

public import UpdateModel

/// How often a device polls.
public struct NextPoll: Equatable, Sendable {
  /// Shortest pause between two polls, 1 s to 1 d; guards the server against a wrong answer.
  public var least: Interval
  /// Longest pause, at least `least`, at most 30 d; guards the device against being forgotten.
  public var most: Interval
  /// How long a poll may be held by the server, 0 to 300 s (0: answered at once).
  public var wait: Interval

  /// Joins the bounds.
  public init(
    least: Interval = .seconds(10), most: Interval = .hours(24), wait: Interval = .zero
  ) {
    self.least = least
    self.most = max(least, most)
    self.wait = wait
  }

  /// The pause that the server asked for, inside the bounds.
  public func pause(asked seconds: Int?) -> Interval {
    let asked = Interval.seconds(Int64(min(max(seconds ?? 900, 0), 30 * 86_400)))
    return min(max(asked, least), most)
  }

  /// The pause after failures in a row.
  ///
  /// It doubles from `least` to at most an hour (or `most`, or what the server asked for), and is
  /// drawn from its upper half, so that a fleet that lost its server does not come back as one.
  ///
  /// - Parameters:
  ///   - failures: how often in a row, 1 or more.
  ///   - retryAfter: seconds that a 429 or 503 asked for.
  ///   - chance: 0 to 65,535, drawn evenly.
  /// - Returns: how long to wait.
  public func pause(
    afterFailures failures: Int, retryAfter: Int?, chance: UInt16
  ) -> Interval {
    let ceiling = min(most, max(least, .hours(1))).milliseconds
    var length = max(least.milliseconds, 1000)
    for _ in 1..<max(failures, 1) where length < ceiling { length *= 2 }
    length = min(length, ceiling)
    let asked = Int64(min(max(retryAfter ?? 0, 0), 86_400)) * 1000
    // What the server asks for is kept, with up to half as much again.
    if asked > length { return Interval(milliseconds: asked + asked / 2 * Int64(chance) / 65_536) }
    let half = length / 2
    return Interval(milliseconds: max(least.milliseconds / 2, half + half * Int64(chance) / 65_536))
  }
}
