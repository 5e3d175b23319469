// PolicyLimits: what may happen at the same time, and how fast; checked at the moment of granting.

extension Policy {
  /// Limits that are checked at the moment of granting.
  public struct GrantLimits: Equatable, Sendable {
    /// Devices that may hold a lease at the same time; nil for no limit.
    public let concurrent: Int?
    /// Leases that may be granted in any one minute; nil for no limit, or for one that grows.
    public let perMinute: Int?
    /// A rate that grows with the rollout; nil for none. Never together with `perMinute`.
    public let rate: RateGrowth?
    /// How many devices of one site, pair or the like may be under way; at most four budgets.
    public let domains: [DomainBudget]
    /// How many bytes per second may be granted for download; nil for no limit.
    public let bandwidth: ByteRate?
    /// Grants may run ahead of `bandwidth` by what it carries in so much time.
    public let bandwidthBurst: Interval

    /// Whole minutes that the rate adds when `count` devices are granted after `granted` others.
    ///
    /// A rate that grows is taken to grow while the devices are granted, whatever makes its steps.
    public func minutes(toGrant count: Int, after granted: Int) -> Int64 {
      if let perMinute { return Int64(max(0, count - 1) / perMinute) }
      return rate?.minutes(toGrant: count, after: granted) ?? 0
    }

    /// More budgets would make each poll slower.
    public static let domainsMax = 4
  }

  /// A rate that is multiplied each time that so many more devices were reached: the
  /// `exponentialRate` of the rollout configuration of AWS IoT Jobs, with its `maximumPerMinute`.
  public struct RateGrowth: Equatable, Sendable {
    /// Leases in any one minute at first, 1 to 1,000,000.
    public let basePerMinute: Int
    /// Each step multiplies the rate by so many hundredths, 110 to 500.
    public let factorHundredths: Int
    /// What makes a step.
    public let every: Step
    /// The rate never exceeds this many leases per minute; at least the base.
    public let ceiling: Int

    /// What is counted, and how many make a step.
    public enum Step: Equatable, Sendable {
      /// Devices that were granted a lease at least once.
      case notified(Int)
      /// Devices that took the release.
      case succeeded(Int)

      /// Devices that make a step.
      public var size: Int {
        switch self {
        case .notified(let size), .succeeded(let size): size
        }
      }
    }

    /// Whole minutes that it adds when `count` devices are granted after `granted` others.
    public func minutes(toGrant count: Int, after granted: Int) -> Int64 {
      var minutes: Int64 = 0
      var left = count
      while left > 0 {
        let done = granted + count - left
        let now = perMinute(after: done)
        if now >= ceiling { return minutes + Int64((left - 1) / now) }
        // All minutes of one step at once.
        let size = every.size
        let whole = (min(left, size - done % size) + now - 1) / now
        minutes += Int64(whole)
        left -= whole * now
      }
      return max(0, minutes - 1)
    }

    /// Leases in any one minute once `count` devices were notified or succeeded.
    public func perMinute(after count: Int) -> Int {
      var steps = max(0, count) / every.size
      // In millionths, so that factors such as 1.1 lose nothing that shows.
      var rate = Int64(basePerMinute) * 1_000_000
      let top = Int64(ceiling) * 1_000_000
      while steps > 0, rate < top {
        rate = rate * Int64(factorHundredths) / 100
        steps -= 1
      }
      return Int(min(rate, top) / 1_000_000)
    }
  }

  /// At most so many devices of one failure domain may be under way at a time.
  public struct DomainBudget: Equatable, Sendable {
    /// What puts a device into a domain.
    public let by: Property
    /// Devices of one domain that may hold a lease; a share is one of its size, rounded down.
    public let atMost: StageSize

    /// A property whose value names the domain.
    public enum Property: Equatable, Sendable, CustomStringConvertible {
      /// A tag, by key.
      case tag(String)
      /// A reported attribute, by key.
      case attribute(String)

      /// As written in a policy: `tag.site`, `attr.pair`.
      public var description: String {
        switch self {
        case .tag(let key): "tag.\(key)"
        case .attribute(let key): "attr.\(key)"
        }
      }
    }

