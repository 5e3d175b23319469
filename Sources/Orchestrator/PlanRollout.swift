// PlanRollout: what would happen: stages, times and exposure, before anything does.

public import RolloutEngine
public import UpdateModel

/// What a rollout is asked to do, as a person writes it.
public struct RolloutRequest: Sendable {
  /// The release, by number or as `name:version`.
  public let release: String
  /// Name of a policy.
  public let policy: String
  /// Values put in place of the policy's, by path.
  public let overrides: [(path: String, value: String)]
  /// Who may receive it.
  public let target: RolloutSpecification.Target?

  /// Joins the parts.
  public init(
    release: String, policy: String, overrides: [(path: String, value: String)],
    target: RolloutSpecification.Target?
  ) {
    self.release = release
    self.policy = policy
    self.overrides = overrides
    self.target = target
  }
}

/// A dry run.
public struct RolloutForecast: Sendable {
  /// What would be delivered.
  public let release: Release
  /// The policy with its overrides.
  public let policy: Policy
  /// The stages.
  public let stages: [PlannedStage]
  /// Devices no artifact of the release fits.
  public let notFitting: Int
  /// Devices that fit but say that they run the release.
  public let alreadyRunning: Int
  /// When each stage opens at the earliest and as expected, from the start.
  public let times: [(earliest: Interval, expected: Interval)]
  /// From the start to the end of the last stage.
  public let total: (earliest: Interval, expected: Interval)
  /// Size of the largest image a device downloads, in bytes.
  public let imageBytes: Int64
  /// What a person should know before the start.
  public let warnings: [String]
}

extension ControlPlane {
  /// Plans a rollout without creating it.
  public func plan(_ request: RolloutRequest, in room: Room) throws(Problem) -> RolloutForecast {
    let (policy, _) = try policies.policy(request.policy, overrides: request.overrides)
    try timeZones.require(policy.windows, at: clock.now)
    let (release, artifacts) = try room.ledger.withLock {
      ledger throws(Problem) -> (Release, [Artifact]) in
      let release = try ledger.resolve(release: request.release)
      return (release, release.artifacts.compactMap { ledger.artifacts[$0] })
    }
    let census = try census(release, policy, request.target, salt: 0, in: room)
    let stages = try fleetPlan(policy, census).stages
    let poll = room.settings.pollInterval
    let forecast = ControlPlane.times(stages, policy, poll: poll)
    return RolloutForecast(
      release: release, policy: policy, stages: stages, notFitting: census.notFitting,
      alreadyRunning: census.alreadyRunning, times: forecast.times, total: forecast.total,
      imageBytes: artifacts.map(\.size).max() ?? 0,
      warnings: ControlPlane.warnings(release, policy, stages, census))
  }

  /// What the fleet looks like to a release under a policy.
  struct Census {
    var canaries = 0
    /// Ranks of the others by stratum; all under one label without evidence.
    var strata: [String: [UInt64]] = [:]
    /// The devices of each stratum that are reached last.
    var cohort: [String: CohortDraw] = [:]
    var notFitting = 0
    var alreadyRunning = 0
    var withoutFallback = 0
    var canariesOutside = 0
    var safeguarded = 0
    var fleetSize = 0
    var domainSizes = DomainSizes()
    /// Devices that begin with a floor, by its label; that are barred, and that could not go back,
    /// by the reason.
    var ways = WayCounts()

    mutating func count(_ device: Device, rank: UInt64, _ policy: Policy) {
      guard let terms = policy.evidence, let label = Ledger.stratum(of: device, terms) else {
        strata["", default: []].append(rank)
        return
      }
      strata[label, default: []].append(rank)
      cohort[label, default: CohortDraw()].offer(device, rank: rank, domain: terms.domain)
    }
  }

  // What decides which release a device runs. A fleet runs few different things, so what follows
  // from it is found once for each.
  private struct Software: Hashable {
    let hardware: Name
    let version: String?
    let image: Digest?
    let ran: [ReleaseID]

    init(_ device: Device, _ hardware: Name) {
      self.hardware = hardware
      version = device.reportedVersion
      image = device.reportedImage
      ran = device.ran
    }
  }

