// StandAside: of several rollouts that concern one device, the others give way.

import FleetStore
import RolloutEngine
import UpdateModel

extension Ledger {
  /// The newer rollout that takes the place of another one for a device; nil for none.
  func superseding(_ older: RolloutSpecification, for device: Device) -> RolloutID? {
    guard let name = releases[older.release]?.name, live.count > 1 else { return nil }
    let claims = live.compactMap { id -> Claim? in
      guard id > older.id, let book = books[id], book.release.name == name else { return nil }
      let specification = book.rollout.specification
      let fits = device.hardware.flatMap { book.artifacts[$0] } != nil
      let isWanted =
        isTargeted(device, by: specification.target) || isCanary(device, of: specification.policy)
      // A device that the newer one cannot serve is better off with the older.
      var isBarred = false
      if fits, isWanted, case .barred = route(device, to: specification.release) {
        isBarred = true
      }
      return Claim(
        rollout: id, priority: specification.terms.priority,
        isUnderWay: book.rollout.status.grantsUpdates || book.rollout.status == .paused,
        isEntitled: fits && isWanted && !isBarred,
        hasBegun: book.actions[device.key.device]?.standing.isExposed ?? false)
    }
    return Supersession.winner(over: older, among: claims)
  }

  /// Whether a device that had its verdict in a rollout went on to something else since, so that
  /// what it runs now says nothing about the rollout.
  ///
  /// It did when a later rollout of the same product changed it, or it runs a later release.
  func hasMovedOn(_ device: Device, from action: Action, in book: RolloutBook) -> Bool {
    guard action.kind == .update, case .ended = action.state,
      !runs(device, action.release), !runs(device, book.release.id)
    else { return false }
    let isTaken = live.contains { id in
      guard id != action.rollout, let other = books[id], other.release.name == book.release.name,
        let part = other.actions[device.key.device]
      else { return false }
      return part.grantedAt > action.grantedAt && part.standing.isExposed
    }
    if isTaken { return true }
    return releases.values.contains {
      $0.name == book.release.name && $0.id > action.release && runs(device, $0.id)
    }
  }
}

extension ControlPlane {
  /// Asks a device that has not begun to install to stop, when its update is superseded or a
  /// rollout of higher priority wants it and may have it now.
  func askToStandAside(
    _ device: Device, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    let specification = book.rollout.specification
    guard var action = book.actions[device.key.device], action.kind == .update,
      action.phase == .offered || action.phase == .downloading, !book.rollout.status.isStopped
    else { return }
    if let rollout = ledger.superseding(specification, for: device) {
      return step(.supersede(by: rollout), &action, book, &ledger, &draft)
    }
    for id in ledger.live {
      guard let other = ledger.books[id],
        other.rollout.specification.terms.priority > specification.terms.priority
      else { return }
      guard isWanted(device, by: other, ledger, draft) else { continue }
      return step(.yield(to: id), &action, book, &ledger, &draft)
    }
  }

  private func isWanted(
    _ device: Device, by book: RolloutBook, _ ledger: Ledger, _ draft: Draft
  ) -> Bool {
    let action = book.actions[device.key.device]
    let outlook = outlook(of: device, action, in: book, ledger, draft.room, now: draft.now)
    let answer = Eligibility.decide(
      ledger.candidate(device, action, in: book, outlook), action: action, in: book.rollout,
      demand: ledger.demand(of: device, action, in: book), now: draft.now)
    if case .eligible = answer { return true }
    return false
  }

