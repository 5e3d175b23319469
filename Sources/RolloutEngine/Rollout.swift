// Rollout: the state of one rollout, as counters per stage; changed only by `evolve`.

public import UpdateModel

/// A rollout in motion. It knows counters, never devices.
public struct Rollout: Equatable, Sendable {
  /// What was asked for.
  public internal(set) var specification: RolloutSpecification
  /// The stages with their progress, canary first.
  public internal(set) var stages: [Stage]
  /// Present status.
  public internal(set) var status: Status = .draft
  /// Index of the last open stage; nil before the start.
  public internal(set) var openStage: Int?
  /// Who approved its start; nil before, and where no approval is needed.
  public internal(set) var approvedBy: String?
  /// Why it stopped; nil while it did not.
  public internal(set) var stop: StopReason?
  /// When it started; nil before.
  public internal(set) var startedAt: Instant?
  /// When it stopped or was done; nil while it widens.
  public internal(set) var endedAt: Instant?
  /// Grants of the last minute.
  public internal(set) var window = GrantWindow()
  /// When a lease was last granted; nil before the first.
  public internal(set) var lastGrantAt: Instant?
  /// Devices that may fail alike, in the order found; empty where no evidence is gathered.
  public internal(set) var strata: [Stratum]
  /// What the canary group says; it opens the way, and says nothing about the rest of the fleet.
  public internal(set) var canaryEvidence: EvidenceCounts?
  /// How the devices fare that are not updated yet; nil before they were looked at.
  public internal(set) var control: ControlSample?
  /// Steps in a row that did not grow.
  public internal(set) var stall = 0
  /// Why a person is needed; nil while none is.
  public internal(set) var hold: Hold?
  /// A person said to go on; the next step opens however small it is.
  public internal(set) var isHoldWaived = false
  /// Devices that could not fetch the image when a person last looked.
  public internal(set) var deliveryExcused = 0
  /// A person said to bring everyone back, whatever becomes of the first.
  public internal(set) var isReturnForced = false
  /// What devices were granted for download.
  public internal(set) var pace = DownloadPace()
  /// Second and later attempts at the update that were granted.
  public internal(set) var retries = 0
  /// Devices of each failure domain when it was planned.
  public let domainSizes: DomainSizes

  /// Where a rollout stands.
  public enum Status: String, Sendable, CaseIterable {
    /// Created, not started.
    case draft
    /// Grants leases.
    case running
    /// Grants nothing until it is resumed.
    case paused
    /// Stopped by itself; devices keep what they run.
    case halted
    /// Stopped by a person; devices keep what they run.
    case aborted
    /// Brings devices back.
    case rollingBack = "rolling-back"
    /// All devices that could be reached are back.
    case rolledBack = "rolled-back"
    /// Every stage is done; devices that turn up late are still served.
    case completed
    /// Its end time passed; devices under way finish, nothing more is granted.
    case ended
    /// A later rollout has taken its place.
    case closed

    /// Whether devices may be granted the rollout's release.
    public var grantsUpdates: Bool { self == .running || self == .completed }
    /// Whether the rollout was stopped, so that what is under way is to be cancelled.
    public var isStopped: Bool {
      switch self {
      case .halted, .aborted, .rollingBack, .rolledBack: true
      default: false
      }
    }
    /// Whether nothing more can change by itself.
    public var isFinal: Bool {
      switch self {
      case .halted, .aborted, .rolledBack, .completed, .ended, .closed: true
      default: false
      }
    }
  }

  /// One stage and its progress.
  public struct Stage: Equatable, Sendable {
    /// As planned.
    public internal(set) var plan: PlannedStage
    /// Devices by standing.
    public internal(set) var tally = Tally()
    /// When it opened; nil before.
    public internal(set) var openedAt: Instant?
    /// When its quorum was reached; the soak time runs from here.
    public internal(set) var settledAt: Instant?
    /// Who approved it; nil before, and where no approval is needed.
    public internal(set) var signedOffBy: String?
  }

  /// Why a rollout stopped.
  public enum StopReason: Equatable, Sendable {
    /// Too many failures.
    case failureLimit(failures: Int, exposed: Int, limit: Policy.FailureLimit)
    /// The evidence says that the release is bad; the reason in words.
    case evidence(String)
    /// A person said so.
    case person(String)

    /// One sentence.
    public var description: String {
      switch self {
      case .failureLimit(let failures, let exposed, let limit):
        "\(failures) of \(exposed) devices that began to install failed; the policy tolerates "
          + "\(limit.share) once there are \(limit.minimum) failures"
      case .evidence(let reason): reason
      case .person(let name): "stopped by \(name)"
      }
    }
  }

