// EvidencePolicy: the terms of the statistical gate in a policy: what is tolerated, risked, waited
// for.

extension Policy {
  /// Terms of the gate that decides by evidence; each has the default that simulation recommends.
  public struct Evidence: Equatable, Sendable {
    /// The failure rate that is tolerated; above zero.
    public let tolerance: Share
    /// The chance of ever stopping a release whose failure rate is within the tolerance.
    public let alphaAbort: Share
    /// The chance that an upper bound on the failure rate is ever too low.
    public let alphaAdvance: Share
    /// Failures that a step may be expected to cause at most, while the rate is not yet proven.
    public let budget: Int
    /// A step takes in at most so many times the devices exposed before it.
    public let growth: Int
    /// Devices of each stratum that go first.
    public let first: Int
    /// How long a device must run the release before it counts as proven.
    public let soak: Interval
    /// Hours that devices must have run the release, summed over them, before each further step.
    public let deviceHours: Int
    /// Silence on the healthy clock after which a device counts as lost; nil for three poll
    /// intervals and a quarter of an hour.
    public let silentAfter: Interval?
    /// A device without a verdict is not waited for any longer than this; nil for three poll
    /// intervals, the time to install, the soak time and the silence together.
    public let verdictWithin: Interval?
    /// How long a complete rollout is watched on.
    public let watch: Interval
    /// When less than this share of the control cohort is heard, clocks stop: it is an outage.
    public let minHeard: Share
    /// The rollout is held after so many steps in a row that do not grow.
    public let stallLimit: Int
    /// A step grows when it is so many hundredths of the one before.
    public let stallFactorHundredths: Int
    /// So many quarantined strata stop the whole rollout.
    public let quarantineLimit: Int
    /// Quarantined strata with this share of the fleet stop the whole rollout.
    public let quarantineShare: Share
    /// The rollout pauses when more than this share of the devices that were granted the release
    /// could not fetch it.
    public let deliveryLimit: Share
    /// What divides the fleet into strata, apart from the hardware model, which always does.
    public let strata: [DeviceFilter.Condition.Field]
    /// What divides the fleet into domains with a clock of their own, such as `tag.site`.
    public let domain: DeviceFilter.Condition.Field?
    /// Numbers that devices report, compared between updated devices and the others.
    public let metrics: [HealthMetric]

    /// More strata than this are counted together with the last.
    public static let strataMax = 200

    /// The silence that makes a device lost, for devices that poll in this interval.
    ///
    /// Never less than three poll intervals: an outage is noticed after one and a half at the
    /// earliest, and until then it must not make anybody lost.
    public func silence(poll: Interval) -> Interval {
      let least = 3 * poll.milliseconds
      return Interval(
        milliseconds: silentAfter.map { max(least, $0.milliseconds) } ?? least + 15 * 60_000)
    }

    /// How long the verdict of a device is waited for, from the moment it began to install.
    public func patience(poll: Interval) -> Interval {
      verdictWithin
        ?? Interval(
          milliseconds: 3 * poll.milliseconds + 15 * 60_000 + soak.milliseconds
            + silence(poll: poll).milliseconds)
    }
  }

  /// A number that tells how well a device does.
  public struct HealthMetric: Equatable, Sendable {
    /// The attribute or tag that holds it.
    public let field: DeviceFilter.Condition.Field
    /// As it was written, such as `attr.crashes`.
    public let name: String
    /// How it is compared.
    public let kind: Kind

    /// How a metric is compared with the control cohort.
    public enum Kind: Equatable, Sendable {
      /// A counter that only grows, such as crashes: events per device-hour may be at most so many
      /// hundredths of those in the control cohort.
      case count(ratioHundredths: Int)
      /// A number between two bounds of which less is better, such as battery drain: its mean may
      /// exceed that of the control cohort by at most this share of the range.
      case value(from: Int, to: Int, margin: Share)
    }
  }
}

