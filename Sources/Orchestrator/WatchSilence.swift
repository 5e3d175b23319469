// WatchSilence: who should have been heard and was not, while others are heard.

import FleetStore
import RolloutEngine
import UpdateModel

extension ControlPlane {
  private static let silencesPerTurn = 500
  /// Members of a cohort that are looked up in one go, so that polls never wait long.
  private static let membersPerTurn = 4000

  /// Looks at the control cohorts, and marks devices that are lost; part of `advance`.
  func watchSilence(in room: Room) {
    let now = clock.now
    for id in room.ledger.withLock({ $0.live }) { look(at: id, in: room, now: now) }
    while listen(in: room, now: now) == ControlPlane.silencesPerTurn {}
  }

  // Listens to the devices whose time to be heard has come; returns how many these were.
  private func listen(in room: Room, now: Instant) -> Int {
    room.turn { ledger in
      var draft = Draft(room, now: now)
      let due = ledger.silences.take(until: now, limit: ControlPlane.silencesPerTurn)
      var touched: Set<RolloutID> = []
      for entry in due {
        guard let book = ledger.books[entry.rollout], book.rollout.isWatchingSilence(at: now),
          let action = book.actions[entry.device], action.isWatched
        else { continue }
        if listen(to: action, in: book, &ledger, &draft) { touched.insert(entry.rollout) }
      }
      draft.judge(touched, ledger)
      _ = commit(draft, &ledger)
      return due.count
    }
  }

  /// What a look at a cohort is taken with.
  private struct Look {
    var cohort: ControlCohort
    let terms: Policy.Evidence
    let poll: Interval
    let startedAt: Instant
    let stepOpenedAt: Instant
  }

  // Only who was granted is looked up with the ledger; the rest is done on a copy. Nobody else
  // changes the cohort of a rollout that has started.
  private func look(at id: RolloutID, in room: Room, now: Instant) {
    guard var look = room.turn({ ledger in ledger.books[id].flatMap { prepare($0, now: now) } })
    else { return }
    let members = look.cohort.members
    let heard = members.map { lastHeard($0.device, room.fleet) }
    var isGranted: [Bool] = []
    isGranted.reserveCapacity(members.count)
    for start in stride(from: 0, to: members.count, by: ControlPlane.membersPerTurn) {
      let portion = members[start..<min(start + ControlPlane.membersPerTurn, members.count)]
      isGranted += room.turn { ledger in
        guard let book = ledger.books[id] else { return portion.map { _ in false } }
        return portion.map { book.actions[$0.device] != nil }
      }
    }
    let sample = look.cohort.look(
      terms: look.terms, poll: look.poll, startedAt: look.startedAt,
      stepOpenedAt: look.stepOpenedAt, now: now, isGranted: isGranted, lastHeard: heard)
    let cohort = look.cohort
    room.turn { ledger in
      guard let book = ledger.books[id], book.isLive else { return }
      book.cohort = cohort
      let minHeard = look.terms.minHeard
      let wasOut = book.rollout.control.map { $0.heard < minHeard } ?? false
      book.evolve(.controlSeen(sample), now: now)
      var draft = Draft(room, now: now)
      let isOut = sample.heard < minHeard
      if isOut != wasOut, book.rollout.status == .running,
        let judgement = Gate.judgement(book.rollout, now: now)
      {
        draft.happened([.outage(isOut, judgement)], in: book)
      }
      if book.isUnsaved {
        draft.add(.rollout(room.tenant, book.rollout))
        book.isUnsaved = false
      }
      _ = commit(draft, &ledger)
    }
  }

  // Nil when it is not yet time for a look.
  private func prepare(_ book: RolloutBook, now: Instant) -> Look? {
    guard book.rollout.isWatchingSilence(at: now), let terms = book.rollout.policy.evidence
    else { return nil }
    let poll = book.rollout.specification.pollInterval
    guard book.cohort.isDue(poll: poll, now: now) else { return nil }
    let opened = book.rollout.openStage.flatMap { book.rollout.stages[$0].openedAt } ?? now
    return Look(
      cohort: book.cohort, terms: terms, poll: poll,
      startedAt: book.rollout.startedAt ?? opened, stepOpenedAt: opened)
  }

  // A server that was away heard nobody, so silence begins when it came back at the earliest.
  private func lastHeard(_ device: DeviceID, _ fleet: Fleet) -> Instant? {
    fleet.lastSeen(device).map { max($0, loadedAt) }
  }

  // Whether the device counts as lost now.
  private func listen(
    to action: Action, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Bool {
    guard let silence = book.rollout.silence, let terms = book.rollout.policy.evidence,
      let heard = lastHeard(action.device, draft.room.fleet)
    else { return false }
    let key = DeviceKey(tenant: draft.room.tenant, device: action.device)
    let domain = terms.domain.flatMap { field in
      draft.room.fleet.device(key).flatMap { field.value(of: $0.device) }
    }
    let found = book.cohort.judge(
      heard: heard, silence: silence, domain: domain, now: draft.now)
    if case .tooShort(let lookAgain) = found {
      ledger.silences.insert(
        DeadlineQueue.Entry(
          deadline: lookAgain, rollout: action.rollout, device: action.device))
      return false
    }
    guard
      let next = try? ActionMachine.apply(  // silence is never refused
        .fellSilent, to: action, policy: book.rollout.policy,
        salt: book.rollout.specification.salt, now: draft.now), next != action
    else { return false }
    draft.record(next, in: book, &ledger)
    // Its next poll must be looked at, for that mends it.
    draft.room.fleet.wake(action.device)
    return true
  }
}
