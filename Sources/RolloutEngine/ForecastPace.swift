// ForecastPace: how long the devices of a step take, and how much they fetch at the same time.

import UpdateModel

/// The times and loads that follow from assumptions; seconds as floating point.
struct ForecastPace {
  let assumptions: ForecastAssumptions
  let poll: Double
  /// The share of devices that get the release in the end.
  let reach: Double
  let windowMean: Double
  let windowMost: Double
  let retryMean: Double
  let retryMost: Double

  /// All but one in a thousand count as everybody when polls fail at random.
  private static let nearlyAll = 0.999

  init(_ assumptions: ForecastAssumptions) {
    self.assumptions = assumptions
    poll = max(0.001, assumptions.poll.seconds)
    (windowMean, windowMost) = ForecastPace.windowWait(assumptions, poll: poll)
    if let retry = assumptions.retry {
      func result(_ failure: Double) -> (success: Double, extra: Double) {
        PollArithmetic.retry(
          failure: failure, retries: retry.retries, backoff: retry.backoff.seconds,
          attempt: retry.attempt.seconds)
      }
      let usual = result(retry.failureRate)
      reach = assumptions.reach * usual.success
      retryMean = usual.extra
      retryMost = retry.failureRate > 0 ? result(1).extra : 0
    } else {
      reach = assumptions.reach
      retryMean = 0
      retryMost = 0
    }
  }

  /// How long after the usual end silent devices are waited for: two polls and the silence that
  /// makes them lost.
  var deadline: Double { assumptions.silence.seconds + 2 * poll }

  private static func windowWait(
    _ assumptions: ForecastAssumptions, poll: Double
  ) -> (mean: Double, most: Double) {
    guard let width = assumptions.window?.seconds, width > 0 else { return (0, 0) }
    let day = PollArithmetic.daySeconds
    if width >= day { return (0, 0) }
    if width >= poll, let closed = assumptions.closed {
      return (closed.mean.seconds, closed.longest.seconds)
    }
    if width >= poll { return (PollArithmetic.meanWindowWait(width: width), day - width) }
    return (
      PollArithmetic.meanRareWindowWait(width: width, poll: poll),
      PollArithmetic.rareWindowWait(share: nearlyAll, width: width, poll: poll)
    )
  }

  /// Follows the gate step by step.
  func course(
    wait: Double, tail: Double, failures: (Int) -> Int
  ) -> Forecast.Course {
    let sizes = assumptions.strata.map(\.size)
    let planned = StageForecast.steps(
      sizes: sizes, reach: reach, parameters: assumptions.parameters, failures: failures)
    var steps: [Forecast.Step] = []
    var time = 0.0
    var delivered = 0.0
    var offered = 0
    var stall = Stall(parameters: assumptions.parameters, fleet: sizes.reduce(0, +))
    for plan in planned {
      let new = plan.new.reduce(0, +)
      let reached = Double(new) * reach
      let load = load(new: new, after: offered)
      let spread = load.spread.seconds
      let end =
        time + wait + spread + assumptions.install.seconds + assumptions.soak.seconds + tail
      offered += new
      delivered = time + wait + spread
      steps.append(
        Forecast.Step(
          new: plan.new, cumulative: offered, start: Interval(seconds: time),
          end: Interval(seconds: end), upper: plan.upperAll, upperByStratum: plan.upper,
          harmedMean: plan.upperAll * reached,
          harmed95: ExactBinomial.quantile(
            0.95, trials: max(1, Int(reached.rounded(.toNearestOrEven))),
            rate: min(1, plan.upperAll)),
          bytesPerSecond: load.bytesPerSecond, downloads: load.downloads,
          needsPerson: stall.isReached(by: new)))
      time = end
    }
    return Forecast.Course(
      steps: steps, isComplete: offered == sizes.reduce(0, +),
      delivered: Interval(seconds: delivered))
  }

