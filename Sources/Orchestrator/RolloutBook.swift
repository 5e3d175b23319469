// RolloutBook: one rollout with the actions of the devices that take part, kept in step.

import RolloutEngine
import UpdateModel

/// A rollout and its participants. Every change of an action goes through `record`, which moves the
/// counters, so that they always equal a recount. A class, so that nobody copies a million actions.
final class RolloutBook {
  private(set) var rollout: Rollout
  private(set) var actions: [DeviceID: Action] = [:]
  /// Devices that hold a lease; few, where the actions may be a million.
  private(set) var leases: Set<DeviceID> = []
  /// What devices said about their present attempt; not durable.
  private(set) var spoken: [DeviceID: Spoken] = [:]
  /// The ranks of all devices by stratum; empty without evidence.
  private(set) var ranks = RankIndex.empty
  private var strata: [String: Int] = [:]
  /// Devices that the rollout reaches last, to compare the updated ones with.
  var cohort = ControlCohort()
  // When each device last told each counter; kept only for policies that watch some.
  private var measured: [DeviceID: [Int: Instant]] = [:]
  /// Devices there were when it was planned; nil since a restart.
  private(set) var plannedFleetSize: Int?
  /// Whether the evidence changed in a way that no action tells.
  var isUnsaved = false
  /// Devices under way by failure domain.
  private(set) var load = DomainLoad()
  /// Why its scheduled start was refused; not durable.
  var startRefusal: StartRefusal?
  /// What is delivered.
  let release: Release
  /// The artifacts of the release by hardware model, components in order.
  let artifacts: [Name: [Artifact]]

  /// What was heard about one attempt.
  struct Spoken {
    /// Reports taken; bounds what one device can write.
    var count = 0
    /// How far it is, when the device tells.
    var percent: Int?
    /// Bytes that it has, when the device tells.
    var bytes: Int64?
    /// What kind of failure it told last, in its own words.
    var errorClass: String?
    /// Its result code.
    var code: Int?
  }

  init(rollout: Rollout, release: Release, artifacts: [Artifact]) {
    self.rollout = rollout
    self.release = release
    self.artifacts = RolloutBook.byHardware(artifacts)
    indexStrata()
  }

  static func byHardware(_ artifacts: [Artifact]) -> [Name: [Artifact]] {
    var sorted: [Name: [Artifact]] = [:]
    for artifact in artifacts.sorted(by: { $0.component < $1.component }) {
      for hardware in artifact.hardware { sorted[hardware, default: []].append(artifact) }
    }
    return sorted
  }

  /// Stores an action and moves the counters; `device` is asked for when a lease begins in a
  /// rollout that limits failure domains.
  func record(_ action: Action, now: Instant, device: () -> Device?) {
    load.follow(action, under: rollout.policy.limits.domains, device: device)
    let known = actions[action.device]
    let before = known?.standing
    if before != action.standing {
      rollout.evolve(.moved(stage: action.stage, from: before, to: action.standing), at: now)
    }
    if rollout.gathersEvidence, known?.mark != action.mark {
      rollout.evolve(
        .marked(stratum: action.stratum, from: known?.mark, to: action.mark), at: now)
    }
    if known?.id != action.id { spoken[action.device] = nil }
    actions[action.device] = action
    if action.isLeased {
      leases.insert(action.device)
    } else if known?.isLeased == true {
      leases.remove(action.device)
    }
  }

  /// Counts a report and keeps how far the device is.
  func note(_ report: DeviceReport, of device: DeviceID) {
    var percent: Int?
    switch report.meaning {
    case .progress(let told), .installing(let told): percent = told
    case .downloaded, .installed, .failed, .rejected, .cancelAccepted, .cancelRefused: break
    }
    // One look-up: devices that install report more often than they do anything else.
    func update(_ spoken: inout Spoken) {
      spoken.count += 1
      if let percent { spoken.percent = percent }
      if let bytes = report.bytes { spoken.bytes = bytes }
      if let code = report.code { spoken.code = code }
      if let errorClass = report.errorClass { spoken.errorClass = errorClass }
    }
    update(&spoken[device, default: Spoken()])
  }

  /// Plans anew; only before the start.
  func replan(_ plan: FleetPlan) {
    precondition(rollout.status == .draft, "stages are fixed once a rollout started")
    let approvedBy = rollout.approvedBy
    rollout = Rollout(
      specification: rollout.specification, stages: plan.stages,
      strata: plan.strata.map { ($0.label, $0.ranks.count) }, domainSizes: plan.domainSizes)
    if let approvedBy {
      rollout.evolve(.approved(by: approvedBy), at: rollout.specification.createdAt)
    }
    index(plan)
  }

