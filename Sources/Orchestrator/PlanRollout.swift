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
  /// What a plan takes for granted; nothing of it reaches the rollout.
  public var expectation = Expectation()

  /// What a person expects of a release before the start.
  public struct Expectation: Sendable {
    /// The share of devices that fail.
    public var failureRate = Share(basisPoints: 10) ?? .none
    /// From the end of the download until a device runs the release.
    public var install = Interval.minutes(15)

    /// One device in a thousand fails, and installing takes a quarter of an hour.
    public init() {}
  }

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
  /// Devices that it is for.
  public let population: Int
  /// The stages; with evidence, the canary stage alone.
  public let stages: [PlannedStage]
  /// Devices no artifact of the release fits, or of which the hardware model is not known.
  public let notFitting: Int
  /// Devices that fit but say that they run the release.
  public let alreadyRunning: Int
  /// When each stage opens at the earliest and as expected, from the start.
  public let times: [(earliest: Interval, expected: Interval)]
  /// From the start to the end of the last stage.
  public let total: (earliest: Interval, expected: Interval)
  /// What each stage asks of the network.
  public let loads: [Forecast.Load]
  /// What the evidence would allow; nil for policies that plan their stages.
  public let evidence: EvidenceForecast?
  /// When the devices it is for were heard.
  public let hearing: Hearing
  /// What a device downloads at most, in bytes.
  public let imageBytes: Int64
  /// Devices for which something is different, and why.
  public let apart: [DevicesApart]
  /// What a person should know before the start.
  public let warnings: [String]
  /// Those of the warnings that say more than `apart`.
  public let advice: [String]

  /// The most bytes a second.
  public var bytesPerSecondPeak: Double {
    max(loads.map(\.bytesPerSecond).max() ?? 0, evidence?.bytesPerSecondPeak ?? 0)
  }
  /// The most downloads at the same time.
  public var downloadsPeak: Int {
    max(loads.map(\.downloads).max() ?? 0, evidence?.downloadsPeak ?? 0)
  }
}

extension ControlPlane {
  /// Plans a rollout without creating it.
  public func plan(_ request: RolloutRequest, in room: Room) throws(Problem) -> RolloutForecast {
    let (policy, _) = try policies.policy(request.policy, overrides: request.overrides)
    let now = clock.now
    try timeZones.require(policy.windows, at: now)
    let (release, artifacts) = try room.ledger.withLock {
      ledger throws(Problem) -> (Release, [Artifact]) in
      let release = try ledger.resolve(release: request.release)
      return (release, release.artifacts.compactMap { ledger.artifacts[$0] })
    }
    let outlook = WindowOutlook(self, room, policy.windows, now: now)
    let hindrances = HindranceOutlook(self, room, release, policy, now: now)
    let census = try census(
      release, policy, request.target, salt: 0, isOpenSoon: outlook.isOpenSoon,
      hindrance: hindrances.hindrance(of:), in: room)
    let plan = try fleetPlan(policy, census)
    // A device downloads one image of each component.
    let imageBytes =
      RolloutBook.byHardware(artifacts).values.map { $0.reduce(0) { $0 + $1.size } }.max() ?? 0
    let assumptions = ForecastAssumptions(
      policy, census, plan, request.expectation, imageBytes: imageBytes,
      poll: room.settings.pollInterval)
    let forecast = ControlPlane.times(
      plan.stages, policy, poll: room.settings.pollInterval)
    let advice = ControlPlane.advice(release, policy, plan.stages, census)
    return RolloutForecast(
      release: release, policy: policy,
      population: census.canaries + census.strata.values.reduce(0) { $0 + $1.count },
      stages: plan.stages, notFitting: census.notFitting, alreadyRunning: census.alreadyRunning,
      times: forecast.times, total: forecast.total,
      loads: ControlPlane.loads(plan.stages, assumptions),
      evidence: EvidenceForecast(policy, plan.stages, assumptions), hearing: census.hearing,
      imageBytes: imageBytes, apart: census.apart,
      warnings: ControlPlane.warnings(release, policy, census) + advice, advice: advice)
  }

