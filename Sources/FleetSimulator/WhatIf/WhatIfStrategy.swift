// WhatIfStrategy: the ways to decide that a what-if compares on the same devices.

public import UpdateModel

/// A way to widen a rollout and to stop it.
public enum WhatIfStrategy: Equatable, Sendable {
  /// The engine of this program under a policy.
  case policy(Policy)
  /// Groups with thresholds.
  case groups(GroupThresholds, label: String)
  /// Rates with limits on failures.
  case rates(JobRates, label: String)

  /// What others do, with their documented settings.
  public static let others: [WhatIfStrategy] = [
    .groups(.documented, label: "hawkBit 5 groups, 50 % / 80 %"),
    .groups(.careful, label: "hawkBit 1/9/20/70 %, 90 % / 5 %"),
    .rates(.sample, label: "AWS Jobs 50/min x 2, 20 % / 50 %"),
  ]

  /// Its name for tables.
  public var label: String {
    switch self {
    case .policy(let policy): policy.name.text
    case .groups(_, let label), .rates(_, let label): label
    }
  }

  /// Plays one rollout; `meanwhile` is called now and then with the run of a policy. Throws
  /// `unprocessable` when a scenario or policy makes no plan.
  public func play(
    _ scenario: WhatIfScenario, seed: UInt64, meanwhile: (WhatIfRun) -> Void = { _ in }
  ) throws(Problem) -> WhatIfOutcome {
    if let fault = scenario.fault { throw Problem(.unprocessable, fault) }
    switch self {
    case .groups(let groups, _): return groups.play(scenario, seed: seed)
    case .rates(let rates, _): return rates.play(scenario, seed: seed)
    case .policy(let policy):
      var run = try WhatIfRun(scenario, policy: policy, seed: seed)
      while run.advance(ticks: 20) { meanwhile(run) }
      return run.outcome
    }
  }
}
