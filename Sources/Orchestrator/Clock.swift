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
  private let start = Stopwatch.nanoseconds(CLOCK_MONOTONIC)
  private let processorStart = Stopwatch.nanoseconds(CLOCK_THREAD_CPUTIME_ID)

  /// Microseconds since it was made.
  var microseconds: Int64 { (Stopwatch.nanoseconds(CLOCK_MONOTONIC) - start) / 1000 }

  /// Of those, microseconds in which the calling thread had a processor; the same thread must have
  /// made it.
  var processorMicroseconds: Int64 {
    (Stopwatch.nanoseconds(CLOCK_THREAD_CPUTIME_ID) - processorStart) / 1000
  }

  private static func nanoseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