extension Policy.Evidence {
  init?(_ reader: DocumentReader) {
    reader.allowOnly([
      "tolerance", "alphaAbort", "alphaAdvance", "budget", "growth", "first", "soak",
      "deviceHours", "silentAfter", "verdictWithin", "watch", "minHeard", "stallLimit",
      "stallFactor", "quarantineLimit", "quarantineShare", "deliveryLimit", "strata", "domain",
      "metrics",
    ])
    let long: ClosedRange<Interval> = .seconds(1) ... .days(90)
    let tolerance = reader.share("tolerance", default: .half, from: .least)
    let alphaAbort = reader.share("alphaAbort", default: .five, from: .least)
    let alphaAdvance = reader.share("alphaAdvance", default: .five, from: .least)
    let budget = reader.integer("budget", default: 30, in: 1...1_000_000)
    let growth = reader.integer("growth", default: 10, in: 1...1000)
    let first = reader.integer("first", default: 5, in: 1...100_000)
    let soak = reader.interval("soak", default: .hours(12), in: .zero ... .days(90))
    let deviceHours = reader.integer("deviceHours", default: 0, in: 0...1_000_000_000)
    let silentAfter = reader.has("silentAfter") ? reader.interval("silentAfter", in: long) : nil
    let verdictWithin =
      reader.has("verdictWithin") ? reader.interval("verdictWithin", in: long) : nil
    let watch = reader.interval("watch", default: .days(1), in: .zero ... .days(365))
    let minHeard = reader.share("minHeard", default: Share(basisPoints: 7_000), from: .least)
    let stallLimit = reader.integer("stallLimit", default: 3, in: 1...100)
    let stallFactor = reader.hundredths("stallFactor", default: 150, in: 100...1000)
    let limit = reader.integer("quarantineLimit", default: 2, in: 1...1000)
    let share = reader.share("quarantineShare", default: Share(basisPoints: 5_000), from: .least)
    let delivery = reader.share("deliveryLimit", default: Share(basisPoints: 2_500))
    let strata = reader.fields("strata", atMost: 3)
    let domain = reader.has("domain") ? reader.field("domain") : nil
    let metrics = (reader.objects("metrics") ?? []).compactMap(Policy.HealthMetric.init)
    if metrics.count > 8 { reader.refuse("metrics", "found \(metrics.count); give at most 8") }
    guard let tolerance, let alphaAbort, let alphaAdvance, let budget, let growth, let first,
      let soak, let deviceHours, let watch, let minHeard, let stallLimit, let stallFactor,
      let limit, let share, let delivery, let strata
    else { return nil }
    if tolerance > .half, tolerance > Share(basisPoints: 5_000) ?? .whole {
      reader.refuse("tolerance", "found \(tolerance); tolerate at most 50%")
    }
    if alphaAbort == .whole || alphaAdvance == .whole {
      reader.refuse("alphaAbort", "a chance of error of 100% decides nothing; give less")
    }
    self.init(
      tolerance: tolerance, alphaAbort: alphaAbort, alphaAdvance: alphaAdvance, budget: budget,
      growth: growth, first: first, soak: soak, deviceHours: deviceHours,
      silentAfter: silentAfter, verdictWithin: verdictWithin, watch: watch, minHeard: minHeard,
      stallLimit: stallLimit, stallFactorHundredths: stallFactor, quarantineLimit: limit,
      quarantineShare: share, deliveryLimit: delivery, strata: strata, domain: domain,
      metrics: metrics)
  }
}

extension Policy.HealthMetric {
  init?(_ reader: DocumentReader) {
    reader.allowOnly(["name", "kind", "ratio", "from", "to", "margin"])
    enum Word: String, CaseIterable { case count, value }
    let word: Word? = reader.choice("kind")
    let name = reader.text("name")
    let field = reader.field("name")
    let ratio = reader.hundredths("ratio", default: 120, in: 100...10_000)
    let from = reader.integer("from", default: 0, in: -1_000_000...1_000_000)
    let to = reader.integer("to", default: 100, in: -1_000_000...1_000_000)
    let margin = reader.share("margin", default: .five)
    guard let word, let name, let field, let ratio, let from, let to, let margin else { return nil }
    if from >= to { reader.refuse("to", "found \(to), which is not above from, \(from)") }
    self.init(
      field: field, name: name,
      kind: word == .count
        ? .count(ratioHundredths: ratio) : .value(from: from, to: to, margin: margin))
  }
}

extension DocumentReader {
  /// Reads the name of something a device has: `hardware`, `version`, `tag.KEY`, `attr.KEY`.
  func field(_ key: String) -> DeviceFilter.Condition.Field? {
    read(key, default: nil, allowed: "hardware, version, tag.KEY or attr.KEY") {
      $0.string.flatMap(DeviceFilter.Condition.Field.init)
    }
  }

  /// Reads an array of such names; a missing one is empty.
  func fields(_ key: String, atMost most: Int) -> [DeviceFilter.Condition.Field]? {
    read(key, default: [], allowed: "an array of at most \(most) of tag.KEY, attr.KEY, version") {
      value -> [DeviceFilter.Condition.Field]? in
      guard let elements = value.array, elements.count <= most else { return nil }
      let fields = elements.compactMap {
        $0.string.flatMap(DeviceFilter.Condition.Field.init)
      }
      return fields.count == elements.count ? fields : nil
    }
  }

  /// Reads a number with at most two decimals as hundredths.
  func hundredths(
    _ key: String, default fallback: Int, in range: ClosedRange<Int>
  ) -> Int? {
    let low = Double(range.lowerBound) / 100
    let high = Double(range.upperBound) / 100
    return read(key, default: fallback, allowed: "a number from \(low) to \(high)") {
      $0.hundredths(in: range)
    }
  }
}

extension Share {
  /// Half a percent.
  static let half = Share(basisPoints: 50) ?? .none
  /// Five percent.
  static let five = Share(basisPoints: 500) ?? .none
}
