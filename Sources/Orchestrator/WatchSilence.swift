// WatchSilence: who should have been heard and was not, while others are heard.

import FleetStore
import RolloutEngine
import UpdateModel

extension ControlPlane {
  private static let silencesPerTurn = 500

  /// Looks at the control cohorts, and marks devices that are lost; part of `advance`.
  func watchSilence(in room: Room) {
    let now = clock.now
    room.ledger.withLock { ledger in
      var draft = Draft(room, now: now)
      for id in ledger.live {
        guard let book = ledger.books[id], book.rollout.isWatchingSilence(at: now) else { continue }
        look(at: book, &draft)
      }
      let due = ledger.silences.take(until: now, limit: ControlPlane.silencesPerTurn)
      for entry in due {
        guard let book = ledger.books[entry.rollout], book.rollout.isWatchingSilence(at: now),
          let action = book.actions[entry.device], action.isWatched
        else { continue }
        listen(to: action, in: book, &ledger, &draft)
      }
      _ = commit(draft, &ledger)
    }
  }

  private func look(at book: RolloutBook, _ draft: inout Draft) {
    guard let terms = book.rollout.policy.evidence else { return }
    let poll = book.rollout.specification.pollInterval
    guard book.cohort.isDue(poll: poll, now: draft.now) else { return }
    let opened =
      book.rollout.openStage.flatMap { book.rollout.stages[$0].openedAt } ?? draft.now
    let fleet = draft.room.fleet
    let sample = book.cohort.look(
      terms: terms, poll: poll, startedAt: book.rollout.startedAt ?? opened, stepOpenedAt: opened,
      now: draft.now,
      isGranted: { book.actions[$0] != nil }, lastHeard: { self.lastHeard($0, fleet) })
    let wasOut = book.rollout.control.map { $0.heard < terms.minHeard } ?? false
    book.evolve(.controlSeen(sample), now: draft.now)
    let isOut = sample.heard < terms.minHeard
    if isOut != wasOut, book.rollout.status == .running,
      let judgement = Gate.judgement(book.rollout, now: draft.now)
    {
      draft.happened([.outage(isOut, judgement)], in: book)
    }
    if book.isUnsaved {
      draft.add(.rollout(draft.room.tenant, book.rollout))
      book.isUnsaved = false
    }
  }

  // A server that was away heard nobody, so silence begins when it came back at the earliest.
  private func lastHeard(_ device: DeviceID, _ fleet: Fleet) -> Instant? {
    fleet.view(device).map { max($0.lastSeen, loadedAt) }
  }

  private func listen(
    to action: Action, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    guard let silence = book.rollout.silence, let terms = book.rollout.policy.evidence,
      let heard = lastHeard(action.device, draft.room.fleet)
    else { return }
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
      return
    }
    guard
      let next = try? ActionMachine.apply(  // silence is never refused
        .fellSilent, to: action, policy: book.rollout.policy,
        salt: book.rollout.specification.salt, now: draft.now), next != action
    else { return }
    draft.record(next, in: book, &ledger)
    // Its next poll must be looked at, for that mends it.
    draft.room.fleet.wake(action.device)
    draft.judge(book)
  }
}
