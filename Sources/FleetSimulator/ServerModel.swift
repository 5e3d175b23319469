// ServerModel: the bookkeeping of a server in memory, just enough to let the real engine decide.

import RolloutEngine
import UpdateModel

/// One rollout, one action per device at most, and the calls that devices and time make.
struct ServerModel {
  var rollout: Rollout
  var actions: [Action?]
  var twins: [Twin]
  private(set) var digest: UInt64 = 0xcbf2_9ce4_8422_2325
  var grantCount = 0
  let imageBytes: Int64
  var invariants: Invariants

  let policy: Policy
  let sabotage: Scenario.Sabotage?
  let poll: Interval
  let lookPause: Interval
  var nextAction: ActionID
  // When the gate was last asked.
  private(set) var judgedAt = Instant.epoch
  /// Whether a person paused it at some time.
  private(set) var wasPaused = false
  var deadlines = TimedQueue<Int>()
  var load = DomainLoad()
  // With evidence: places by stratum, who tells what silence means, and whose silence is next.
  var ranks = RankIndex.empty
  var strata: [String: Int] = [:]
  var cohort = ControlCohort()
  var silences = TimedQueue<Int>()

  static let oldRelease = ReleaseID(1)
  static let newRelease = ReleaseID(2)

  init(_ scenario: Scenario, firstAction: ActionID, startsAt: Instant) {
    policy = scenario.policy
    sabotage = scenario.sabotage
    poll = scenario.traits.poll
    lookPause = scenario.lookPause
    nextAction = firstAction
    imageBytes = scenario.imageBytes
    invariants = Invariants(scenario, startsAt: startsAt)
    twins = Twin.all(of: scenario)
    actions = [Action?](repeating: nil, count: twins.count)
    let planned = twins.filter { $0.isPlanned && !$0.isCanary }
    var sizes = DomainSizes()
    for twin in twins where twin.isPlanned {
      sizes.count(twin.registration, under: policy.limits.domains)
    }
    let kinds =
      policy.evidence == nil
      ? [] : Dictionary(grouping: planned, by: \.label).sorted { $0.key < $1.key }
    do {
      let specification = RolloutSpecification(
        id: RolloutID(1), name: try Name("simulated"), release: ServerModel.newRelease,
        target: nil, policy: policy, policyDocument: .null, salt: scenario.seed,
        createdAt: .epoch, pollInterval: poll)
      rollout = Rollout(
        specification: specification,
        stages: policy.evidence == nil
          ? try Plan.stages(policy, canaries: scenario.canaryCount, ranks: planned.map(\.rank))
          : try Plan.evidenceStages(
            policy, canaries: scenario.canaryCount, others: planned.count),
        strata: kinds.map { ($0.key, $0.value.count) },
        domainSizes: sizes.trimmed(for: policy.limits.domains))
    } catch {
      preconditionFailure("a scenario can be planned: \(error)")
    }
    guard let terms = policy.evidence else { return }
    ranks = RankIndex(kinds.map { $0.value.map(\.rank) })
    for (index, kind) in kinds.enumerated() { strata[kind.key] = index }
    // The last devices of each stratum come first, as far as a cohort goes.
    cohort = ControlCohort(
      planned.sorted { $0.rank > $1.rank }.prefix(ControlCohort.membersMax).map { twin in
        (twin.device, terms.domain.flatMap { $0.value(of: twin.registration) })
      })
  }

  // MARK: What people and time do

  mutating func apply(_ event: RolloutEvent, now: Instant) {
    rollout.evolve(event, at: now)
    if rollout.status == .paused { wasPaused = true }
    mix(UInt64(truncatingIfNeeded: now.milliseconds))
    advance(now)
  }

  mutating func passTime(now: Instant) {
    if sabotage != .forgetsDeadlines {
      while let index = deadlines.removeFirst(dueBy: now) { expire(index, now: now) }
    }
    watchSilence(now: now)
    advance(now)
    invariants.checkLeases(self, now: now)
  }

