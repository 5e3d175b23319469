// ForecastRollout: policy and fleet to the assumptions of a forecast, and what it says in words.

public import RolloutEngine
public import UpdateModel

/// What the evidence would allow, before the start.
public struct EvidenceForecast: Sendable {
  /// The steps after the canary stage, from its end.
  public let forecast: Forecast
  /// How long the canary stage takes; zero without one. People who sign off take more.
  public let canary: (earliest: Interval, expected: Interval, latest: Interval)
  /// How sure the bounds are, and how rarely a good release is stopped.
  public let confidence: String
  /// Where people decide; the times wait for nobody.
  public let approvals: [String]

  var bytesPerSecondPeak: Double {
    [forecast.earliest, forecast.expected].map(\.bytesPerSecondPeak).max() ?? 0
  }
  var downloadsPeak: Int {
    [forecast.earliest, forecast.expected].map(\.downloadsPeak).max() ?? 0
  }

  init?(_ policy: Policy, _ stages: [PlannedStage], _ assumptions: ForecastAssumptions) {
    guard let terms = policy.evidence else { return nil }
    forecast = Forecast(assumptions)
    if let gate = policy.canary?.gate {
      let soak = assumptions.install.milliseconds + gate.soak.milliseconds
      canary = (
        Interval(milliseconds: soak),
        Interval(milliseconds: soak + 2 * assumptions.poll.milliseconds),
        Interval(milliseconds: gate.waitAtMost.milliseconds + gate.soak.milliseconds)
      )
    } else {
      canary = (.zero, .zero, .zero)
    }
    let sure = Share(basisPoints: 10_000 - terms.alphaAdvance.basisPoints) ?? .none
    confidence =
      "with \(sure) confidence no bound is ever too low, however often it is looked at; a release "
      + "that fails on \(terms.tolerance) of devices or fewer is stopped by mistake in at most "
      + "\(terms.alphaAbort) of rollouts"
    approvals = EvidenceForecast.approvals(policy, stages)
  }

  private static func approvals(_ policy: Policy, _ stages: [PlannedStage]) -> [String] {
    var approvals: [String] = []
    if Schedule.needsApproval(policy, stages) { approvals.append("before the start") }
    if policy.canary?.signOff == true { approvals.append("after the canary stage") }
    if let above = policy.approve.above { approvals.append("before more than \(above) is open") }
    if case .shares(let shares) = policy.stages {
      approvals += shares.filter(\.signOff).map { "at \($0.upTo)" }
    }
    return approvals
  }

  /// What the forecast knows nothing of.
  static func advice(_ policy: Policy) -> [String] {
    guard let terms = policy.evidence else { return [] }
    var advice: [String] = []
    if terms.deviceHours > 0 {
      advice.append(
        "each further step also waits for \(terms.deviceHours) device-hours, which the times "
          + "leave out")
    }
    if policy.stages != .adaptive {
      advice.append(
        "the stages of the policy cap the steps and soak on top, which the times leave out")
    }
    if !policy.limits.domains.isEmpty {
      advice.append("limits by failure domain spread the grants, which the times leave out")
    }
    return advice
  }
}

extension ForecastAssumptions {
  /// The share of deliveries that are taken to fail at the first attempt.
  private static let deliveryFailureRate = 0.02
  private static let downloadAtLeast = Interval.minutes(1)

  /// What a plan takes for granted about a fleet under a policy.
  init(
    _ policy: Policy, _ census: ControlPlane.Census, _ plan: FleetPlan,
    _ expectation: RolloutRequest.Expectation, imageBytes: Int64, poll: Interval
  ) {
    self.init(strata: plan.strata.map { Stratum(id: $0.label, size: $0.ranks.count) })
    self.poll = poll
    install = expectation.install
    failureRate = Double(expectation.failureRate.basisPoints) / 10_000
    payloadBytes = imageBytes
    if let share = census.hearing.reach { reach = Double(share.basisPoints) / 10_000 }
    if let terms = policy.evidence {
      parameters = GateParameters(terms)
      soak = terms.soak
      silence = terms.silence(poll: poll)
    }
    take(policy.limits)
    if let hours = policy.windows?.hours { take(hours) }
    take(policy.retry)
  }

  private mutating func take(_ limits: Policy.GrantLimits) {
    bytesPerSecondMax = limits.bandwidth?.bytesPerSecond
    grantsPerMinuteMax = limits.perMinute
    rateGrowth = limits.rate
    concurrentMax = limits.concurrent
  }

  private mutating func take(_ hours: OpenHours) {
    let closed = hours.closedSeconds
    guard let longest = closed.max() else { return }
    let week = OpenHours.weekSeconds
    window = .seconds(max(1, (week - closed.reduce(0, +)) / 7))
    // A moment at random falls into a gap by its length, and waits for half of it.
    let mean = closed.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(2 * week)
    self.closed = Closed(mean: .seconds(Int64(mean)), longest: .seconds(longest))
  }

  private mutating func take(_ terms: Policy.Retry) {
    guard terms.attempts > 1 else { return }
    let download = Interval.seconds(payloadBytes / max(1, deviceBytesPerSecond))
    retry = Retry(
      failureRate: ForecastAssumptions.deliveryFailureRate, retries: terms.attempts - 1,
      backoff: terms.backoff, attempt: max(download, ForecastAssumptions.downloadAtLeast))
  }
}