  /// Takes over the ranks of the fleet at a start of the service. Devices that joined and were not
  /// written before it ended join again.
  func reindex(_ plan: FleetPlan, now: Instant) {
    index(plan)
    for (index, stratum) in rollout.strata.enumerated() {
      for _ in 0..<max(0, ranks.count(index) - stratum.size) {
        rollout.evolve(.joined(stratum: index), at: now)
      }
    }
  }

  /// Takes over the ranks of the fleet; the rollout's own counters stay.
  private func index(_ plan: FleetPlan) {
    indexStrata()
    var ranks = [[UInt64]](repeating: [], count: rollout.strata.count)
    for stratum in plan.strata {
      if let index = strata[stratum.label] { ranks[index] = stratum.ranks }
    }
    self.ranks = RankIndex(sorted: ranks)
    plannedFleetSize = plan.fleetSize
    cohort = ControlCohort(plan.cohort)
  }

  private func indexStrata() {
    strata = Dictionary(
      rollout.strata.enumerated().map { ($1.label, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The stratum of a device; nil while nobody of its kind was seen, and without evidence.
  func stratum(labelled label: String?) -> Int? {
    label.flatMap { strata[$0] ?? strata[Ledger.otherStratum] }
  }

  /// Notes a device that was not in the plan, and its kind if that is new. Returns its stratum.
  func join(_ device: DeviceID, label: String, now: Instant) -> (Int, events: [RolloutEvent]) {
    var events: [RolloutEvent] = []
    func happen(_ event: RolloutEvent) {
      rollout.evolve(event, at: now)
      events.append(event)
    }
    var found = strata[label] ?? strata[Ledger.otherStratum]
    if found == nil {
      let isFull = rollout.strata.count >= Policy.Evidence.strataMax
      let name = isFull ? Ledger.otherStratum : label
      happen(.stratumFound(name))
      strata[name] = rollout.strata.count - 1
      found = rollout.strata.count - 1
    }
    let index = found ?? 0
    let rank = Cohort.rank(of: device, salt: rollout.specification.salt)
    if ranks.insert(rank, stratum: index) {
      happen(.joined(stratum: index))
      isUnsaved = true
    }
    return (index, events)
  }

  /// Notes that a device told a counter; returns when it did before.
  func noteMeasurement(of device: DeviceID, _ metric: Int, at now: Instant) -> Instant? {
    measured[device, default: [:]].updateValue(now, forKey: metric)
  }

  /// Takes from the limits what a lease takes that is granted now.
  func grant(_ action: Action, bytes: Int64, now: Instant) {
    rollout.grant(action, bytes: bytes, at: now)
  }

  /// Applies an event of the rollout itself.
  func evolve(_ event: RolloutEvent, now: Instant) { rollout.evolve(event, at: now) }

  /// Lets the gate act; returns what happened.
  func advance(now: Instant) -> [RolloutEvent] { Gate.advance(&rollout, ranks: ranks, now: now) }

  /// Whether a device is to stop what it was given: it was asked to, or will be at its next poll.
  func isToStop(_ action: Action) -> Bool {
    guard let phase = action.phase, phase != .verifying else { return false }
    let isOver = rollout.status.isStopped || rollout.isQuarantined(action)
    let isStopped = isOver && action.kind == .update
    return action.cancel == .requested || (action.cancel == .none && isStopped)
  }

  /// Restores an action at start; its rollout was restored with counters that include it, and what
  /// it took from the limits is taken again.
  func restore(_ action: Action, now: Instant, device: () -> Device?) {
    actions[action.device] = action
    if action.isLeased { leases.insert(action.device) }
    if rollout.gathersEvidence {
      rollout.evolve(.marked(stratum: action.stratum, from: nil, to: action.mark), at: now)
    }
    load.follow(action, under: rollout.policy.limits.domains, device: device)
    rollout.restoreGrant(of: action, largest: largestDownload, at: now)
  }

  /// Bytes of the largest download of the release to any hardware model.
  private lazy var largestDownload: Int64 =
    artifacts.values.map { $0.reduce(0) { $0 + $1.size } }.max() ?? 0

  /// What a closed rollout has no use for; to be freed where nobody waits.
  struct Leftovers {
    fileprivate let actions: [DeviceID: Action]
    fileprivate let spoken: [DeviceID: Spoken]
    fileprivate let measured: [DeviceID: [Int: Instant]]
    fileprivate let ranks: RankIndex
    fileprivate let cohort: ControlCohort
  }

  /// Lets the participants of a closed rollout go; the store has them.
  func forgetActions() -> Leftovers {
    precondition(rollout.status == .closed, "only a closed rollout is history")
    let leftovers = Leftovers(
      actions: actions, spoken: spoken, measured: measured, ranks: ranks, cohort: cohort)
    actions = [:]
    leases = []
    spoken = [:]
    ranks = .empty
    cohort = ControlCohort()
    measured = [:]
    load = DomainLoad()
    return leftovers
  }

  /// Whether the rollout can still concern a device.
  var isLive: Bool { rollout.status != .draft && rollout.status != .closed }
}
