// WhatIfRun: one rollout in virtual time on the real engine, fast enough for a million devices.
//
// The decisions are those of the server: `Gate.advance`, `Eligibility.decide`, `Recovery.decide`,
// `ActionMachine.apply`, `HealthyClock`. What is simplified are the devices: a call that changes
// nothing is not played, and whatever happens within one tick is judged together at its end.
// Not played: maintenance windows, failure domains, health metrics, postponement, other rollouts.

public import RolloutEngine
public import UpdateModel

/// A rollout of one release to one virtual fleet. Equal scenario, policy and seed give equal runs.
public struct WhatIfRun {
  let fates: Fates
  let policy: Policy
  var rollout: Rollout
  var roster: WhatIfRoster
  let ranks: RankIndex
  var control: VirtualControl?
  var calendar: EventCalendar
  var tick = 0
  /// The instant of what happens just now.
  var now: Instant

  // Devices that were granted the release, in the order of their grants.
  var slots: [Int32]
  var granted: [UInt32] = []
  var actions: [Action] = []
  var conditions: [Condition] = []
  // When a device that dropped out cannot be heard; the latest time counts.
  var absences: [Int: Range<Int>] = [:]
  var nextAction: ActionID
  let silenceTicks: Int
  let installTicks: Int
  let horizon: Int
  private let spreadsCalls: Bool

  var decisions: [WhatIfDecision] = []
  private var completedAt: Int?
  private var heldAt: Int?
  var stoppedAt: Int?

  /// What has become of a device that was granted the release.
  struct Condition: OptionSet {
    let rawValue: UInt8
    /// It failed, and told so or will tell.
    static let failed = Condition(rawValue: 1)
    /// It is silent for good.
    static let bricked = Condition(rawValue: 2)
    /// It runs the release.
    static let onRelease = Condition(rawValue: 4)
    /// It was brought back, or is about to be, before it could fail.
    static let saved = Condition(rawValue: 8)
  }

  static let release = ReleaseID(2)
  static let fallback = ReleaseID(1)
  /// A run ends here at the latest.
  public static let horizonMax = Interval.days(120)

  /// Prepares a run. Throws `unprocessable` when scenario or policy make no plan.
  public init(_ scenario: WhatIfScenario, policy: Policy, seed: UInt64) throws(Problem) {
    if let fault = scenario.fault { throw Problem(.unprocessable, fault) }
    // Limits by time need grants that are spread over the minute, as calls are.
    spreadsCalls =
      policy.limits.perMinute != nil || policy.limits.rate != nil || policy.limits.bandwidth != nil
    let clock = Ticks(poll: scenario.poll, isFine: spreadsCalls)
    fates = Fates(scenario, clock: clock, seed: seed)
    self.policy = policy
    roster = WhatIfRoster(fates, policy: policy)
    rollout = try WhatIfRun.rollout(fates, policy, roster)
    ranks = policy.evidence == nil ? .empty : RankIndex(roster.queues.map(\.ranks))
    control = policy.evidence.map { [fates, roster] terms in
      VirtualControl(roster.cohort, fates: fates, terms: terms)
    }
    horizon = clock.count(WhatIfRun.horizonMax)
    calendar = EventCalendar(horizon: horizon)
    now = clock.instant(0)
    slots = [Int32](repeating: -1, count: scenario.fleetSize)
    actions.reserveCapacity(scenario.fleetSize)
    granted.reserveCapacity(scenario.fleetSize)
    conditions.reserveCapacity(scenario.fleetSize)
    installTicks = clock.count(scenario.install)
    silenceTicks = clock.count(rollout.silence ?? WhatIfRun.horizonMax)
    guard let first = ActionID(11) else { preconditionFailure("11 is an action id") }
    nextAction = first
    happen(.started)
    approve()
  }

  private static func rollout(
    _ fates: Fates, _ policy: Policy, _ roster: WhatIfRoster
  ) throws(Problem) -> Rollout {
    let name: Name
    do { name = try Name("simulated") } catch {
      preconditionFailure("a name of letters is valid: \(error.reason)")
    }
    let canaries = roster.canaries.count
    let others = fates.scenario.fleetSize - canaries
    let strata = zip(fates.scenario.models, roster.queues).map { model, queue in
      (label: model.name.text, size: queue.ranks.count)
    }
    let stages =
      policy.evidence == nil
      ? try Plan.stages(policy, canaries: canaries, ranks: roster.queues[0].ranks)
      : try Plan.evidenceStages(policy, canaries: canaries, others: others)
    let specification = RolloutSpecification(
      id: RolloutID(1), name: name, release: WhatIfRun.release, target: nil, policy: policy,
      policyDocument: .null, salt: fates.salt, createdAt: .epoch,
      pollInterval: fates.scenario.poll)
    return Rollout(
      specification: specification, stages: stages, strata: policy.evidence == nil ? [] : strata)
  }

