// AdvanceRollouts: what time alone decides: leases that expire, soak times that are over.

import FleetStore
import RolloutEngine
import Synchronization
public import UpdateModel

extension ControlPlane {
  /// Leases looked at in one go, so that polls never wait long for the ledger.
  private static let expiriesPerTurn = 500
  /// Last-seen times taken from each of the fleet's shards in one go.
  private static let lastSeenPerShard = 64

  /// To be called about once a second.
  public func advance() {
    fleetSize.store(allRooms.reduce(0) { $0 + $1.fleet.count }, ordering: .relaxed)
    guard isStoreHealthy else { return }
    for room in allRooms {
      while expireLeases(in: room) == ControlPlane.expiriesPerTurn {}
      watchSilence(in: room)
      judgeAll(in: room)
      startScheduled(in: room)
      freeForgotten(in: room)
      advanceCommands(in: room)
    }
  }

  private func expireLeases(in room: Room) -> Int {
    let now = clock.now
    return room.turn { ledger in
      let due = ledger.deadlines.take(until: now, limit: ControlPlane.expiriesPerTurn)
      var draft = Draft(room, now: now)
      var touched: Set<RolloutID> = []
      for entry in due {
        guard let book = ledger.books[entry.rollout], book.isLive,
          let action = book.actions[entry.device],
          let due = action.due(under: book.rollout.policy), due <= now
        else { continue }
        expire(action, in: book, &ledger, &draft)
        touched.insert(entry.rollout)
      }
      draft.judge(touched, ledger)
      _ = commit(draft, &ledger)
      return due.count
    }
  }

  private func expire(
    _ action: Action, in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    if book.rollout.status == .paused, action.phase == .offered {
      // The device is not shown its offer while the rollout is paused, so its time stands still.
      var waiting = action
      waiting.state = .leased(.offered, deadline: draft.now + book.rollout.policy.timeouts.accept)
      draft.record(waiting, in: book, &ledger)
      return
    }
    if !action.isLeased, !book.rollout.status.grantsUpdates {
      // Nor does the time for which a device may postpone what it would not be given.
      return keepPostponed(action, in: book, &ledger, now: draft.now)
    }
    let heard = draft.room.fleet.view(action.device)?.lastSeen ?? .epoch
    guard
      let next = try? ActionMachine.apply(  // an expiry is never refused
        book.rollout.expiry(of: action, heard: heard, now: draft.now), to: action,
        policy: book.rollout.policy, salt: book.rollout.specification.salt, now: draft.now),
      next != action
    else { return }
    draft.record(next, in: book, &ledger)
    draft.room.fleet.wake(action.device)
    if action.standby != nil, !action.isLeased { return draft.noteStandby(next) }
    draft.add(
      .report(
        Report(
          device: DeviceKey(tenant: draft.room.tenant, device: action.device),
          rollout: action.rollout, action: action.id, at: draft.now, kind: "expired",
          text: next.failure?.detail ?? "was not heard of in time", code: nil)))
  }

  private func keepPostponed(
    _ action: Action, in book: RolloutBook, _ ledger: inout Ledger, now: Instant
  ) {
    // What has ended grants no more, so nobody needs to look again.
    guard book.rollout.status == .paused else { return }
    ledger.deadlines.insert(
      DeadlineQueue.Entry(
        deadline: now + .minutes(1), rollout: action.rollout, device: action.device))
  }

  // One rollout at a time, so that nobody waits for all of them.
  private func judgeAll(in room: Room) {
    let now = clock.now
    for id in room.ledger.withLock({ $0.live }) {
      room.turn { ledger in
        guard let book = ledger.books[id], book.isLive else { return }
        var draft = Draft(room, now: now)
        draft.judge(book)
        // Its reason speaks of time that passes.
        if book.rollout.status == .running { room.noteChange() }
        _ = commit(draft, &ledger)
      }
    }
    room.turn { ledger in
      var draft = Draft(room, now: now)
      closeReplaced(&ledger, &draft)
      _ = commit(draft, &ledger)
    }
  }

  // Letting go of a million actions takes longer than anybody may keep the ledger.
  private func freeForgotten(in room: Room) {
    _ = room.turn { ledger in
      let forgotten = ledger.forgotten
      ledger.forgotten = []
      return forgotten
    }
  }

  /// Hands devices' last-seen times to the store: all of them, or a portion that no commit behind
  /// it has to wait for long.
  public func saveLastSeen(all: Bool) {
    for room in allRooms {
      while isStoreHealthy {
        let batch = room.fleet.takeUnsaved(limit: ControlPlane.lastSeenPerShard)
        guard !batch.isEmpty else { break }
        let rows = batch.compactMap { text, instant in
          // Ids in the table were checked when they were put there.
          (try? DeviceID(text)).map { (DeviceKey(tenant: room.tenant, device: $0), instant) }
        }
        _ = store.enqueue(.lastSeen(rows))
        guard all else { break }
      }
    }
  }

  /// Removes reports that are older than `age` from the histories, little by little.
  public func pruneReports(olderThan age: Interval) {
    store.prune(before: Instant(milliseconds: clock.now.milliseconds - age.milliseconds))
  }
}
