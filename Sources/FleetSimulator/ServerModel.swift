// ServerModel: the bookkeeping of a server in memory, just enough to let the real engine decide.

import RolloutEngine
import UpdateModel

/// What the model knows about one device: its twin.
struct Twin {
  let device: DeviceID
  let isCanary: Bool
  let registration: Device
  var version: String?
  var versionAt = Instant.epoch
  var heardAt = Instant.epoch
}

/// One rollout, one action per device at most, and the calls that devices and time make.
struct ServerModel {
  private(set) var rollout: Rollout
  private(set) var actions: [Action?]
  private(set) var twins: [Twin]
  private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var grantCount = 0
  let imageBytes: Int64
  var invariants = Invariants()

  private let policy: Policy
  private let sabotage: Scenario.Sabotage?
  private var nextAction: ActionID
  private var deadlines = TimedQueue<Int>()
  private var load = DomainLoad()

  static let oldRelease = ReleaseID(1)
  static let newRelease = ReleaseID(2)

  init(_ scenario: Scenario, firstAction: ActionID) {
    policy = scenario.policy
    sabotage = scenario.sabotage
    nextAction = firstAction
    twins = (0..<scenario.fleetSize).map { number in
      let device = ServerModel.device(number)
      return Twin(
        device: device, isCanary: number < scenario.canaryCount,
        registration: ServerModel.registration(device, number, siteCount: scenario.siteCount))
    }
    imageBytes = scenario.imageBytes
    var sizes = DomainSizes()
    for twin in twins { sizes.count(twin.registration, under: policy.limits.domains) }
    actions = [Action?](repeating: nil, count: scenario.fleetSize)
    let salt = scenario.seed
    let ranks = twins.filter { !$0.isCanary }.map { Cohort.rank(of: $0.device, salt: salt) }
    do {
      let stages = try Plan.stages(policy, canaries: scenario.canaryCount, ranks: ranks)
      let specification = RolloutSpecification(
        id: RolloutID(1), name: try Name("simulated"), release: ServerModel.newRelease,
        target: nil, policy: policy, policyDocument: .null, salt: salt, createdAt: .epoch)
      rollout = Rollout(
        specification: specification, stages: stages,
        domainSizes: sizes.trimmed(for: policy.limits.domains))
    } catch {
      preconditionFailure("a scenario can be planned: \(error)")
    }
  }

  private static func device(_ number: Int) -> DeviceID {
    do {
      return try DeviceID("sim-\(number)")
    } catch {
      preconditionFailure("a numbered id is valid: \(error.reason)")
    }
  }

  private static func registration(_ device: DeviceID, _ number: Int, siteCount: Int) -> Device {
    do {
      return Device(
        key: DeviceKey(tenant: try Name("simulated"), device: device), hardware: nil,
        tokenDigest: nil, tags: number % 5 == 4 ? [:] : ["site": "site-\(number % siteCount)"],
        attributes: [:], createdAt: .epoch)
    } catch {
      preconditionFailure("a constant is a name: \(error.reason)")
    }
  }

  // MARK: What people and time do

  mutating func apply(_ event: RolloutEvent, now: Instant) {
    rollout.evolve(event, at: now)
    mix(UInt64(truncatingIfNeeded: now.milliseconds))
    advance(now)
  }

  mutating func passTime(now: Instant) {
    if sabotage != .forgetsDeadlines {
      while let index = deadlines.removeFirst(dueBy: now) { expire(index, now: now) }
    }
    advance(now)
    invariants.checkLeases(self, now: now)
  }

  private mutating func expire(_ index: Int, now: Instant) {
    guard let action = actions[index], let deadline = action.deadline, deadline <= now else {
      return
    }
    let silent = twins[index].heardAt <= action.changedAt
    step(index, .expired(silent: silent), now: now)
  }