  private mutating func expire(_ index: Int, now: Instant) {
    guard let action = actions[index], let due = action.due(under: policy), due <= now else {
      return
    }
    if !action.isLeased {
      if sabotage == .forgetsPutOff { return }
      // The time for which a device may put off what it would not be given stands still.
      guard rollout.status.grantsUpdates else {
        return deadlines.add(index, due: now + .minutes(1))
      }
    }
    if rollout.status == .paused, action.phase == .offered {
      // The device is not shown its offer while the rollout is paused, so its time stands still.
      var waiting = action
      waiting.state = .leased(.offered, deadline: now + policy.timeouts.accept)
      return replace(index, by: waiting, now: now)
    }
    step(index, rollout.expiry(of: action, heard: twins[index].heardAt, now: now), now: now)
  }

  mutating func advance(_ now: Instant) {
    let events = Gate.advance(&rollout, ranks: ranks, now: now)
    judgedAt = now
    for event in events { mix(UInt64(event.sentence(in: rollout)?.utf8.count ?? 0)) }
    // Every call with the whole model copies it, so there are no more than needed.
    if !events.isEmpty { invariants.noteAdvance(self, now: now) }
  }

  // MARK: What devices do

  mutating func poll(_ index: Int, now: Instant) -> PollAnswer {
    twins[index].heardAt = now
    if let action = actions[index] { step(index, .polled(running(index, action)), now: now) }
    invariants.checkHeard(actions[index], now: now)
    if rollout.status.isStopped || isQuarantined(index), actions[index] != nil {
      recover(index, now: now)
    } else {
      pauseIfHindered(index, now: now)
      offer(index, now: now)
    }
    invariants.checkSlot(self, index, now: now)
    if invariants.isRecountDue() { invariants.checkCounters(self, now: now) }
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
      case (.downloaded, _): downloaded(index, now: now)
      case (.proceeding, _), (.download, _): report.progress == nil ? .taken : .downloaded
      case (.rejected, _): .rejected(report.details)
      }
    step(index, input, now: now)
    if invariants.isRecountDue() { invariants.checkCounters(self, now: now) }
  }

  mutating func cancelAnswered(_ index: Int, action: String, accepted: Bool, now: Instant) {
    twins[index].heardAt = now
    guard actions[index]?.id.description == action else { return }
    step(index, accepted ? .cancelAccepted : .cancelRefused, now: now)
  }

  // MARK: Answers

  private func running(_ index: Int, _ action: Action) -> ActionInput.Running {
    let twin = twins[index]
    guard let version = twin.version else { return .unknown }
    let isNew = action.release == ServerModel.newRelease
    if version == (isNew ? Scenario.newVersion : Scenario.oldVersion) { return .expected }
    return twin.versionAt > (action.installedAt ?? action.changedAt) ? .other : .stale
  }

  // It said something else before it succeeded; whether it still does counts.
  private func isStale(_ index: Int) -> Bool {
    guard let action = actions[index], case .ended(let outcome) = action.state,
      outcome == .succeeded || outcome == .unverified
    else { return false }
    return running(index, action) == .stale
  }

  private func answer(_ index: Int) -> PollAnswer {
    let action = actions[index]
    let isSilentAboutItself = twins[index].version == nil
    let wantsProof = action?.phase == .verifying || isStale(index)
    let link = isSilentAboutItself || wantsProof ? "attributes" : nil
    // Nothing begins while a person wants everything to wait.
    let isShown = action?.phase != .offered || rollout.status != .paused
    guard let action, let phase = action.phase, phase != .verifying, isShown else {
      return PollAnswer(offer: .none, attributesLink: link)
    }
    let id = action.id.description
    return PollAnswer(
      offer: action.cancel == .requested
        ? .cancel(action: id, link: id) : .deployment(action: id, link: id),
      attributesLink: link)
  }

  mutating func mix(_ word: UInt64) {
    digest = (digest ^ word) &* 0x100_0000_01b3
    digest ^= digest >> 29
  }
}
