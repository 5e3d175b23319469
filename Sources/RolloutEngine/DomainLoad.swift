// DomainLoad: how many devices of each failure domain are under way, and which domain is full.

public import UpdateModel

/// A failure domain with as many devices under way as its budget allows.
public struct FullDomain: Equatable, Sendable {
  /// What divides devices into domains, such as `tag.site`.
  public let property: Policy.DomainBudget.Property
  /// The domain.
  public let domain: String
  /// Devices of it that may be under way.
  public let limit: Int

  /// Names a domain that is full.
  public init(property: Policy.DomainBudget.Property, domain: String, limit: Int) {
    self.property = property
    self.domain = domain
    self.limit = limit
  }
}

/// Devices of each domain when the rollout was planned, as far as its budgets need to know.
public struct DomainSizes: Equatable, Sendable {
  /// By domain, in the order of the budgets; a domain that is missing has an allowance of 1.
  public private(set) var sizes: [[String: Int]]

  /// No devices.
  public init() { sizes = [] }

  /// Restores what was kept.
  public init(_ sizes: [[String: Int]]) { self.sizes = sizes }

  /// Counts one device that the rollout is for.
  public mutating func count(_ device: Device, under budgets: [Policy.DomainBudget]) {
    while sizes.count < budgets.count { sizes.append([:]) }
    for (index, budget) in budgets.enumerated() {
      guard case .share = budget.atMost, let domain = budget.domain(of: device) else { continue }
      sizes[index][domain, default: 0] += 1
    }
  }

  /// Only the domains large enough for an allowance above 1; the rest says nothing.
  public func trimmed(for budgets: [Policy.DomainBudget]) -> DomainSizes {
    DomainSizes(
      zip(sizes, budgets).map { counts, budget in
        counts.filter { budget.allowance(of: $0.value) > 1 }
      })
  }

  func size(of domain: String, budget: Int) -> Int {
    budget < sizes.count ? sizes[budget][domain] ?? 0 : 0
  }
}

/// Devices that hold a lease, by failure domain. A device keeps its place under the domain it had
/// when it took it, whatever its tags become.
public struct DomainLoad: Equatable, Sendable {
  private struct Place: Hashable, Sendable {
    let budget: Int
    let domain: String
  }

  private var counts: [Place: Int] = [:]
  private var places: [DeviceID: [Place]] = [:]

  /// Nobody is under way.
  public init() {}

  /// Follows one action: a lease takes a place in each domain of its device, its end frees them.
  ///
  /// `device` is asked for only when a lease begins.
  public mutating func follow(
    _ action: Action, under budgets: [Policy.DomainBudget], device: () -> Device?
  ) {
    if budgets.isEmpty { return }
    if !action.isLeased {
      for place in places.removeValue(forKey: action.device) ?? [] {
        let left = counts[place, default: 0] - 1
        precondition(left >= 0, "a device leaves a domain that counts it")
        counts[place] = left == 0 ? nil : left
      }
    } else if places[action.device] == nil, let device = device() {
      var taken: [Place] = []
      for (index, budget) in budgets.enumerated() {
        guard let domain = budget.domain(of: device) else { continue }
        let place = Place(budget: index, domain: domain)
        counts[place, default: 0] += 1
        taken.append(place)
      }
      places[action.device] = taken
    }
  }

  /// The first budget that leaves no place for one more lease of a device; nil when all do.
  public func full(for device: Device, in rollout: Rollout) -> FullDomain? {
    let budgets = rollout.policy.limits.domains
    for index in budgets.indices {
      guard let domain = budgets[index].domain(of: device) else { continue }
      let limit = budgets[index].allowance(
        of: rollout.domainSizes.size(of: domain, budget: index))
      if counts[Place(budget: index, domain: domain), default: 0] >= limit {
        return FullDomain(property: budgets[index].by, domain: domain, limit: limit)
      }
    }
    return nil
  }
}
