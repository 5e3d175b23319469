// TimedCounts: how many things began when, so that those older than some age can be counted.

import UpdateModel

/// Counts by time in buckets, oldest first. `settle` folds old buckets into one number, so what is
/// kept is bounded by the age that matters, and every operation is cheap.
struct TimedCounts: Equatable, Sendable {
  private struct Bucket: Equatable {
    let number: Int64
    var count: Int
  }

  private var buckets: [Bucket] = []
  private var settledThrough = Int64.min
  private(set) var settled = 0
  private(set) var total = 0
  // Sum of the bucket numbers of all that is counted, for ages.
  private var sum: Int64 = 0

  /// One length for a whole rollout; times are rounded up to it, so nothing ripens early.
  let bucketMilliseconds: Int64

  init(bucket: Interval) { bucketMilliseconds = max(1, bucket.milliseconds) }

  mutating func add(_ time: Instant, _ count: Int = 1) {
    let number = number(time)
    total += count
    sum += number * Int64(count)
    if number <= settledThrough {
      settled += count
      return
    }
    let index = lowerBound(number)
    if index < buckets.count, buckets[index].number == number {
      buckets[index].count += count
    } else {
      buckets.insert(Bucket(number: number, count: count), at: index)
    }
  }

  mutating func remove(_ time: Instant) {
    let number = number(time)
    precondition(total > 0, "what is removed was counted")
    total -= 1
    sum -= number
    if number <= settledThrough {
      settled -= 1
      return
    }
    let index = lowerBound(number)
    precondition(
      index < buckets.count && buckets[index].number == number, "what is removed was counted")
    buckets[index].count -= 1
    if buckets[index].count == 0 { buckets.remove(at: index) }
  }

  /// Folds what began at or before an instant; instants never go back.
  mutating func settle(through time: Instant) {
    // Rounded down, as the times are rounded up: a bucket settles when all of it is old enough.
    let limit = time.milliseconds.flooredDivision(by: bucketMilliseconds)
    guard limit > settledThrough else { return }
    settledThrough = limit
    let old = buckets.prefix { $0.number <= limit }
    guard !old.isEmpty else { return }
    settled += old.reduce(0) { $0 + $1.count }
    buckets.removeFirst(old.count)
  }

  /// Milliseconds that all that is counted has lasted, together.
  func age(at now: Instant) -> Int64 {
    let ended = Int64(total).multipliedReportingOverflow(by: now.milliseconds)
    let began = sum.multipliedReportingOverflow(by: bucketMilliseconds)
    guard !ended.overflow, !began.overflow else { return 0 }
    return max(0, ended.partialValue - began.partialValue)
  }

  private func number(_ time: Instant) -> Int64 {
    -(-time.milliseconds).flooredDivision(by: bucketMilliseconds)
  }

  private func lowerBound(_ number: Int64) -> Int {
    // Devices report in the order of time, so the end is the usual place.
    if let last = buckets.last, last.number < number { return buckets.count }
    return buckets.bisect { $0.number < number }
  }
}