  /// What the fleet looks like to a release under a policy.
  struct Census {
    var canaries = 0
    /// Ranks of the others by stratum; all under one label without evidence.
    var strata: [String: [UInt64]] = [:]
    /// The devices of each stratum that are reached last.
    var cohort: [String: CohortDraw] = [:]
    var notFitting = 0
    /// Of those, devices of which the hardware model is not known.
    var unknownHardware = 0
    var outside = 0
    var hearing = Hearing()
    var withoutWindow = 0
    /// Devices that would wait now, by what keeps them.
    var hindered: [Hindrance.Kind: Int] = [:]
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
  ///
  /// `known` are devices that had their place before, whatever they run now; `isOpenSoon` is asked
  /// whether a device is in a maintenance window before long, `hindrance` what would keep it now.
  func census(
    _ release: Release, _ policy: Policy, _ target: RolloutSpecification.Target?, salt: UInt64,
    including known: Set<DeviceID> = [], isOpenSoon: (Device) -> Bool = { _ in true },
    hindrance: (Device) -> Hindrance? = { _ in nil }, in room: Room
  ) throws(Problem) -> Census {
    var census = Census()
    // A copy: deciding about a million devices must not keep others from the ledger.
    let ledger = room.ledger.withLock { $0.selectionCopy() }
    try ledger.check(target)
    let artifacts = RolloutBook.byHardware(release.artifacts.compactMap { ledger.artifacts[$0] })
    var fallbacks: [Software: Way] = [:]
    let guarded = ledger.safeguards
    let now = clock.now
    let selection = DetailSelection(
      policy, target, [policy.conditions, release.terms.conditions], ledger)
    room.fleet.forEach(in: room.tenant, reading: selection) { device, heard in
      census.fleetSize += 1
      let canary = ledger.isCanary(device, of: policy)
      let targeted = ledger.isTargeted(device, by: target)
      guard canary || targeted else {
        census.outside += 1
        return
      }
      guard let hardware = device.hardware, artifacts[hardware] != nil else {
        census.notFitting += 1
        if device.hardware == nil { census.unknownHardware += 1 }
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
      census.hearing.count(heard, now: now)
      if !isOpenSoon(device) { census.withoutWindow += 1 }
      if let found = hindrance(device) { census.hindered[found.kind, default: 0] += 1 }
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

  // What each stage asks of the network when the one before is done.
  private static func loads(
    _ stages: [PlannedStage], _ assumptions: ForecastAssumptions
  ) -> [Forecast.Load] {
    var offered = 0
    return stages.map { stage in
      defer { offered += stage.size }
      return Forecast.load(of: stage.size, after: offered, assumptions)
    }
  }

  // What is special about some of the devices.
  private static func warnings(
    _ release: Release, _ policy: Policy, _ census: Census
  ) -> [String] {
    var warnings: [String] = []
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
    return warnings + census.ways.warnings(release, policy)
  }

  private static func advice(
    _ release: Release, _ policy: Policy, _ stages: [PlannedStage], _ census: Census
  ) -> [String] {
    var advice: [String] = []
    if release.status != .published {
      advice.append(
        "release \(release.name):\(release.version) is \(release.status.rawValue); "
          + "publish it before the start")
    }
    advice += census.ways.detours(release)
    if let group = policy.canary?.group, census.canariesOutside > 0 {
      advice.append(
        "\(census.canariesOutside) devices of group \(group) are outside the target and go first "
          + "all the same")
    }
    if Schedule.needsApproval(policy, stages) {
      advice.append("a person must approve before the start: groundswell rollout approve")
    }
    if policy.canary == nil, policy.evidence == nil {
      advice.append("the policy has no canary group; the first stage is drawn from the fleet")
    }
    let largest = stages.map(\.size).max() ?? 0
    if stages.count > 1, let first = stages.first, largest > first.size * 1000 {
      advice.append("the largest stage is over 1000 times the first; consider a cap")
    }
    let waiting = census.hindered.values.reduce(0, +)
    if waiting > 0 {
      advice.append(
        "\(waiting) devices would wait now, for their state or their own wish; they hold no slot "
          + "and go on when it changes")
    }
    return advice + EvidenceForecast.advice(policy)
  }
}

extension Ledger {
  // Whether a rollout can be for these devices.
  fileprivate func check(_ target: RolloutSpecification.Target?) throws(Problem) {
    switch target {
    case nil, .filter: break
    case .query(let query): try query.requireSteady(choosing: "the devices of a rollout")
    case .group(let name):
      guard groups[name] != nil else {
        throw Problem(
          .unprocessable, "there is no group \(name); create it or choose another target")
      }
    }
  }

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
