// WhatIfScenario: a fleet and what a release does to it, for rollouts in virtual time.

public import UpdateModel

/// Everything about a what-if run but the policy and the seed.
///
/// The defaults are those of the fleet that the gate was designed on: four hardware models of very
/// different size, one device in twenty that never calls, one in a hundred that drops out each day.
public struct WhatIfScenario: Equatable, Sendable {
  /// Devices in all; 1 to `fleetSizeMax`.
  public var fleetSize = 100_000
  /// Hardware models; their shares add up to the whole.
  public var models: [Model]
  /// Devices in the policy's canary group, drawn evenly from the fleet; used where it names one.
  public var canaries = 10
  /// Devices that never call.
  public var unreachable = Share.fivePercent
  /// Devices that drop out on any one day, for `away`; one that is away says nothing by it. Counts
  /// from the installation on, and in the control cohort.
  public var dropOuts = Share.onePercent
  /// How long a device that dropped out stays away.
  public var away = Interval.hours(12)
  /// Time between two calls of a device.
  public var poll = Interval.hours(1)
  /// From the call that fetches the release until the device reports and has rebooted.
  public var install = Interval.minutes(15)
  /// Size of the image, for limits on bandwidth.
  public var imageBytes: Int64 = 20_000_000
  /// From the end of the installation to a late failure.
  public var lateAfter = Interval.hours(24)
  /// For how long the whole fleet is unheard; it begins 1 to 12 hours after the start. Zero: never.
  public var outage = Interval.zero

  /// More devices than this are refused.
  public static let fleetSizeMax = 10_000_000
  /// More models than this are refused.
  public static let modelsMax = 100

  /// One hardware model and what the release does to it.
  public struct Model: Equatable, Sendable {
    /// Its name; the stratum of its devices.
    public let name: Name
    /// Its part of the fleet.
    public let share: Share
    /// Devices on which the installation fails, however often it is tried.
    public var failing = Share.none
    /// Devices that install well and fail `lateAfter` later.
    public var failingLate = Share.none
    /// Failing devices that fall silent for good instead of reporting: bricks.
    public var unreported = Share.halfOfAll

    /// A model to which the release does no harm.
    public init(name: Name, share: Share) {
      self.name = name
      self.share = share
    }
  }

  /// Describes a fleet that takes no harm.
  public init(models: [Model]) { self.models = models }

  /// Devices of each model: rounded shares, and the first model has the rest.
  public var modelSizes: [Int] {
    var sizes = models.map { (fleetSize * $0.share.basisPoints + 5_000) / 10_000 }
    let rest = sizes.dropFirst().reduce(0, +)
    if !sizes.isEmpty { sizes[0] = max(0, fleetSize - rest) }
    return sizes
  }

  /// Whether no model fails more often than this, early and late together.
  public func isHealthy(within tolerance: Share) -> Bool {
    models.allSatisfy { model in
      model.failing.basisPoints + model.failingLate.basisPoints <= tolerance.basisPoints
    }
  }

  /// Why the scenario makes no sense, in words with what to do; nil when it does.
  public var fault: String? {
    if !(1...WhatIfScenario.fleetSizeMax).contains(fleetSize) {
      return "a fleet has 1 to \(WhatIfScenario.fleetSizeMax) devices"
    }
    if models.isEmpty || models.count > WhatIfScenario.modelsMax {
      return "name 1 to \(WhatIfScenario.modelsMax) hardware models"
    }
    let sum = models.reduce(0) { $0 + $1.share.basisPoints }
    if sum != 10_000 {
      return "the models are \(Double(sum) / 100) % of the fleet together; make it 100 %"
    }
    if Set(models.map(\.name)).count != models.count { return "two models have the same name" }
    let isTooMuch = models.contains {
      $0.failing.basisPoints + $0.failingLate.basisPoints > 10_000
    }
    if isTooMuch { return "more than all devices of a model would fail; lower one of the rates" }
    let times = [poll, install, away, lateAfter]
    guard times.allSatisfy({ (.seconds(1) ... .days(90)).contains($0) }), outage <= .days(30) else {
      return "times are 1s to 90d, an outage lasts 30d at most"
    }
    return nil
  }
}

extension Share {
  /// One in twenty.
  static let fivePercent = Share(basisPoints: 500) ?? .none
  /// One in a hundred.
  static let onePercent = Share(basisPoints: 100) ?? .none
  /// One in two.
  static let halfOfAll = Share(basisPoints: 5_000) ?? .none
}
