// ExplainRollout: why a rollout is where it is, and why a device is; for rollouts of every status.

import FleetStore
public import RolloutEngine
public import UpdateModel

/// Why a rollout is where it is.
public struct RolloutExplanation: Sendable {
  /// The rollout.
  public let view: RolloutView
  /// In words.
  public let story: RolloutStory
  /// The last decisions of its gate, newest first.
  public let decisions: [DecisionView]
  /// What happened last, newest first.
  public let moments: [(at: Instant, sentence: String)]
}

/// Why a device is where it is in a rollout.
public struct DeviceExplanation: Sendable {
  /// The device.
  public let device: DeviceID
  /// The rollout.
  public let rollout: Rollout
  /// Its part; nil while it takes none.
  public let action: Action?
  /// Its stratum; nil for canaries, where no evidence is gathered, and while its kind is unknown.
  public let stratum: String?
  /// Its place among its kind; nil where there is none.
  public let place: DeviceStory.Place?
  /// In words.
  public let story: DeviceStory
}

extension ControlPlane {
  private static let decisionsTold = 5

  /// Why a rollout is where it is. Reads the disk: not for event loops.
  public func explain(rollout text: String, in room: Room) throws(Problem) -> RolloutExplanation {
    let view = try rollout(text, in: room)
    let id = view.rollout.specification.id
    let count = ControlPlane.decisionsTold
    return RolloutExplanation(
      view: view,
      story: RolloutStory(view.rollout, now: view.at).adding(standbyLines(view.rollout, in: room)),
      decisions: try decisions(of: id, in: room, before: nil, limit: count).decisions,
      moments: try moments(of: id, in: room, before: nil, limit: count).moments)
  }

  /// Why a device is where it is in a rollout. Throws `notFound` for devices that are not
  /// registered. Reads the disk for closed rollouts: not for event loops.
  public func explain(
    _ id: DeviceID, rollout text: String, in room: Room
  ) throws(Problem) -> DeviceExplanation {
    let key = DeviceKey(tenant: room.tenant, device: id)
    guard let (device, lastSeen) = room.fleet.device(key) else {
      throw Problem(.notFound, "there is no device \(id)")
    }
    let found = try room.ledger.withLock { ledger throws(Problem) in
      try ledger.resolve(rollout: text).rollout
    }
    let closed = found.status == .closed ? found.specification.id : nil
    // The participants of a closed rollout are in the store only.
    let past: Action?
    do { past = try closed.flatMap { try store.action(of: $0, device: key) } } catch {
      throw Problem(.internalError, "the history cannot be read: \(error)")
    }
    let now = clock.now
    let schedules = try room.ledger.withLock { ledger throws(Problem) -> [MaintenanceSchedule] in
      self.schedules(for: device, in: try ledger.resolve(rollout: text))
    }
    for schedule in schedules { loadZones(for: device, in: schedule, now: now) }
    return try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(rollout: text)
      let outlook = outlook(of: device, book.actions[id], in: book, ledger, room, now: now)
      return ledger.explain(
        device, heardAt: lastSeen == .epoch ? nil : lastSeen, past: past, in: book, outlook,
        now: now)
    }
  }
}

extension Ledger {
  /// What the engine decides about a device at this moment, in words.
  func explain(
    _ device: Device, heardAt: Instant?, past: Action?, in book: RolloutBook,
    _ outlook: DeviceOutlook, now: Instant
  ) -> DeviceExplanation {
    let id = device.key.device
    let rollout = book.rollout
    let action = book.actions[id] ?? past
    let candidate = candidate(device, action, in: book, outlook)
    let own = rollout.specification.id
    let other = lease(of: id).flatMap { $0 == own ? nil : books[$0]?.rollout.specification.name }
    let place = place(of: candidate, in: book)
    let demand = demand(of: device, action, in: book)
    let answer = Eligibility.decide(
      candidate, action: action, in: rollout, demand: demand, now: now)
    let subject = DeviceStory.Subject(
      candidate: candidate, hardware: device.hardware, heardAt: heardAt, place: place,
      leaseElsewhere: other, detour: floorClause(device, action, answer, in: book),
      remarks: rollout.policy.wish == .honour
        ? [UpdateWish(of: device).fault].compactMap { $0.map { "it \($0)" } } : [],
      mismatch: rollout.specification.target?.mismatch(of: device))
    let recovery = action.flatMap { action -> Recovery? in
      guard rollout.status != .closed else { return nil }
      let wanted = Recovery.decide(
        action, runsRelease: runsWhatWasGiven(device, action, in: book), in: rollout,
        window: outlook.window.state, demand: demand, now: now)
      return obstacle(to: wanted, action, for: device) == nil ? wanted : .strand
    }
    let stratum = action.map(\.stratum) ?? candidate.stratum
    return DeviceExplanation(
      device: id, rollout: rollout, action: action,
      stratum: stratum.map { rollout.strata[$0].label }, place: action == nil ? place : nil,
      story: DeviceStory(
        of: subject, action: action, answer: answer, recovery: recovery, in: rollout, now: now))
  }

  private func place(of candidate: Candidate, in book: RolloutBook) -> DeviceStory.Place? {
    guard let index = candidate.stratum, candidate.fits, candidate.isTargeted,
      book.ranks.count(index) > 0
    else { return nil }
    let salt = book.rollout.specification.salt
    let stratum = book.rollout.strata[index]
    let rank = Cohort.rank(of: candidate.device, salt: salt)
    return DeviceStory.Place(
      position: book.ranks.position(of: rank, stratum: index), size: stratum.size,
      label: stratum.label, opened: stratum.opened)
  }
}

extension RolloutSpecification.Target {
  // Only a query can tell what it misses.
  fileprivate func mismatch(of device: Device) -> String? {
    switch self {
    case .group, .filter: nil
    // Steady queries do not look at the time.
    case .query(let query): query.explain(DeviceSubject(device), at: .epoch).reason
    }
  }
}
