// StartScheduled: rollouts that start by themselves when their time has come.

import FleetStore
import RolloutEngine
import UpdateModel

/// Why a scheduled start was refused, until it is tried again.
struct StartRefusal: Equatable {
  let detail: String
  let retryAt: Instant
}

extension ControlPlane {
  /// A start that was refused is tried again after so long: it looks at the whole fleet.
  private static let startRetry = Interval.minutes(1)

  /// Starts what is due; a refusal is noted in the history, once while its reason stays the same.
  func startScheduled(in room: Room) {
    let now = clock.now
    let due = room.ledger.withLock { ledger in
      ledger.books.values.filter { book in
        book.rollout.status == .draft && Schedule.start(of: book.rollout, now: now) == .due
          && (book.startRefusal?.retryAt ?? now) <= now
      }.map(\.rollout.specification.id).sorted()
    }
    for id in due {
      do throws(Problem) {
        _ = try carryOut(
          .start, rollout: id.description, by: "its schedule", comment: nil, in: room)
        tell("its start time had come", of: id, in: room, now: now)
      } catch { note(error, of: id, in: room, now: now) }
    }
  }

  private func note(_ refusal: Problem, of id: RolloutID, in room: Room, now: Instant) {
    room.ledger.withLock { ledger in
      guard let book = ledger.books[id] else { return }
      let before = book.startRefusal?.detail
      book.startRefusal = StartRefusal(
        detail: refusal.detail, retryAt: now + ControlPlane.startRetry)
      guard before != refusal.detail else { return }
      tell("not started as scheduled: \(refusal.detail)", of: id, in: room, now: now, &ledger)
    }
  }

  private func tell(_ sentence: String, of id: RolloutID, in room: Room, now: Instant) {
    room.ledger.withLock { tell(sentence, of: id, in: room, now: now, &$0) }
  }

  private func tell(
    _ sentence: String, of id: RolloutID, in room: Room, now: Instant, _ ledger: inout Ledger
  ) {
    var draft = Draft(room, now: now)
    draft.add(.rolloutEvent(room.tenant, id, at: now, sentence: sentence))
    _ = commit(draft, &ledger)
  }
}