  /// Counts the devices a rollout is for, and ranks those outside the canary group.
  func census(
    _ release: Release, _ policy: Policy, _ target: RolloutSpecification.Target?, salt: UInt64,
    including known: Set<DeviceID> = [], in room: Room
  ) throws(Problem) -> Census {
    var census = Census()
    // A copy: deciding about a million devices must not keep others from the ledger.
    let ledger = room.ledger.withLock { $0.selectionCopy() }
    if case .group(let name) = target, ledger.groups[name] == nil {
      throw Problem(.unprocessable, "there is no group \(name); create it or choose another target")
    }
    let artifacts = RolloutBook.byHardware(release.artifacts.compactMap { ledger.artifacts[$0] })
    var fallbacks: [Software: Way] = [:]
    let guarded = ledger.safeguards
    room.fleet.forEach(in: room.tenant) { device, _ in
      census.fleetSize += 1
      let canary = ledger.isCanary(device, of: policy)
      let targeted = ledger.isTargeted(device, by: target)
      guard canary || targeted else { return }
      guard let hardware = device.hardware, artifacts[hardware] != nil else {
        census.notFitting += 1
        return
      }
      guard known.contains(device.key.device) || !ledger.runs(device, release.id) else {
        census.alreadyRunning += 1
        return
      }
      guard guarded.isEmpty || ledger.safeguard(of: device, for: RolloutID(0)) == nil else {
        census.safeguarded += 1
        return
      }
      let software = Software(device, hardware)
      let way = fallbacks[software] ?? ledger.way(of: device, to: release)
      fallbacks[software] = way
      guard census.ways.count(way) else { return }
      if !way.hasFallback { census.withoutFallback += 1 }
      census.domainSizes.count(device, under: policy.limits.domains)
      if canary {
        census.canaries += 1
        if !targeted { census.canariesOutside += 1 }
      } else {
        census.count(device, rank: Cohort.rank(of: device.key.device, salt: salt), policy)
      }
    }
    return census
  }

  // Earliest: every device polls at once and takes no time. Expected: half a poll interval until
  // the offer and another until the proof, and as long as the rate limit needs for the stage.
  private static func times(
    _ stages: [PlannedStage], _ policy: Policy, poll: Interval
  ) -> (
    times: [(earliest: Interval, expected: Interval)],
    total: (earliest: Interval, expected: Interval)
  ) {
    var earliest: Int64 = 0
    var expected: Int64 = 0
    var planned = 0
    var times: [(earliest: Interval, expected: Interval)] = []
    for stage in stages {
      times.append((Interval(milliseconds: earliest), Interval(milliseconds: expected)))
      earliest += stage.gate.soak.milliseconds
      let minutes = policy.limits.minutes(toGrant: stage.size, after: planned)
      planned += stage.size
      expected += stage.gate.soak.milliseconds + 2 * poll.milliseconds + minutes * 60_000
    }
    return (
      times, (Interval(milliseconds: earliest), Interval(milliseconds: expected))
    )
  }

  private static func warnings(
    _ release: Release, _ policy: Policy, _ stages: [PlannedStage], _ census: Census
  ) -> [String] {
    var warnings: [String] = []
    if release.status != .published {
      warnings.append(
        "release \(release.name):\(release.version) is \(release.status.rawValue); "
          + "publish it before the start")
    }
    if census.notFitting > 0 {
      warnings.append("\(census.notFitting) targeted devices are left out: no artifact fits them")
    }
    if census.safeguarded > 0 {
      warnings.append(
        "\(census.safeguarded) devices are kept from updates by a safeguard; lift it when their "
          + "kind is known to be safe")
    }
    if policy.onAbort == .rollback, census.withoutFallback > 0 {
      warnings.append(
        "\(census.withoutFallback) devices could not be brought back: what they run now is not "
          + "among the published releases")
    }
    warnings += census.ways.warnings(release, policy)
    if let group = policy.canary?.group, census.canariesOutside > 0 {
      warnings.append(
        "\(census.canariesOutside) devices of group \(group) are outside the target and go first "
          + "all the same")
    }
    if Schedule.needsApproval(policy, stages) {
      warnings.append("a person must approve before the start: groundswell rollout approve")
    }
    if policy.canary == nil {
      warnings.append("the policy has no canary group; the first stage is drawn from the fleet")
    }
    let largest = stages.map(\.size).max() ?? 0
    if stages.count > 1, let first = stages.first, largest > first.size * 1000 {
      warnings.append("the largest stage is over 1000 times the first; consider a cap")
    }
    return warnings
  }
}

extension Ledger {
  /// A copy that answers who belongs where, without actions.
  func selectionCopy() -> Ledger {
    var copy = Ledger()
    copy.artifacts = artifacts
    copy.releases = releases
    copy.groups = groups
    copy.safeguards = safeguards
    return copy
  }

  /// Finds a release by number or as `name:version`.
  func resolve(release text: String) throws(Problem) -> Release {
    if let number = UInt32(text), let release = releases[ReleaseID(number)] { return release }
    let found = releases.values.first { "\($0.name):\($0.version)" == text }
    guard let found else {
      throw Problem(
        .notFound, "there is no release '\(text.prefix(80))'; give its number or name:version")
    }
    return found
  }

  /// Finds a rollout by number or name.
  func resolve(rollout text: String) throws(Problem) -> RolloutBook {
    if let number = UInt32(text), let book = books[RolloutID(number)] { return book }
    guard let book = books.values.first(where: { $0.rollout.specification.name.text == text })
    else {
      throw Problem(.notFound, "there is no rollout '\(text.prefix(80))'; give its number or name")
    }
    return book
  }
}