  /// Ends the part of a device in every rollout in which a newer one has it; returns those.
  func endSuperseded(
    _ device: Device, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> [RolloutID] {
    guard ledger.live.count > 1 else { return [] }
    return ledger.live.filter { id in
      guard let book = ledger.books[id] else { return false }
      return isSuperseded(device, in: book, &ledger, &draft)
    }
  }

  // Whether a device gets nothing more from a rollout because a newer one has it; notes that where
  // the rollout counted on the device.
  private func isSuperseded(
    _ device: Device, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Bool {
    let rollout = book.rollout
    let specification = rollout.specification
    guard rollout.status.grantsUpdates || rollout.status == .paused,
      let winner = ledger.superseding(specification, for: device)
    else { return false }
    guard var action = book.actions[device.key.device] else {
      let candidate = ledger.candidate(device, in: book, window: .open(until: nil))
      // Before its stage opens nobody waits for it, and a row less is written.
      guard candidate.fits, !candidate.runsRelease, let open = rollout.openStage,
        let stage = Eligibility.stage(of: candidate, in: rollout), stage <= open,
        rollout.hasPlace(for: candidate)
      else { return true }
      var part = Action(
        superseding: winner, of: specification, device: device.key.device, stage: stage,
        id: newID(&draft), now: draft.now)
      part.stratum = rollout.stratum(of: candidate)
      draft.record(part, in: book, &ledger)
      draft.judge(book)
      return true
    }
    guard action.kind == .update, case .retrying = action.state else { return false }
    step(.supersede(by: winner), &action, book, &ledger, &draft)
    return true
  }

  /// Notes that a device which went on to something else is not to be brought back.
  func forget(
    _ action: Action, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    guard book.rollout.status.isStopped,
      action.standing == .succeeded || action.standing == .unverified
    else { return }
    draft.record(action.withdrawn(now: draft.now), in: book, &ledger)
    draft.judge(book)
  }

  /// The action after what was no more than a floor on the way; the same for all others.
  func pastFloor(
    _ next: Action, from before: Action, in book: RolloutBook, _ ledger: Ledger,
    _ draft: inout Draft
  ) -> Action {
    let target = book.rollout.specification.release
    guard next.kind == .update, next.release != target, case .ended = next.state,
      let (device, _) = draft.room.fleet.device(
        DeviceKey(tenant: draft.room.tenant, device: next.device))
    else { return next }
    var step = target
    if case .step(let found) = ledger.route(device, to: target) { step = found }
    let id = newID(&draft)
    return next.pastFloor(from: before, to: target, next: step, id: id, now: draft.now) ?? next
  }

  /// Closes rollouts that rest because a newer one, which is complete by now, had all their
  /// devices.
  func closeReplaced(_ ledger: inout Ledger, _ draft: inout Draft) {
    let books = ledger.live.compactMap { ledger.books[$0] }
    let completed = books.filter { $0.rollout.status == .completed }
    guard !completed.isEmpty else { return }
    for book in books where book.rollout.status == .running || book.rollout.status == .paused {
      guard book.rollout.tally.leased == 0, completed.contains(where: { covers($0, book) }) else {
        continue
      }
      close(book, &ledger, &draft)
    }
  }

  /// Closes a rollout whose devices are no longer looked after.
  func close(_ book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft) {
    // Nobody looks after the leases of a closed rollout, and they would bar their devices from
    // others.
    for device in book.leases.sorted() {
      guard let action = book.actions[device] else { continue }
      draft.record(action.withdrawn(now: draft.now), in: book, &ledger)
    }
    book.evolve(.closed, now: draft.now)
    draft.happened([.closed], in: book)
    ledger.forgotten.append(book.forgetActions())
    ledger.refreshLive()
  }

  // Whether every device that one rollout is for is taken by a newer one.
  private func covers(_ newer: RolloutBook, _ older: RolloutBook) -> Bool {
    let (new, old) = (newer.rollout.specification, older.rollout.specification)
    guard new.id > old.id, newer.release.name == older.release.name,
      new.terms.priority >= old.terms.priority,
      old.policy.canary == nil || new.target == nil
        || new.policy.canary?.group == old.policy.canary?.group,
      new.target == nil || new.target == old.target
    else { return false }
    return Set(older.artifacts.keys).isSubset(of: newer.artifacts.keys)
  }
}
