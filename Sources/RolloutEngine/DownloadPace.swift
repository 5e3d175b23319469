// DownloadPace: grants spread over time, so that what devices are to download stays below a rate.

public import UpdateModel

/// A cell of virtual scheduling (the generic cell rate algorithm of ITU-T I.371) for bytes.
///
/// Each grant occupies the line for as long as its bytes need at the full rate; `paidUntil` is when
/// the line has carried all that was granted. A grant may run ahead of the line by the burst, so in
/// any stretch of time the granted bytes are at most rate x time and one burst. An image larger
/// than the burst is granted when the line is free, and is then the burst itself.
///
/// A clock that is set back by up to a minute keeps the debt. When it is set back further, the debt
/// belongs to a time that may be years ahead, so the count starts anew, as that of `GrantWindow`.
public struct DownloadPace: Equatable, Sendable {
  // Microseconds since 1970: at a gigabyte per second a millisecond is a whole megabyte.
  private var paidUntil: Int64 = 0
  private var grantedAt = Instant.epoch

  // Longer than any debt that matters, and short enough that no sum overflows: ten years.
  private static let longest: Int64 = 315_360_000_000_000

  /// A free line.
  public init() {}

  /// When a grant of `bytes` is allowed; nil for at once.
  public func delay(
    of bytes: Int64, rate: ByteRate, burst: Interval, at now: Instant
  ) -> Instant? {
    guard !isStale(at: now) else { return nil }
    let ahead = max(0, burst.milliseconds * 1000 - DownloadPace.time(for: bytes, rate))
    let earliest = paidUntil - ahead
    guard earliest > now.milliseconds * 1000 else { return nil }
    return Instant(milliseconds: earliest / 1000 + 1)
  }

  /// Notes a grant.
  mutating func count(_ bytes: Int64, rate: ByteRate, at now: Instant) {
    if isStale(at: now) { self = DownloadPace() }
    paidUntil = max(paidUntil, now.milliseconds * 1000) + DownloadPace.time(for: bytes, rate)
    grantedAt = max(grantedAt, now)
  }

  /// Assumes the most that can have been granted up to `now`, when nobody knows what was.
  ///
  /// `largest` is the largest image. The rate goes on at once, without a new burst.
  mutating func assumeFull(largest: Int64, rate: ByteRate, burst: Interval, at now: Instant) {
    let debt = max(burst.milliseconds * 1000, DownloadPace.time(for: largest, rate))
    paidUntil = max(paidUntil, now.milliseconds * 1000 + debt)
    grantedAt = max(grantedAt, now)
  }

  private func isStale(at now: Instant) -> Bool { grantedAt - now > .minutes(1) }

  /// Microseconds that bytes need, rounded up.
  static func time(for bytes: Int64, _ rate: ByteRate) -> Int64 {
    let perSecond = rate.bytesPerSecond
    let (seconds, rest) = bytes.quotientAndRemainder(dividingBy: perSecond)
    guard seconds < longest / 1_000_000 else { return longest }
    // The rest is below the rate, and no rate is above 10^12.
    return seconds * 1_000_000 + (rest * 1_000_000 + perSecond - 1) / perSecond
  }
}
