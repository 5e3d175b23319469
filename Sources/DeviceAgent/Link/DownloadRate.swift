// DownloadRate: notices a connection that is too slow to be worth keeping.

public import UpdateModel

/// Measures a download in windows one after the other.
public struct DownloadRate: Sendable {
  /// Bytes per second that a window must have on average, 0 for any.
  public let least: Int64
  /// The length of a window.
  public let window: Interval
  private var windowStart: Interval
  private var windowBytes: Int64 = 0

  /// Starts the first window.
  public init(least: Int64, window: Interval, at now: Interval) {
    self.least = least
    self.window = window
    windowStart = now
  }

  /// Counts bytes that arrived; the rate of the window that just ended, when it was too low.
  public mutating func isTooSlow(after bytes: Int, at now: Interval) -> Int64? {
    windowBytes += Int64(bytes)
    let length = now.milliseconds - windowStart.milliseconds
    guard length >= window.milliseconds, length > 0 else { return nil }
    let rate = windowBytes.multipliedReportingOverflow(by: 1000).partialValue / length
    windowStart = now
    windowBytes = 0
    return rate < least ? rate : nil
  }
}
