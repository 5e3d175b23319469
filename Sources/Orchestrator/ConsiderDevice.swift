// ConsiderDevice: what a device that polls is due: proof, recovery, another attempt or a first
// grant.

import FleetStore
import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Decides for one device under the ledger's lock and hands what changed to the store.
  func consider(
    _ device: Device, _ view: DeviceView, _ room: Room, _ ledger: inout Ledger, now: Instant
  ) -> Finding {
    guard isStoreHealthy else { return .later(until: nil, ticket: 0) }
    for id in ledger.live {
      // Before anything is noted or decided, because all that is done again once it is loaded.
      guard let book = ledger.books[id] else { continue }
      for schedule in schedules(for: device, in: book) {
        if let zone = missingZone(for: device, in: schedule, now: now) { return .needsZone(zone) }
      }
    }
    var draft = Draft(room, now: now)
    draft.isFirstQuestion = room.fleet.noteFirstQuestion(to: device.key.device)
    let outcome = decide(device, view, &ledger, &draft)
    let isChanged = !draft.changes.isEmpty
    let ticket = commit(draft, &ledger)
    // An answer that shows no action and changed nothing promises nothing, so it waits for nobody.
    let own = isChanged ? ticket : 0
    return switch outcome {
    case .nothing: .nothing(ticket: own)
    case .later(let until): .later(until: until, ticket: own)
    case .standing(let id, let until): .standing(id, until: until, ticket: ticket)
    case .leased(let id): .leased(id, ticket: ticket)
    case .cancelling(let id): .cancelling(id, ticket: ticket)
    }
  }

  enum Outcome {
    case nothing
    case later(Instant?)
    // What it waits with; something else may be due all the same.
    case standing(ActionID, Instant?)
    case leased(ActionID)
    case cancelling(ActionID)

    /// When a wait is over; nil when that is not known, and for what is no wait.
    var until: Instant? {
      switch self {
      case .later(let until), .standing(_, let until): until
      case .nothing, .leased, .cancelling: nil
      }
    }

    /// Of two waits the one that is over first.
    func joined(with other: Instant?) -> Outcome {
      let first = [until, other].compactMap(\.self).min()
      if case .standing(let id, _) = self { return .standing(id, first) }
      return .later(first)
    }
  }

  private func decide(
    _ device: Device, _ view: DeviceView, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Outcome {
    if device.state == .quarantined { return decideInQuarantine(device, view, &ledger, &draft) }
    var wait: Outcome = .nothing
    let superseded = endSuperseded(device, &ledger, &draft)
    // A lease comes before everything: a device never holds two.
    let leased = ledger.lease(of: device.key.device)
    if let leased, let book = ledger.books[leased] {
      askToStandAside(device, in: book, &ledger, &draft)
    }
    if let leased, let book = ledger.books[leased], let action = book.actions[device.key.device],
      action.isLeased
    {
      let outcome = attend(action, of: device, view, in: book, &ledger, &draft)
      if book.actions[device.key.device]?.isLeased ?? false { return outcome }
      wait = outcome
    }
    for id in ledger.live where id != leased && !superseded.contains(id) {
      guard let book = ledger.books[id] else { continue }
      let outcome =
        book.actions[device.key.device].map {
          attend($0, of: device, view, in: book, &ledger, &draft)
        } ?? offer(device, in: book, &ledger, &draft)
      switch outcome {
      case .leased, .cancelling: return outcome
      case .later(let until): wait = wait.joined(with: until)
      case .standing(let id, let until):
        if case .standing = wait {
          wait = wait.joined(with: until)
        } else {
          wait = .standing(id, wait.joined(with: until).until)
        }
      case .nothing: break
      }
    }
    return wait
  }

  // A device that takes part already.
  func attend(
    _ known: Action, of device: Device, _ view: DeviceView, in book: RolloutBook,
    _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Outcome {
    var action = known
    if ledger.hasMovedOn(device, from: known, in: book) {
      forget(known, in: book, &ledger, &draft)
      return .nothing
    }
    let running = ControlPlane.running(device, view, action, ledger)
    step(.polled(running), &action, book, &ledger, &draft)
    if book.rollout.status.isStopped || book.rollout.isQuarantined(action) {
      let delay = recover(&action, of: device, in: book, &ledger, &draft)
      if let delay { return delay }
    } else {
      pauseIfHindered(&action, of: device, in: book, &ledger, &draft)
      if case .retrying = action.state { return offer(device, in: book, &ledger, &draft) }
    }
    switch action.state {
    case .leased(.offered, _) where book.rollout.status == .paused: return .later(nil)
    case .leased(.verifying, _):
      // It has done its part; until it proves what it runs there is nothing to fetch.
      draft.room.fleet.askForAttributes(device.key.device, running != .expected)
      return .later(nil)
    case .leased: return action.cancel == .requested ? .cancelling(action.id) : .leased(action.id)
    case .retrying(let from): return .later(from)
    case .ended(let outcome):
      if running == .stale, outcome == .succeeded || outcome == .unverified {
        // It said something else before a restart of this server; whether it still does counts.
        draft.room.fleet.askForAttributes(device.key.device, true)
      }
      return .nothing
    }
  }

  func step(
    _ input: ActionInput, _ action: inout Action, _ book: RolloutBook, _ ledger: inout Ledger,
    _ draft: inout Draft
  ) {
    // A poll is never refused; if it were, nothing would change.
    guard
      let next = try? ActionMachine.apply(
        input, to: action, policy: book.rollout.policy, salt: book.rollout.specification.salt,
        now: draft.now), next != action
    else { return }
    let moved = pastFloor(next, from: action, in: book, ledger, &draft)
    guard moved != action else { return }
    action = moved
    draft.record(action, in: book, &ledger)
    draft.judge(book)
  }

  // Returns what holds the device up, if something does that will pass.
  private func recover(
    _ action: inout Action, of device: Device, in book: RolloutBook, _ ledger: inout Ledger,
    _ draft: inout Draft
  ) -> Outcome? {
    let window = window(
      of: device, in: book.rollout.policy.windows, draft.room, now: draft.now)
    let recovery = Recovery.decide(
      action, runsRelease: ledger.runsWhatWasGiven(device, action, in: book), in: book.rollout,
      window: window.state, demand: ledger.demand(of: device, action, in: book), now: draft.now)
    let obstacle = ledger.obstacle(to: recovery, action, for: device)
    switch obstacle == nil ? recovery : .strand {
    case .nothing: break
    case .wait(let reason): return ControlPlane.outcome(of: reason, window)
    case .cancel:
      step(.cancelRequested, &action, book, &ledger, &draft)
      // What ended at once may have left the device on a floor.
      if !action.isLeased { return recover(&action, of: device, in: book, &ledger, &draft) }
    case .strand:
      action = action.stranded(by: obstacle ?? .nothingKnown, now: draft.now)
      draft.record(action, in: book, &ledger)
      draft.judge(book)
    case .turnBack(let fallback):
      action = ActionMachine.turnBack(
        action, to: fallback, id: newID(&draft), policy: book.rollout.policy, now: draft.now)
      grant(action, to: device, in: book, &ledger, &draft)
    case .retryTurnBack:
      action = ActionMachine.regrant(
        action, id: newID(&draft), policy: book.rollout.policy, now: draft.now)
      grant(action, to: device, in: book, &ledger, &draft)
    }
    return nil
  }

  // What a device is told that is granted nothing.
  private static func outcome(of answer: Eligibility, _ window: DeviceWindow) -> Outcome {
    switch answer {
    case .eligible, .excluded: .nothing
    case .deferred(let reason):
      switch reason {
      case .stageClosed, .notRunning, .placeClosed, .quarantined, .endTimePassed: .nothing
      case .maintenanceWindow: .later(window.opening)
      case .hindered(let hindrance): .later(hindrance.until)
      default: .later(reason.until ?? window.recheck)
      }
    }
  }

  // A device that may be granted its first or next attempt.
  func offer(
    _ device: Device, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Outcome {
    let known = book.actions[device.key.device]
    let specification = book.rollout.specification
    let outlook = outlook(of: device, known, in: book, ledger, draft.room, now: draft.now)
    let window = outlook.grantWindow(known)
    var candidate = ledger.candidate(device, known, in: book, outlook)
    if known == nil { joinIfNew(&candidate, device, in: book, &draft) }
    let answer = Eligibility.decide(
      candidate, action: known, in: book.rollout,
      demand: ledger.demand(of: device, known, in: book), now: draft.now)
    switch answer {
    case .excluded: return .nothing
    case .deferred(let reason):
      let outcome = ControlPlane.outcome(of: answer, window)
      if known == nil, isUndescribed(device, draft) { return .later(window.recheck) }
      let held = holdBack(device, known, reason, candidate, in: book, &ledger, &draft)
      // Who can wait with an offer is shown what it waits for.
      guard let held, outlook.isPatient, book.rollout.status.grantsUpdates,
        held.isShown(at: draft.now)
      else { return outcome }
      return .standing(held.id, outcome.until)
    case .eligible(let stage):
      // What it runs now is what it could go back to. So a device that never spoke gets one poll to
      // say so, and no more, because some never do.
      if known == nil, isUndescribed(device, draft) { return .later(window.recheck) }
      let policy = specification.policy
      // An obstacle would have excluded it.
      var release = specification.release
      if case .step(let step) = ledger.route(device, to: release) { release = step }
      let action =
        known.map {
          leaseAgain($0, device, outlook, release: release, in: book, ledger, &draft)
        }
        ?? Action(
          rollout: specification.id, device: device.key.device, stage: stage, id: newID(&draft),
          release: release, fallback: ledger.fallback(of: device, from: book.release),
          deadline: draft.now + policy.timeouts.accept, now: draft.now,
          stratum: book.rollout.stratum(of: candidate))
      grant(action, to: device, in: book, &ledger, &draft, outlook.overridden)
      return .leased(action.id)
    }
  }

  private func isUndescribed(_ device: Device, _ draft: Draft) -> Bool {
    device.twin.reported.isEmpty && draft.isFirstQuestion
  }

  // A device that registered or changed since the plan was made takes its place in its stratum.
  private func joinIfNew(
    _ candidate: inout Candidate, _ device: Device, in book: RolloutBook, _ draft: inout Draft
  ) {
    guard let terms = book.rollout.policy.evidence, candidate.fits, candidate.isTargeted,
      !candidate.runsRelease, !candidate.isCanary, candidate.safeguard == nil,
      book.rollout.status.grantsUpdates, let label = Ledger.stratum(of: device, terms)
    else { return }
    let (stratum, events) = book.join(device.key.device, label: label, now: draft.now)
    guard !events.isEmpty else { return }
    candidate.stratum = stratum
    draft.happened(events.filter { $0.sentence(in: book.rollout) != nil }, in: book)
    draft.judge(book)
  }

  private func grant(
    _ action: Action, to device: Device, in book: RolloutBook, _ ledger: inout Ledger,
    _ draft: inout Draft, _ overridden: [Hindrance] = []
  ) {
    // What it has it does not download again.
    let bytes = action.phase == .offered ? ledger.bytes(of: action.release, for: device) : 0
    book.grant(action, bytes: bytes, now: draft.now)
    draft.record(action, in: book, &ledger)
    draft.add(
      .report(
        Report(
          device: DeviceKey(tenant: draft.room.tenant, device: action.device),
          rollout: action.rollout, action: action.id, at: draft.now, kind: "granted",
          text: action.kind == .update
            ? "granted, attempt \(action.attempt)" + ControlPlane.remark(overridden)
              + skipped(action, device, in: book, ledger)
            : "granted the way back, attempt \(action.attempt)",
          code: nil)))
  }

  private static func remark(_ overridden: [Hindrance]) -> String {
    guard !overridden.isEmpty else { return "" }
    let clauses = overridden.map(\.clause).joined(separator: "; ")
    return "; for security it passes over this: \(clauses)"
  }

  private func skipped(
    _ action: Action, _ device: Device, in book: RolloutBook, _ ledger: Ledger
  ) -> String {
    let terms = ledger.releases[action.release]?.terms ?? .usual
    let policy = book.rollout.policy
    return [terms.prepare ?? policy.prepare, terms.resume ?? policy.resume].compactMap(\.self)
      .filter { !device.advertises($0) }
      .map { "; \($0) is left out, the device does not offer it" }.joined()
  }

  func newID(_ draft: inout Draft) -> ActionID {
    let (id, reservation) = actionNumbers.withLock { $0.take() }
    if let reservation { draft.add(reservation) }
    return id
  }

  /// What a device says it runs, compared with what an action gave it.
  static func running(
    _ device: Device, _ view: DeviceView, _ action: Action, _ ledger: Ledger
  ) -> ActionInput.Running {
    if ledger.runs(device, action.release) { return .expected }
    guard device.reportedVersion != nil || device.reportedImage != nil else { return .unknown }
    let since = action.installedAt ?? action.grantedAt
    return view.versionReportedAt > since ? .other : .stale
  }
}