    /// The domain of a device; nil when it has none, and then this budget does not limit it.
    public func domain(of device: Device) -> String? {
      let value =
        switch by {
        case .tag(let key): device.twin.tags.text(key)
        case .attribute(let key): device.twin.reported.text(key)
        }
      return value.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Devices of a domain of `size` devices that may be under way; at least 1.
    public func allowance(of size: Int) -> Int {
      switch atMost {
      case .devices(let count): count
      case .share(let share): max(1, share.roundedDown(of: size))
      }
    }
  }
}

extension Policy.GrantLimits {
  init?(_ reader: DocumentReader) {
    reader.allowOnly([
      "concurrent", "perMinute", "rate", "domains", "bandwidth", "bandwidthBurst",
    ])
    let range = 1...100_000_000
    concurrent = reader.has("concurrent") ? reader.integer("concurrent", in: range) : nil
    perMinute = reader.has("perMinute") ? reader.integer("perMinute", in: range) : nil
    rate = reader.has("rate") ? Policy.RateGrowth(reader.object("rate")) : nil
    if reader.has("rate"), reader.has("perMinute") {
      reader.refuse("rate", "found beside perMinute; give one of them, perMinute never grows")
    }
    domains = Policy.DomainBudget.list(reader)
    bandwidth =
      reader.has("bandwidth")
      ? reader.read(
        "bandwidth", default: nil, allowed: "a rate such as \"20MB/s\" from 1B/s to 1000GB/s"
      ) { $0.string.flatMap(ByteRate.init(text:)) } : nil
    let burst = reader.interval(
      "bandwidthBurst", default: .minutes(1), in: .seconds(1) ... .days(1))
    if reader.has("bandwidthBurst"), !reader.has("bandwidth") {
      reader.refuse("bandwidthBurst", "means nothing without bandwidth; give both or neither")
    }
    guard let burst else { return nil }
    bandwidthBurst = burst
  }
}

extension Policy.RateGrowth {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["basePerMinute", "factor", "every", "ceiling"])
    let base = reader.integer("basePerMinute", in: 1...1_000_000)
    let factor = reader.read(
      "factor", default: 200, allowed: "a number from 1.1 to 5, such as 1.5"
    ) { $0.hundredths(in: 110...500) }
    // The default is that of AWS.
    let ceiling = reader.integer(
      "ceiling", default: max(1000, base ?? 0), in: 1...100_000_000)
    let every = reader.has("every") ? Step(reader.object("every")) : nil
    if !reader.has("every") {
      reader.refuse("every", "missing; give {\"notified\": 1000} or {\"succeeded\": 1000}")
    }
    guard let base, let factor, let ceiling, let every else { return nil }
    if ceiling < base {
      reader.refuse("ceiling", "found \(ceiling), which is less than basePerMinute, \(base)")
    }
    self.init(basePerMinute: base, factorHundredths: factor, every: every, ceiling: ceiling)
  }
}

extension Policy.RateGrowth.Step {
  fileprivate init?(_ reader: DocumentReader) {
    reader.allowOnly(["notified", "succeeded"])
    let range = 1...100_000_000
    let isNotified = reader.has("notified")
    guard isNotified != reader.has("succeeded") else {
      reader.refuse(
        isNotified ? "succeeded" : "notified", "give exactly one of notified and succeeded")
      return nil
    }
    guard let count = reader.integer(isNotified ? "notified" : "succeeded", in: range) else {
      return nil
    }
    self = isNotified ? .notified(count) : .succeeded(count)
  }
}

extension Policy.DomainBudget {
  fileprivate static func list(_ parent: DocumentReader) -> [Policy.DomainBudget] {
    guard parent.has("domains") else { return [] }
    let most = Policy.GrantLimits.domainsMax
    guard let readers = parent.objects("domains"), (1...most).contains(readers.count) else {
      parent.refuse(
        "domains",
        "give a list of 1 to \(most) objects such as {\"by\": \"tag.site\", \"atMost\": 1}")
      return []
    }
    var budgets: [Policy.DomainBudget] = []
    for reader in readers {
      reader.allowOnly(["by", "atMost"])
      let by = reader.read("by", default: nil, allowed: "tag.KEY or attr.KEY") {
        $0.string.flatMap(Property.init)
      }
      guard let atMost = reader.stageSize("atMost"), let by else { continue }
      if budgets.contains(where: { $0.by == by }) {
        reader.refuse("by", "found \(by) twice; give each property one budget")
      }
      budgets.append(Policy.DomainBudget(by: by, atMost: atMost))
    }
    return budgets
  }
}

extension Policy.DomainBudget.Property {
  fileprivate init?(_ text: String) {
    switch DeviceFilter.Condition.Field(text) {
    case .tag(let key) where key.utf8.count <= DeviceLimits.keyBytes: self = .tag(key)
    case .attribute(let key) where key.utf8.count <= DeviceLimits.keyBytes: self = .attribute(key)
    case .tag, .attribute, .device, .hardware, .version, nil: return nil
    }
  }
}