  /// Plays a whole run.
  public static func play(
    _ scenario: WhatIfScenario, policy: Policy, seed: UInt64
  ) throws(Problem) -> WhatIfOutcome {
    var run = try WhatIfRun(scenario, policy: policy, seed: seed)
    while run.advance(ticks: 1000) {}
    return run.outcome
  }

  /// Lets so many ticks pass at most; false when the run is over.
  public mutating func advance(ticks: Int) -> Bool {
    for _ in 0..<ticks {
      if isOver { return false }
      passTick()
      tick += 1
    }
    return !isOver
  }

  /// The present state of the rollout.
  public var present: Rollout { rollout }

  /// Virtual time since the start.
  public var elapsed: Interval { fates.clock.interval(tick) }

  /// Devices that began to install.
  public var exposed: Int { rollout.tally.exposed }

  // MARK: One tick

  private mutating func passTick() {
    now = fates.clock.instant(tick)
    if tick.isMultiple(of: fates.clock.look) { look() }
    if tick.isMultiple(of: fates.clock.day) { drawDropOuts() }
    if tick == fates.outage?.lowerBound { watchEverybody() }
    let events = calendar.take(tick)
    for (position, event) in events.enumerated() {
      if spreadsCalls {
        let part = fates.clock.length.milliseconds * Int64(position) / Int64(events.count)
        now = fates.clock.instant(tick) + Interval(milliseconds: part)
      }
      let (kind, device) = EventCalendar.unpack(event)
      switch kind {
      case .poll: call(device)
      case .done: installationEnds(device)
      case .late: failLate(device)
      case .complaint: complain(device)
      case .away: dropOut(device)
      case .silence: listen(device)
      case .expiry: expire(device)
      }
    }
    judge()
  }

  private mutating func look() {
    guard rollout.gathersEvidence, control != nil else { return }
    let opened = rollout.openStage.flatMap { rollout.stages[$0].openedAt } ?? now
    let slots = slots
    let sample = control?.look(
      at: tick, stepOpened: fates.clock.tick(opened), isGranted: { slots[$0] >= 0 })
    if let sample { rollout.evolve(.controlSeen(sample), at: now) }
  }

  private mutating func judge() {
    let events = Gate.advance(&rollout, ranks: ranks, now: now)
    for event in events { note(event) }
    if !events.isEmpty || tick == 0 {
      approve()
      open()
    }
  }

  // Approvals are given at once; what is asked here is what the policy does, not how people are.
  private mutating func approve() {
    guard let open = rollout.openStage, rollout.stages[open].plan.signOff,
      rollout.stages[open].signedOffBy == nil
    else { return }
    happen(.signedOff(open, by: "the simulation"))
  }

  private mutating func happen(_ event: RolloutEvent) {
    rollout.evolve(event, at: now)
    note(event)
  }

  private mutating func note(_ event: RolloutEvent) {
    if let sentence = event.sentence(in: rollout) {
      decisions.append(WhatIfDecision(after: now - Ticks.start, sentence: sentence))
    }
    switch event {
    case .completed: completedAt = tick
    case .held: heldAt = tick
    case .stopped:
      stoppedAt = tick
      summon { _ in true }
    case .quarantined(let strata, _):
      summon { action in action.stratum.map(strata.contains) ?? false }
    default: break
    }
  }

  // The devices that a stop concerns hear of it at their next call.
  private mutating func summon(_ isConcerned: (Action) -> Bool) {
    for (slot, action) in actions.enumerated() where isConcerned(action) {
      let device = Int(granted[slot])
      if !conditions[slot].contains(.bricked) { calendar.add(.poll, device, at: nextPoll(device)) }
    }
  }

  // Devices whose place was opened call at their next poll; others cost nothing.
  private mutating func open() {
    guard let open = rollout.openStage else { return }
    if open == 0, rollout.stages[0].plan.isCanary, rollout.stages[0].openedAt == now {
      for device in roster.canaries { welcome(Int(device)) }
    }
    for index in roster.queues.indices {
      let bound: UInt64?
      if rollout.gathersEvidence {
        bound = rollout.strata[index].bound
      } else if case .ranks(let upTo) = rollout.stages[open].plan.selection {
        bound = upTo
      } else {
        bound = nil
      }
      guard let bound else { continue }
      for device in roster.queues[index].open(upTo: bound) { welcome(Int(device)) }
    }
  }

  private mutating func welcome(_ device: Int) {
    guard fates.isReachable(device) else { return }
    calendar.add(.poll, device, at: fates.nextPoll(device, after: tick))
  }

  // MARK: The end

  private var isOver: Bool {
    if tick >= horizon { return true }
    let watch = policy.evidence.map { fates.clock.count($0.watch) } ?? 0
    switch rollout.status {
    case .completed: return completedAt.map { tick > $0 + watch } ?? true
    case .halted, .aborted, .rolledBack, .ended, .closed: return true
    case .draft, .running, .paused, .rollingBack: return heldAt.map { tick > $0 + watch } ?? false
    }
  }
}