  /// A rollout that has not started.
  ///
  /// `strata` lists label and size of what the fleet divides into; with evidence, `stages` holds
  /// the canary stage alone, and the gate adds the others step by step.
  public init(
    specification: RolloutSpecification, stages: [PlannedStage],
    strata: [(label: String, size: Int)] = [], domainSizes: DomainSizes = DomainSizes()
  ) {
    self.specification = specification
    self.domainSizes = domainSizes
    self.stages = stages.map { Stage(plan: $0) }
    let poll = specification.pollInterval
    if let terms = specification.policy.evidence {
      self.strata = strata.map {
        Stratum(label: $0.label, size: $0.size, evidence: terms, poll: poll)
      }
      canaryEvidence = EvidenceCounts(EvidenceCounts.Terms(terms, poll: poll))
    } else {
      self.strata = []
      canaryEvidence = nil
    }
  }

  /// Devices by standing over all stages.
  public var tally: Tally { stages.reduce(Tally()) { $0 + $1.tally } }

  /// Devices that it is for, as far as is known.
  public var size: Int {
    let canaries = stages.first.map { $0.plan.isCanary ? $0.plan.size : 0 } ?? 0
    return gathersEvidence
      ? canaries + strata.reduce(0) { $0 + $1.size } : stages.reduce(0) { $0 + $1.plan.size }
  }

  /// Whether the gate decides by evidence.
  public var gathersEvidence: Bool { specification.policy.evidence != nil }

  /// Silence after which a device that began to install counts as lost; nil without evidence.
  public var silence: Interval? {
    policy.evidence?.silence(poll: specification.pollInterval)
  }

  /// The policy it follows.
  public var policy: Policy { specification.policy }
}

/// What can happen to a rollout; facts, in the past tense.
public enum RolloutEvent: Equatable, Sendable {
  /// It started with its first stage open.
  case started
  /// The quorum of a stage was reached.
  case stageSettled(Int)
  /// A stage opened.
  case stageOpened(Int)
  /// The evidence allowed another step; `stall` counts the steps in a row that did not grow.
  case stepOpened(PlannedStage, stall: Int, Judgement)
  /// Devices that joined a complete rollout were taken in by its last stage.
  case widened([Opening])
  /// Nothing more is offered to some strata, and their devices are brought back.
  case quarantined([Int], Judgement)
  /// A person let a stratum take part again.
  case quarantineLifted(Int, by: String)
  /// The gate leaves the next step to a person.
  case held(Hold, Judgement)
  /// A person said to bring everyone back, whatever becomes of the first.
  case returnForced(by: String)
  /// A person changed values of its policy.
  case amended(Policy, JSON, changes: String, by: String)
  /// The devices that are not updated yet fell silent, or are heard again.
  case outage(Bool, Judgement)
  /// Devices with values that no stratum has were found.
  case stratumFound(String)
  /// A device joined that was not known when the rollout was planned.
  case joined(stratum: Int)
  /// The devices that are not updated yet were looked at.
  case controlSeen(ControlSample)
  /// A device changed what it says about the release; without a stratum it is a canary.
  case marked(stratum: Int?, from: Mark?, to: Mark)
  /// A number was reported.
  case measured(stratum: Int, metric: Int, MetricEvidence.Observation, isTreated: Bool)
  /// A person approved a stage.
  case signedOff(Int, by: String, comment: String? = nil)
  /// A person approved its start.
  case approved(by: String, comment: String? = nil)
  /// Grants stopped until further notice.
  case paused(by: String)
  /// Grants go on.
  case resumed(by: String)
  /// It stopped; with `rollback`, devices are brought back.
  case stopped(Rollout.StopReason, rollback: Bool)
  /// Every stage is done.
  case completed
  /// Its end time passed.
  case ended
  /// Every reachable device is back.
  case rolledBack
  /// A later rollout took its place.
  case closed
  /// A lease was granted.
  case granted
  /// The lease repeats a failed attempt at the update.
  case repeated
  /// The lease lets its device download so many bytes.
  case downloadGranted(bytes: Int64)
  /// A device changed its standing; `from` is nil when it is new.
  case moved(stage: Int, from: Standing?, to: Standing)

