// WhatIfSummary: many what-if runs in one row of figures.

import UpdateModel

/// Figures over all runs of one strategy.
public struct WhatIfSummary: Equatable, Sendable {
  /// How many runs there were; 1 or more.
  public let runs: Int
  /// Devices that fell silent for good.
  public let bricked: Spread
  /// Devices that failed, bricks included.
  public let failed: Spread
  /// Runs that stopped by themselves, in percent.
  public let aborted: Double
  /// Runs that wait for a person, or for ever, in percent.
  public let held: Double
  /// Runs that reached everybody, in percent.
  public let completed: Double
  /// Runs in which a model was taken out, in percent.
  public let quarantined: Double
  /// Hours until 99 % of the reachable devices had it, over completed runs; nil without any.
  public let hours: Quantiles?
  /// Hours until it stopped by itself, over aborted runs; nil without any.
  public let hoursToStop: Quantiles?

  /// Mean and 95th percentile.
  public struct Spread: Equatable, Sendable {
    /// The mean.
    public let mean: Double
    /// The 95th percentile, between neighbours in proportion.
    public let high: Double
  }

  /// Median and 95th percentile.
  public struct Quantiles: Equatable, Sendable {
    /// The median.
    public let median: Double
    /// The 95th percentile.
    public let high: Double
  }

  /// Sums up; there is at least one outcome.
  public init(_ outcomes: [WhatIfOutcome]) {
    precondition(!outcomes.isEmpty, "a summary is of something")
    runs = outcomes.count
    bricked = Spread(outcomes.map { Double($0.bricked) })
    failed = Spread(outcomes.map { Double($0.failed) })
    func percent(_ isCounted: (WhatIfOutcome) -> Bool) -> Double {
      100 * Double(outcomes.count(where: isCounted)) / Double(outcomes.count)
    }
    aborted = percent { $0.ending == .aborted }
    held = percent { $0.ending == .held }
    completed = percent { $0.ending == .completed }
    quarantined = percent { !$0.quarantined.isEmpty }
    hours = Quantiles(outcomes.compactMap(\.reached))
    hoursToStop = Quantiles(outcomes.compactMap(\.stoppedAfter))
  }

  /// The names by which `figure` finds a figure.
  public static let figureNames = [
    "bricked.mean", "bricked.p95", "failed.mean", "failed.p95", "aborted", "held", "completed",
    "quarantined", "hours.median", "hours.p95",
  ]

  /// A figure by name; nil for an unknown name, and for hours when no run was completed.
  public func figure(_ name: String) -> Double? {
    switch name {
    case "bricked.mean": bricked.mean
    case "bricked.p95": bricked.high
    case "failed.mean": failed.mean
    case "failed.p95": failed.high
    case "aborted": aborted
    case "held": held
    case "completed": completed
    case "quarantined": quarantined
    case "hours.median": hours?.median
    case "hours.p95": hours?.high
    default: nil
    }
  }
}

extension WhatIfSummary.Spread {
  init(_ values: [Double]) {
    mean = values.reduce(0, +) / Double(values.count)
    high = values.sorted().quantile(0.95)
  }
}

extension WhatIfSummary.Quantiles {
  init?(_ lengths: [Interval]) {
    guard !lengths.isEmpty else { return nil }
    let hours = lengths.map { Double($0.milliseconds) / 3_600_000 }.sorted()
    median = hours.quantile(0.5)
    high = hours.quantile(0.95)
  }
}

extension [Double] {
  /// Of sorted values; between two neighbours in proportion.
  fileprivate func quantile(_ part: Double) -> Double {
    let place = part * Double(count - 1)
    let low = Int(place)
    let above = Swift.min(low + 1, count - 1)
    return self[low] + (place - Double(low)) * (self[above] - self[low])
  }
}
