// Time of a loop: ticks for deadlines, and the Date header written once a second.
import Glibc

/// Reads the clocks once per turn of a loop.
struct LoopClock {
  /// The line `Date: ...` with its line end, of the present second.
  private(set) var dateLine: [UInt8] = []
  private var second = -1
  private let startMilliseconds: Int

  init() {
    startMilliseconds = Self.monotonicMilliseconds()
    _ = update()
  }

  /// Brings the date line up to date and returns the present tick, counted from the start.
  mutating func update() -> UInt32 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    if time.tv_sec != second {
      second = time.tv_sec
      dateLine = Array("Date: ".utf8) + HTTPDate.text(seconds: second) + [0x0D, 0x0A]
    }
    let elapsed = Self.monotonicMilliseconds() - startMilliseconds
    return UInt32(truncatingIfNeeded: elapsed / TimingWheel.tickMilliseconds)
  }

  private static func monotonicMilliseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
  }
}