  /// One sentence for the history; nil for the events of single devices.
  public func sentence(in rollout: Rollout) -> String? {
    func stage(_ index: Int) -> String { rollout.stages[index].plan.name }
    func devices(_ index: Int) -> String {
      let size = rollout.stages[index].plan.size
      return size == 1 ? "1 device" : "\(size) devices"
    }
    switch self {
    case .started:
      // With evidence and without canaries the first step opens by a decision of its own.
      return rollout.stages.isEmpty ? "started" : "started with \(stage(0)), \(devices(0))"
    case .stageSettled(let index):
      let isStep = !rollout.stages[index].plan.openings.isEmpty
      return "\(stage(index)) " + (isStep ? "has its verdicts" : "has its quorum; soaking")
    case .stageOpened(let index):
      return "\(stage(index)) opened, \(devices(index))"
    case .signedOff(let index, let name, let comment):
      return "\(stage(index)) approved by \(name)" + (comment.map { ": \($0)" } ?? "")
    case .approved(let name, let comment):
      return "start approved by \(name)" + (comment.map { ": \($0)" } ?? "")
    case .paused(let name): return "paused by \(name)"
    case .resumed(let name): return "resumed by \(name)"
    case .stopped(let reason, let rollback):
      let why =
        if case .person = reason { reason.description } else { "stopped: \(reason.description)" }
      return why + (rollback ? "; rolling back" : "")
    case .stepOpened(let plan, _, let judgement):
      return "\(plan.name) opened, \(plan.size == 1 ? "1 device" : "\(plan.size) devices"): "
        + judgement.sentence
    case .quarantined(let indices, let judgement):
      let labels = indices.map { rollout.strata[$0].label }.joined(separator: "; ")
      return "quarantined \(labels): \(judgement.sentence)"
    case .quarantineLifted(let index, let name):
      return "\(rollout.strata[index].label) released from quarantine by \(name)"
    case .held(let hold, _): return "held: \(hold.sentence)"
    case .returnForced(let name):
      return "\(name) said to bring everyone back, whatever becomes of the first"
    case .amended(_, _, let changes, let name): return "policy changed by \(name): \(changes)"
    case .outage(true, let judgement): return judgement.sentence
    case .outage(false, _):
      return "devices that are not updated are heard again; the clocks go on"
    case .stratumFound(let label): return "found devices of a new kind: \(label)"
    case .widened, .joined, .controlSeen, .marked, .measured: return nil
    case .completed: return "completed"
    case .ended: return "ended: its end time passed; devices under way finish"
    case .rolledBack: return "every reachable device is back"
    case .closed: return "closed: a later rollout took its place"
    case .granted, .repeated, .downloadGranted, .moved: return nil
    }
  }
}

extension Rollout {
  /// Applies one event; the only function that changes a rollout.
  public mutating func evolve(_ event: RolloutEvent, at now: Instant) {
    switch event {
    case .started:
      precondition(status == .draft, "a rollout starts once")
      status = .running
      startedAt = now
      // With evidence and without canaries there is no stage until the gate opens the first step.
      if !stages.isEmpty { open(0, at: now) }
    case .stageSettled(let index): stages[index].settledAt = now
    case .stageOpened(let index): open(index, at: now)
    case .signedOff(let index, let name, _): stages[index].signedOffBy = name
    case .approved(let name, _): approvedBy = name
    case .paused: status = .paused
    case .resumed:
      status = .running
      isHoldWaived = hold != nil
      hold = nil
      deliveryExcused = undelivered
    case .stopped(let reason, let rollback):
      stop = reason
      endedAt = now
      status =
        if rollback { .rollingBack } else if case .person = reason { .aborted } else { .halted }
    case .completed: end(.completed, at: now)
    case .ended: end(.ended, at: now)
    case .rolledBack: end(.rolledBack, at: now)
    case .closed: end(.closed, at: now)
    case .granted:
      window.count(at: now)
      lastGrantAt = max(lastGrantAt ?? now, now)
    case .amended(let policy, let document, _, _):
      specification = specification.following(policy, document)
    case .stepOpened, .widened, .quarantined, .quarantineLifted, .held, .returnForced, .outage,
      .stratumFound, .joined, .controlSeen, .marked, .measured:
      evolveEvidence(event, at: now)
    case .repeated: retries += 1
    case .downloadGranted(let bytes):
      if let rate = policy.limits.bandwidth { pace.count(bytes, rate: rate, at: now) }
    case .moved(let stage, let from, let to): stages[stage].tally.move(from: from, to: to)
    }
  }

  mutating func open(_ index: Int, at now: Instant) {
    precondition(index == (openStage ?? -1) + 1, "stages open one after the other")
    openStage = index
    stages[index].openedAt = now
  }

  private mutating func end(_ final: Status, at now: Instant) {
    status = final
    endedAt = now
  }

  /// Restores what cannot be recounted from the actions: status, stage times, the reason of a stop.
  public mutating func restore(
    status: Status, openStage: Int?, stop: StopReason?, startedAt: Instant?, endedAt: Instant?,
    stageTimes: [(openedAt: Instant?, settledAt: Instant?, signedOffBy: String?)],
    approvedBy: String? = nil
  ) {
    precondition(stageTimes.count == stages.count, "times are stored for every stage")
    self.approvedBy = approvedBy
    self.status = status
    self.openStage = openStage
    self.stop = stop
    self.startedAt = startedAt
    self.endedAt = endedAt
    for (index, times) in stageTimes.enumerated() {
      stages[index].openedAt = times.openedAt
      stages[index].settledAt = times.settledAt
      stages[index].signedOffBy = times.signedOffBy
    }
  }
}
