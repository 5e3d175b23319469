// SteerRollout: what a person does to a rollout: start, pause, resume, approve, abort, roll back.

import FleetStore
public import RolloutEngine
public import UpdateModel

/// A person's command to a rollout.
public enum SteeringCommand: String, Sendable, CaseIterable {
  /// Opens the first stage.
  case start
  /// Grants nothing until resumed.
  case pause
  /// Goes on after a pause.
  case resume
  /// Approves the start, or the stage that waits for it.
  case approve
  /// Stops, and brings devices back if the policy says so.
  case abort
  /// Stops, and brings devices back whatever the policy says.
  case rollback
}

extension ControlPlane {
  /// Carries out a command; effective for the next grant. Returns the rollout and the ticket.
  public func steer(
    _ command: SteeringCommand, rollout text: String, by person: String, comment: String? = nil,
    in room: Room
  ) throws(Problem) -> (rollout: Rollout, ticket: UInt64) {
    try requireStore()
    return try carryOut(command, rollout: text, by: person, comment: comment, in: room)
  }

  /// What `steer` and the schedule do.
  func carryOut(
    _ command: SteeringCommand, rollout text: String, by person: String, comment: String?,
    in room: Room
  ) throws(Problem) -> (rollout: Rollout, ticket: UInt64) {
    let plan = command == .start ? try replanned(text, in: room) : nil
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(rollout: text)
      var draft = Draft(room, now: now)
      let event: RolloutEvent
      switch command {
      case .start:
        try start(book, plan, &ledger, &draft)
        event = .started
      case .pause:
        try allow(command, book, [.running])
        event = .paused(by: person)
      case .resume:
        if book.rollout.hold == nil { try allow(command, book, [.paused]) }
        event = .resumed(by: person)
      case .approve:
        event =
          Schedule.isApprovalMissing(book.rollout) && book.rollout.status == .draft
          ? .approved(by: person, comment: comment)
          : .signedOff(try stageToApprove(book), by: person, comment: comment)
      case .abort:
        try allow(command, book, [.running, .paused, .ended])
        event = .stopped(.person(person), rollback: book.rollout.policy.onAbort == .rollback)
      case .rollback:
        try allow(
          command, book, [.running, .paused, .halted, .aborted, .completed, .ended, .rollingBack])
        if book.rollout.status == .rollingBack {
          event = .returnForced(by: person)
        } else {
          event = .stopped(book.rollout.stop ?? .person(person), rollback: true)
        }
      }
      book.evolve(event, now: now)
      ledger.refreshLive()
      draft.happened([event], in: book)
      if command == .start { noteOverride(book, &draft) }
      draft.judge(book)
      return (book.rollout, commit(draft, &ledger))
    }
  }

  // Who is disturbed by it will ask who said so.
  private func noteOverride(_ book: RolloutBook, _ draft: inout Draft) {
    let specification = book.rollout.specification
    guard overrides(book.release, specification.policy, isUrgent: specification.terms.isSecurity)
    else { return }
    let source = book.release.terms.isSecurity ? "its release" : "the rollout"
    draft.add(
      .rolloutEvent(
        draft.room.tenant, specification.id, at: draft.now,
        sentence: "\(source) is for security: devices in use, wishes and windows do not hold it "
          + "back, as policy \(specification.policy.name) allows"))
  }

  // Nil when the plan that was made at the creation still holds. A large fleet is not walked again
  // before its rollout starts: devices that came since take their place when they poll.
  private func replanned(_ text: String, in room: Room) throws(Problem) -> FleetPlan? {
    let (specification, release, planned) = try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(rollout: text)
      try allow(.start, book, [.draft])
      let id = book.rollout.specification.release
      return (
        book.rollout.specification, ledger.releases[id] ?? book.release, book.plannedFleetSize
      )
    }
    try requirePublished(release)
    let size = room.fleet.count
    if let planned, size > ControlPlane.replannedFleetMax, abs(size - planned) <= planned / 10 {
      return nil
    }
    return try fleetPlan(
      release, specification.policy, specification.target, salt: specification.salt, in: room)
  }

  // A fleet of this size is walked in about ten milliseconds.
  static let replannedFleetMax = 10_000

  private func requirePublished(_ release: Release) throws(Problem) {
    guard release.status == .published else {
      throw Problem(
        .conflict,
        "release \(release.name):\(release.version) is \(release.status.rawValue); only a "
          + "published release can be rolled out")
    }
  }

  private func start(
    _ book: RolloutBook, _ plan: FleetPlan?, _ ledger: inout Ledger, _ draft: inout Draft
  ) throws(Problem) {
    try allow(.start, book, [.draft])
    // Again, because the plan was made without the lock.
    try requirePublished(ledger.releases[book.release.id] ?? book.release)
    let others = ledger.live.compactMap { ledger.books[$0] }.filter { overlaps($0, book) }
    // Every other rollout is looked at before one is closed: a refusal leaves all as they were.
    let stages = plan?.stages ?? book.rollout.stages.map(\.plan)
    try requireTimes(book.rollout, stages, now: draft.now)
    for other in others where !leavesDevices(other, to: book) {
      switch other.rollout.status {
      case .running, .paused, .rollingBack:
        throw Problem(
          .conflict,
          "rollout \(other.rollout.specification.name) is \(other.rollout.status.rawValue) for the "
            + "same devices; wait for it or abort it first")
      case .completed, .halted, .aborted, .rolledBack, .ended, .draft, .closed: break
      }
    }
    for other in others where !leavesDevices(other, to: book) { close(other, &ledger, &draft) }
    if let plan { book.replan(plan) }
    book.startRefusal = nil
  }

  // A rollout of the same product that is under way stays: what both want is decided per device,
  // see `Supersession`.
  private func leavesDevices(_ other: RolloutBook, to book: RolloutBook) -> Bool {
    guard other.release.name == book.release.name else { return false }
    return switch other.rollout.status {
    case .running, .paused: true
    case .ended: other.rollout.tally.leased > 0
    default: false
    }
  }

  private func requireTimes(
    _ rollout: Rollout, _ stages: [PlannedStage], now: Instant
  ) throws(Problem) {
    let name = rollout.specification.name
    if let endAt = rollout.specification.terms.endAt, endAt <= now {
      throw Problem(
        .conflict, "the end time of rollout \(name), \(endAt), has passed; create another one")
    }
    guard rollout.approvedBy != nil || !Schedule.needsApproval(rollout.policy, stages) else {
      throw Problem(
        .conflict,
        "rollout \(name) must be approved before it starts: groundswell rollout approve \(name)")
    }
  }

  // Two rollouts concern the same devices when they carry the same component of the same hardware.
  private func overlaps(_ left: RolloutBook, _ right: RolloutBook) -> Bool {
    left.artifacts.contains { hardware, images in
      let components = Set(images.map(\.component))
      return right.artifacts[hardware]?.contains { components.contains($0.component) } ?? false
    }
  }

  private func stageToApprove(_ book: RolloutBook) throws(Problem) -> Int {
    let rollout = book.rollout
    // A stage that nobody is left to speak for is approved as it is.
    if let open = rollout.openStage, case .wait(.noVerdict) = Gate.evaluate(rollout, now: clock.now)
    {
      return open
    }
    guard rollout.status == .running || rollout.status == .paused, let open = rollout.openStage,
      rollout.stages[open].plan.signOff, rollout.stages[open].signedOffBy == nil
    else {
      throw Problem(
        .conflict, "rollout \(rollout.specification.name) has no stage that waits for approval")
    }
    guard rollout.stages[open].settledAt != nil else {
      throw Problem(
        .conflict,
        "\(rollout.stages[open].plan.name) has not reached its quorum yet; approve it when it has")
    }
    return open
  }

  private func allow(
    _ command: SteeringCommand, _ book: RolloutBook, _ statuses: [Rollout.Status]
  ) throws(Problem) {
    let rollout = book.rollout
    guard statuses.contains(rollout.status) else {
      let allowed = statuses.map(\.rawValue).joined(separator: " or ")
      throw Problem(
        .conflict,
        "rollout \(rollout.specification.name) is \(rollout.status.rawValue); \(command.rawValue) "
          + "needs \(allowed)")
    }
  }
}