  /// What the devices of a step ask of the network, and how long they take, one after the other.
  func load(new: Int, after offered: Int) -> Forecast.Load {
    let reached = Double(new) * reach
    let rate = bytesPerSecond(reached, upTo: offered + new)
    return Forecast.Load(
      spread: Interval(seconds: spread(new: new, after: offered, reached: reached)),
      bytesPerSecond: rate, downloads: downloads(rate, reached: reached))
  }

  private func spread(new: Int, after offered: Int, reached: Double) -> Double {
    var spread = poll
    if assumptions.missRate > 0 {
      spread = PollArithmetic.coverageTime(
        share: ForecastPace.nearlyAll, poll: poll, miss: assumptions.missRate)
    }
    return max(spread, throughWindows(limited(new: new, after: offered, reached: reached)))
  }

  // How long the limits make it last while devices may be granted.
  private func limited(new: Int, after offered: Int, reached: Double) -> Double {
    var spread = 0.0
    if let limit = assumptions.bytesPerSecondMax {
      spread = max(spread, reached * Double(assumptions.payloadBytes) / Double(max(1, limit)))
    }
    if let limit = assumptions.grantsPerMinuteMax {
      spread = max(spread, reached * 60 / Double(max(1, limit)))
    }
    if let growth = assumptions.rateGrowth {
      spread = max(spread, Double(growth.minutes(toGrant: new, after: offered)) * 60 * reach)
    }
    if let limit = assumptions.concurrentMax {
      spread = max(spread, reached * lease / Double(max(1, limit)))
    }
    return spread
  }

  // What does not fit into one daily window goes on in those of the next days.
  private func throughWindows(_ seconds: Double) -> Double {
    let day = PollArithmetic.daySeconds
    guard let width = assumptions.window?.seconds, width > 0, width < day, seconds > width else {
      return seconds
    }
    let whole = (seconds / width).rounded(.up) - 1
    return whole * day + seconds - whole * width
  }

  // A lease lasts from the offer to the proof, which comes with a later poll.
  private var lease: Double {
    Double(assumptions.payloadBytes) / Double(max(1, assumptions.deviceBytesPerSecond))
      + assumptions.install.seconds + poll
  }

  private func bytesPerSecond(_ reached: Double, upTo offered: Int) -> Double {
    let payload = Double(assumptions.payloadBytes)
    var load = reached * payload / max(poll, 1)
    if let limit = assumptions.grantsPerMinuteMax { load = min(load, Double(limit) / 60 * payload) }
    if let growth = assumptions.rateGrowth {
      load = min(load, Double(growth.perMinute(after: offered)) / 60 * payload)
    }
    if let limit = assumptions.concurrentMax { load = min(load, Double(limit) / lease * payload) }
    if let limit = assumptions.bytesPerSecondMax { load = min(load, Double(limit)) }
    return load
  }

  private func downloads(_ load: Double, reached: Double) -> Int {
    let atOnce = load / Double(max(1, assumptions.deviceBytesPerSecond))
    return Int(min(atOnce, reached).rounded(.up))
  }
}

/// Counts steps in a row that do not grow, as the gate does.
private struct Stall {
  let parameters: GateParameters
  var left: Int
  var previous = 0
  var count = 0

  init(parameters: GateParameters, fleet: Int) {
    self.parameters = parameters
    left = fleet
  }

  /// Takes the next step.
  mutating func isReached(by new: Int) -> Bool {
    let grows = Double(new) >= parameters.stallFactor * Double(previous) || new >= left
    count = grows ? 0 : count + 1
    previous = new
    left -= new
    return count >= parameters.stallLimit
  }
}

extension Interval {
  /// Seconds as floating point.
  var seconds: Double { Double(milliseconds) / 1000 }

  /// Rounds to milliseconds; beyond a hundred years no number means anything.
  init(seconds: Double) {
    let limit = Double(Interval.days(36_500).milliseconds)
    self.init(milliseconds: Int64(min(limit, max(0, seconds * 1000)).rounded()))
  }
}
