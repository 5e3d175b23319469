// PollArithmetic: how long devices take that poll, miss polls, wait for a window and try again.

internal import Glibc

/// Waiting times of devices that call by themselves. All times are seconds.
public enum PollArithmetic {
  /// The seconds of a day.
  public static let daySeconds = 86_400.0

  /// The share of devices that have polled some time after an offer, with polls in random phase.
  ///
  /// - Parameters:
  ///   - time: Seconds since the offer; 0 or more.
  ///   - poll: Seconds between the polls of a device; above 0.
  ///   - miss: The chance that a poll fails; from 0 to below 1.
  /// - Returns: A share from 0 to 1.
  public static func coverage(after time: Double, poll: Double, miss: Double) -> Double {
    let whole = (time / poll).rounded(.down)
    let part = time / poll - whole
    return 1 - pow(miss, whole) * (1 - (1 - miss) * part)
  }

  /// Seconds until a share of the devices has polled; the inverse of `coverage`.
  ///
  /// - Parameters:
  ///   - share: From 0 to below 1; 1 too when no poll is ever missed.
  ///   - poll: Seconds between the polls of a device; above 0.
  ///   - miss: The chance that a poll fails; from 0 to below 1.
  /// - Returns: Seconds.
  public static func coverageTime(share: Double, poll: Double, miss: Double) -> Double {
    if miss <= 0 { return share * poll }
    // The small summand keeps a whole number of rounds from being rounded down.
    let whole = (log1p(-share) / log(miss) + 1e-12).rounded(.down)
    let part = (1 - (1 - share) / pow(miss, whole)) / (1 - miss)
    return (whole + part) * poll
  }

  /// The mean wait for a poll that works; parameters as for `coverage`.
  public static func meanPollWait(poll: Double, miss: Double) -> Double {
    poll * (0.5 + miss / (1 - miss))
  }

  /// A quantile of the wait for a daily maintenance window when offers come at any time of day.
  ///
  /// - Parameters:
  ///   - share: From 0 to 1.
  ///   - width: The length of the window; from 0 to `day`.
  ///   - day: The time from one window to the next.
  /// - Returns: Seconds.
  public static func windowWait(
    share: Double, width: Double, day: Double = daySeconds
  ) -> Double { max(0, share * day - width) }

  /// The mean wait for a daily maintenance window; parameters as for `windowWait`.
  public static func meanWindowWait(width: Double, day: Double = daySeconds) -> Double {
    (day - width) * (day - width) / (2 * day)
  }

  /// A quantile of the wait for a poll that falls into a daily window, when the window is shorter
  /// than the time between polls; on each day one does with the chance `width / poll`.
  ///
  /// - Parameters:
  ///   - share: From 0 to below 1.
  ///   - width: The length of the window; above 0 and below `poll`.
  ///   - poll: Seconds between the polls of a device.
  ///   - day: The time from one window to the next.
  /// - Returns: Seconds.
  public static func rareWindowWait(
    share: Double, width: Double, poll: Double, day: Double = daySeconds
  ) -> Double { day * log1p(-share) / log1p(-width / poll) }

  /// The mean of that wait; parameters as for `rareWindowWait`.
  public static func meanRareWindowWait(
    width: Double, poll: Double, day: Double = daySeconds
  ) -> Double { day * poll / width }

  /// What trying again brings and costs, with a pause that doubles each time.
  ///
  /// - Parameters:
  ///   - failure: The chance that an attempt fails; from 0 to 1.
  ///   - retries: Attempts after the first; 0 or more.
  ///   - backoff: Seconds before the first retry.
  ///   - attempt: Seconds that an attempt takes.
  /// - Returns: The chance of success, and the mean extra seconds.
  public static func retry(
    failure: Double, retries: Int, backoff: Double, attempt: Double
  ) -> (success: Double, extra: Double) {
    var extra = 0.0
    var chance = 1.0
    var pause = backoff
    for _ in 0..<retries {
      chance *= failure
      extra += chance * (pause + attempt)
      pause *= 2
    }
    return (1 - chance * failure, extra)
  }
}