  private mutating func advance(_ now: Instant) {
    for event in Gate.advance(&rollout, now: now) {
      mix(UInt64(event.sentence(in: rollout)?.utf8.count ?? 0))
    }
  }

  // MARK: What devices do

  mutating func poll(_ index: Int, now: Instant) -> PollAnswer {
    twins[index].heardAt = now
    if let action = actions[index] { step(index, .polled(running(index, action)), now: now) }
    if rollout.status.isStopped {
      recover(index, now: now)
    } else {
      offer(index, now: now)
    }
    invariants.checkStep(self, now: now)
    return answer(index)
  }

  mutating func describe(_ index: Int, version: String?, now: Instant) {
    twins[index].heardAt = now
    guard let version else { return }
    twins[index].version = version
    twins[index].versionAt = now
  }

  /// The version to install; nil when the action is not open any more.
  mutating func instructions(_ index: Int, link: String, now: Instant) -> String? {
    twins[index].heardAt = now
    guard let action = actions[index], action.isLeased, action.id.description == link else {
      return nil
    }
    step(index, .taken, now: now)
    return action.release == ServerModel.newRelease ? Scenario.newVersion : Scenario.oldVersion
  }

  mutating func report(_ index: Int, _ report: DeviceReport, now: Instant) {
    twins[index].heardAt = now
    guard let action = actions[index], action.id.description == report.action else { return }
    let input: ActionInput =
      switch (report.execution, report.finished) {
      case (.closed, .failure): .failed(report.details)
      case (.closed, .success), (.closed, .none): .installed
      case (.downloaded, _): .downloaded
      case (.proceeding, _), (.download, _): report.progress == nil ? .taken : .downloaded
      }
    step(index, input, now: now)
    invariants.checkStep(self, now: now)
  }

  mutating func cancelAnswered(_ index: Int, action: String, accepted: Bool, now: Instant) {
    twins[index].heardAt = now
    guard actions[index]?.id.description == action else { return }
    step(index, accepted ? .cancelAccepted : .cancelRefused, now: now)
  }

  // MARK: Decisions of the engine, carried out

  private mutating func offer(_ index: Int, now: Instant) {
    let twin = twins[index]
    let candidate = Candidate(
      device: twin.device, fits: true, isTargeted: true,
      runsRelease: twin.version == Scenario.newVersion, isCanary: twin.isCanary)
    let answer = Eligibility.decide(
      candidate, action: actions[index], in: rollout, demand: demand(index), now: now)
    guard let stage = sabotaged(answer) else { return }
    invariants.checkGrant(self, index, candidate, stage: stage, now: now)
    if let action = actions[index] {
      grant(
        index, ActionMachine.regrant(action, id: takeID(), policy: policy, now: now), now: now)
    } else {
      grant(
        index,
        Action(
          rollout: rollout.specification.id, device: twin.device, stage: stage, id: takeID(),
          release: ServerModel.newRelease,
          fallback: twin.version == nil ? nil : ServerModel.oldRelease,
          deadline: now + policy.timeouts.accept, now: now), now: now)
    }
  }

  private func sabotaged(_ answer: Eligibility) -> Int? {
    switch (answer, sabotage) {
    case (.eligible(let stage), _): stage
    case (.deferred(.concurrencyLimit), .ignoresLimits): 0
    case (.deferred(.rateLimit), .ignoresLimits): 0
    case (.deferred(.domainLimit), .ignoresDomains): 0
    case (.deferred(.bandwidth), .ignoresBandwidth): 0
    case (.deferred(.retryBudget), .ignoresRetryBudget): 0
    case (.deferred(.stageClosed(let stage)), .ignoresStages): stage
    case (.deferred(.notRunning(.paused)), .ignoresStatus): 0
    default: nil
    }
  }

