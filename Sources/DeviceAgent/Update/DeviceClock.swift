// DeviceClock: the time since the start of the device, and waiting; a value so that tests need not.

internal import Glibc
public import UpdateModel

/// A clock that nobody sets.
public struct DeviceClock: Sendable {
  /// Time since some point in the past; also runs while the device sleeps.
  public let now: @Sendable () -> Interval
  /// Waits for a length of time.
  public let wait: @Sendable (Interval) -> Void

  /// Joins a clock.
  public init(
    now: @escaping @Sendable () -> Interval, wait: @escaping @Sendable (Interval) -> Void
  ) {
    self.now = now
    self.wait = wait
  }

  /// The clock of the kernel.
  public static let system = DeviceClock(
    now: {
      var time = timespec()
      let result = clock_gettime(CLOCK_BOOTTIME, &time)
      precondition(result == 0, "every Linux of this century has this clock")
      return Interval(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    },
    wait: { length in
      let milliseconds = max(0, length.milliseconds)
      var rest = timespec(
        tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
      var left = timespec()
      while nanosleep(&rest, &left) != 0, errno == EINTR { rest = left }
    })
}
