// Ticks: the grid of virtual time of a what-if run, fine enough for its shortest interval.

import UpdateModel

/// Virtual time in whole ticks since the start of the rollout.
struct Ticks: Equatable, Sendable {
  /// The length of one tick.
  let length: Interval
  /// Ticks between two calls of a device.
  let poll: Int
  /// Ticks of a day.
  let day: Int
  /// Ticks between two looks at the control cohort.
  let look: Int

  /// When tick 0 is: a whole hour, so that no rounding inside the engine delays anything.
  static let start = Instant(milliseconds: 1_080_000_000_000)

  /// A twelfth of the poll interval, within limits; with `isFine` a minute at most.
  init(poll interval: Interval, isFine: Bool) {
    let fine = min(max(interval.milliseconds / 12, 15_000), 15 * 60_000)
    length = Interval(milliseconds: isFine ? min(fine, 60_000) : fine)
    poll = max(1, Int(interval.milliseconds / length.milliseconds))
    day = Int(Interval.days(1).milliseconds / length.milliseconds)
    look = max(1, poll / 4)
  }

  /// The ticks that an interval takes, rounded up; at least 1.
  func count(_ interval: Interval) -> Int {
    max(1, Int((interval.milliseconds + length.milliseconds - 1) / length.milliseconds))
  }

  /// The instant of a tick.
  func instant(_ tick: Int) -> Instant { Ticks.start + interval(tick) }

  /// The length of so many ticks.
  func interval(_ ticks: Int) -> Interval {
    Interval(milliseconds: Int64(ticks) * length.milliseconds)
  }

  /// The tick of an instant, rounded down.
  func tick(_ instant: Instant) -> Int {
    Int((instant - Ticks.start).milliseconds / length.milliseconds)
  }
}
