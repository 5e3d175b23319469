// GrantWindow: how many leases were granted in the last minute, exact for every minute there is.

public import UpdateModel

/// Counts grants per second and remembers a minute of them.
///
/// Any 60 seconds touch at most 61 of the counted seconds. So when the sum over the present second
/// and the 60 before it stays within a limit, no minute sees more grants, wherever it begins.
///
/// A clock that is set back by up to a minute keeps every grant in the count. When it is set back
/// further, what was counted belongs to a time that may be years ahead, so the count starts anew.
public struct GrantWindow: Equatable, Sendable {
  private static let span = 61
  private var counts = [Int32](repeating: 0, count: GrantWindow.span)
  private var newest: Int64 = 0

  /// No grants so far.
  public init() {}

  /// Notes a grant.
  mutating func count(at now: Instant) {
    if newest - now.wholeSeconds > 60 { self = GrantWindow() }
    let second = max(now.wholeSeconds, newest)
    for passed in stride(from: max(newest + 1, second - 60), through: second, by: 1) {
      counts[GrantWindow.slot(passed)] = 0
    }
    newest = second
    counts[GrantWindow.slot(second)] += 1
  }

  /// Grants that a minute which ends now may contain.
  public func total(at now: Instant) -> Int {
    let second = now.wholeSeconds
    return remembered(at: second).reduce(0) { $0 + Int(counts[GrantWindow.slot($1)]) }
  }

  /// When the oldest remembered grant stops counting; now when none does.
  public func nextRelease(after now: Instant) -> Instant {
    let oldest = remembered(at: now.wholeSeconds).first { counts[GrantWindow.slot($0)] > 0 }
    return oldest.map { Instant(milliseconds: ($0 + Int64(GrantWindow.span)) * 1000) } ?? now
  }

  // The seconds that are in the ring and no older than a minute.
  private func remembered(at second: Int64) -> Range<Int64> {
    guard newest - second <= 60 else { return 0..<0 }
    let first = max(newest - 60, second - 60, 0)
    return first <= newest ? first..<newest + 1 : 0..<0
  }

  private static func slot(_ second: Int64) -> Int { Int(second % Int64(span)) }
}

extension Instant {
  /// Whole seconds since the epoch, for instants after it.
  fileprivate var wholeSeconds: Int64 { max(0, milliseconds) / 1000 }
}
