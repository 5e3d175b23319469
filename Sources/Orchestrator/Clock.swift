// Clock: the only reader of real time, and of how long something takes.

import Glibc
public import UpdateModel

/// Where the shell gets the time from; tests and simulations bring their own.
public protocol Clock: Sendable {
  /// The present time.
  var now: Instant { get }
}

/// The clock of the machine.
public struct SystemClock: Clock {
  /// A clock without state.
  public init() {}

  /// Wall-clock time in milliseconds (clock_gettime, CLOCK_REALTIME).
  public var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// Measures how long something takes, whatever happens to the wall clock meanwhile.
struct Stopwatch {
  private let start = Stopwatch.nanoseconds

  /// Microseconds since it was made (clock_gettime, CLOCK_MONOTONIC).
  var microseconds: Int64 { (Stopwatch.nanoseconds - start) / 1000 }

  private static var nanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
