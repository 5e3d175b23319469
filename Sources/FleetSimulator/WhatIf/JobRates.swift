// JobRates: a rollout as AWS IoT Jobs decides it, on the same devices, to compare with.
//
// Devices are told at once, at a rate that grows with each so many successes; the job is cancelled
// when too large a share of the executions that ended has failed or timed out. Success is final, so
// late failures are not seen, and nobody is brought back (AWS IoT developer guide: "How job rollout
// and abort configurations work", with the numbers of its samples).

public import UpdateModel

/// A rate that grows, and two limits on what may fail.
public struct JobRates: Equatable, Sendable {
  /// Devices per minute at first, and at most.
  public let perMinute: ClosedRange<Int>
  /// The rate is multiplied by this with each step.
  public let factor: Int
  /// So many more successes are a step.
  public let step: Int
  /// Share of ended executions that may fail, and the executions there must be before it counts.
  public let failed: (share: Share, minimum: Int)
  /// The same for executions that timed out.
  public let timedOut: (share: Share, minimum: Int)
  /// An execution that has not ended by then has timed out.
  public let timeout: Interval

  /// 50 per minute, doubled after each 1,000 successes up to 1,000; 20 % of 100 may fail, 50 % of
  /// 200 may time out after an hour.
  public static let sample = JobRates(
    perMinute: 50...1000, factor: 2, step: 1000, failed: (.twoInTen, 100),
    timedOut: (.halfOfAll, 200), timeout: .hours(1))

  /// Equal when every number is.
  public static func == (left: JobRates, right: JobRates) -> Bool {
    left.perMinute == right.perMinute && left.factor == right.factor && left.step == right.step
      && left.failed == right.failed && left.timedOut == right.timedOut
      && left.timeout == right.timeout
  }

  /// Plays a rollout on the devices of a seed. The scenario has no fault.
  public func play(_ scenario: WhatIfScenario, seed: UInt64) -> WhatIfOutcome {
    let clock = Ticks(poll: scenario.poll, isFine: false)
    var crowd = Crowd(Fates(scenario, clock: clock, seed: seed), seed: seed)
    let outage = crowd.fates.outage
    var ended: [Int: Ended] = [:]
    var sum = Ended()
    var told = 0
    var rate = perMinute.lowerBound
    var need = step
    var tick = 0
    var lastNews = 0
    while told < crowd.count || tick <= lastNews {
      if !(outage?.contains(tick) ?? false), told < crowd.count {
        let end = min(crowd.count, told + devices(at: rate, clock))
        for position in told..<end {
          guard let part = crowd.expose(position, at: tick, isPushed: true) else { continue }
          lastNews = max(lastNews, note(part, &ended, clock))
        }
        told = end
      }
      if let news = ended.removeValue(forKey: tick) { sum.add(news) }
      if isTooMuch(sum) { return crowd.outcome(.aborted, stopped: tick) }
      while sum.succeeded >= need, rate < perMinute.upperBound {
        rate = min(rate * factor, perMinute.upperBound)
        need += step
      }
      tick += 1
    }
    return crowd.outcome(.completed)
  }

  private struct Ended {
    var succeeded = 0
    var failed = 0
    var timedOut = 0

    mutating func add(_ other: Ended) {
      succeeded += other.succeeded
      failed += other.failed
      timedOut += other.timedOut
    }
  }

  private func devices(at rate: Int, _ clock: Ticks) -> Int {
    max(1, rate * Int(clock.length.milliseconds) / 60_000)
  }

  // How the execution of a device ends, and when.
  private func note(_ part: Crowd.Part, _ ended: inout [Int: Ended], _ clock: Ticks) -> Int {
    let limit = part.exposed + clock.count(timeout)
    if part.ending == .brick || part.reported > limit {
      ended[limit, default: Ended()].timedOut += 1
      return limit
    }
    if part.ending == .failure {
      ended[part.reported, default: Ended()].failed += 1
    } else {
      ended[part.reported, default: Ended()].succeeded += 1
    }
    return part.reported
  }

  private func isTooMuch(_ sum: Ended) -> Bool {
    let all = sum.succeeded + sum.failed + sum.timedOut
    func reaches(_ count: Int, _ limit: (share: Share, minimum: Int)) -> Bool {
      all >= limit.minimum && count * 10_000 >= limit.share.basisPoints * all
    }
    return reaches(sum.failed, failed) || reaches(sum.timedOut, timedOut)
  }
}

extension Share {
  /// Two in ten.
  static let twoInTen = Share(basisPoints: 2_000) ?? .none
}