  private mutating func recover(_ index: Int, now: Instant) {
    guard let action = actions[index], sabotage != .neverTurnsBack else { return }
    let runs = twins[index].version == Scenario.newVersion
    switch Recovery.decide(
      action, runsRelease: runs, in: rollout, demand: demand(index), now: now)
    {
    case .nothing, .wait: return
    case .cancel: step(index, .cancelRequested, now: now)
    case .turnBack(let release):
      invariants.checkReturn(self, index, now: now)
      grant(
        index,
        ActionMachine.turnBack(action, to: release, id: takeID(), policy: policy, now: now),
        now: now)
    case .retryTurnBack:
      invariants.checkReturn(self, index, now: now)
      grant(
        index, ActionMachine.regrant(action, id: takeID(), policy: policy, now: now), now: now)
    case .strand: replace(index, by: action.stranded(now: now), now: now)
    }
  }

  private mutating func grant(_ index: Int, _ action: Action, now: Instant) {
    grantCount += 1
    rollout.grant(action, bytes: imageBytes, at: now)
    replace(index, by: action, now: now)
  }

  private mutating func step(_ index: Int, _ input: ActionInput, now: Instant) {
    guard let action = actions[index] else { return }
    // A refused input is the device's problem; the server answers 410 and keeps what it knows.
    guard
      let next = try? ActionMachine.apply(
        input, to: action, policy: policy, salt: rollout.specification.salt, now: now),
      next != action
    else { return }
    replace(index, by: next, now: now)
  }

  private mutating func replace(_ index: Int, by next: Action, now: Instant) {
    let before = actions[index]
    invariants.noteLease(index, before: before, after: next)
    actions[index] = next
    load.follow(next, under: policy.limits.domains) { twins[index].registration }
    mix(UInt64(index) << 32 ^ UInt64(next.standing.rawValue) << 56 ^ UInt64(next.id.number))
    mix(UInt64(truncatingIfNeeded: now.milliseconds))
    if let deadline = next.deadline, deadline != before?.deadline {
      deadlines.add(index, due: deadline)
    }
    if next.standing != before?.standing {
      let from = sabotage == .miscounts && index.isMultiple(of: 7) ? nil : before?.standing
      rollout.evolve(.moved(stage: next.stage, from: from, to: next.standing), at: now)
    }
    advance(now)
  }

  private func demand(_ index: Int) -> GrantDemand {
    GrantDemand(
      bytes: imageBytes, fullDomain: load.full(for: twins[index].registration, in: rollout))
  }

  /// Whether a device waits for an attempt that the budget of the rollout does not have.
  func isHeldByBudget(_ index: Int) -> Bool {
    guard let action = actions[index], action.standing == .retrying else { return false }
    return action.failure != nil && rollout.isRetryBudgetSpent
  }

  private mutating func takeID() -> ActionID {
    defer { nextAction = nextAction.following }
    return nextAction
  }

  private func running(_ index: Int, _ action: Action) -> ActionInput.Running {
    let twin = twins[index]
    guard let version = twin.version else { return .unknown }
    let isNew = action.release == ServerModel.newRelease
    if version == (isNew ? Scenario.newVersion : Scenario.oldVersion) { return .expected }
    return twin.versionAt > (action.installedAt ?? action.changedAt) ? .other : .stale
  }

  private func answer(_ index: Int) -> PollAnswer {
    let action = actions[index]
    let isSilentAboutItself = twins[index].version == nil
    let wantsProof = action?.phase == .verifying
    let link = isSilentAboutItself || wantsProof ? "attributes" : nil
    guard let action, let phase = action.phase, phase != .verifying else {
      return PollAnswer(offer: .none, attributesLink: link)
    }
    let id = action.id.description
    return PollAnswer(
      offer: action.cancel == .requested
        ? .cancel(action: id, link: id) : .deployment(action: id, link: id),
      attributesLink: link)
  }

  private mutating func mix(_ word: UInt64) {
    digest = (digest ^ word) &* 0x100_0000_01b3
    digest ^= digest >> 29
  }
}
