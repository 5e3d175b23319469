// MetricEvidence: a number that devices report, updated ones against the others, as evidence.

public import UpdateModel

/// What was seen of one health metric in one stratum.
///
/// Counters are compared as events per device-hour. Values are compared in pairs: each that an
/// updated device reports with the latest unused one of a device that is not updated.
public struct MetricEvidence: Equatable, Sendable {
  /// What is compared, and how much more is tolerated.
  public let metric: Policy.HealthMetric
  /// Events of updated devices.
  public private(set) var treatedEvents = 0
  /// Events of devices that are not updated.
  public private(set) var controlEvents = 0
  /// Hours over which the events of updated devices were counted.
  public private(set) var treatedHours = 0.0
  /// Hours over which those of the others were counted.
  public private(set) var controlHours = 0.0
  /// Pairs of values compared.
  public private(set) var pairs = 0
  private var wealth = BoundedWealth(mean: 0.5)
  private var unpaired: Double?

  /// One thing that was seen.
  public enum Observation: Equatable, Sendable {
    /// A counter grew by `events` in a time of `span`.
    case events(Int, span: Interval)
    /// A value was reported.
    case value(Int)
  }

  /// Nothing seen.
  public init(_ metric: Policy.HealthMetric) {
    self.metric = metric
    if case .value(_, _, let margin) = metric.kind {
      // Of y = (treated - control + 1) / 2, so a margin of the difference is half as much of y.
      wealth = BoundedWealth(mean: (1 + Double(margin.basisPoints) / 10_000) / 2)
    }
  }

  /// Takes in one observation of an updated device or of one of the control cohort.
  mutating func take(_ observation: Observation, isTreated: Bool) {
    switch (observation, metric.kind) {
    case (.events(let events, let span), .count):
      let hours = Double(max(0, span.milliseconds)) / 3_600_000
      // A device cannot end a rollout by one absurd number.
      let bounded = min(max(0, events), 1000)
      if isTreated {
        treatedEvents += bounded
        treatedHours += hours
      } else {
        controlEvents += bounded
        controlHours += hours
      }
    case (.value(let value), .value(let from, let to, _)):
      let scaled = (Double(min(max(value, from), to)) - Double(from)) / Double(to - from)
      if !isTreated {
        unpaired = scaled
      } else if let control = unpaired {
        unpaired = nil
        pairs += 1
        wealth.add((scaled - control + 1) / 2)
      }
    case (.events, .value), (.value, .count): break
    }
  }

  /// The natural logarithm of the e-value against "updated devices do no worse than tolerated".
  public var logE: Double {
    switch metric.kind {
    case .count(let hundredths):
      guard treatedHours > 0, controlHours > 0 else { return 0 }
      return EValue.logCounts(
        treated: treatedEvents, control: controlEvents, treatedExposure: treatedHours,
        controlExposure: controlHours, ratio: Double(hundredths) / 100)
    case .value: return pairs == 0 ? 0 : wealth.logE
    }
  }

  /// What was seen, for people.
  public var sentence: String {
    switch metric.kind {
    case .count:
      "\(metric.name): \(treatedEvents) in \(Int(treatedHours)) h on updated devices, "
        + "\(controlEvents) in \(Int(controlHours)) h on the others"
    case .value: "\(metric.name): \(pairs) pairs of updated and other devices compared"
    }
  }
}
