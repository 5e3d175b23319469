// Safeguards: kinds of devices that a release broke, kept from updates until a person says so.

public import FleetStore
import RolloutEngine
public import UpdateModel

extension Ledger {
  /// Keeps the kind of a quarantined stratum from other rollouts; nil when it has no name of its
  /// own or is kept already.
  mutating func guardKind(_ stratum: Int, of book: RolloutBook, now: Instant) -> Safeguard? {
    let found = book.rollout.strata[stratum]
    let rollout = book.rollout.specification.id
    // A label is written as a filter; only that of the rest is none.
    guard let filter = try? DeviceFilter(found.label),
      !safeguards.values.contains(where: { $0.rollout == rollout && $0.filter == filter })
    else { return nil }
    let safeguard = Safeguard(
      id: (safeguards.keys.max() ?? 0) + 1, filter: filter,
      reason: "rollout \(book.rollout.specification.name): "
        + (found.quarantine?.reason ?? "quarantined"),
      rollout: rollout, since: now)
    safeguards[safeguard.id] = safeguard
    return safeguard
  }
}

extension ControlPlane {
  /// All safeguards, oldest first.
  public func safeguards(in room: Room) -> [Safeguard] {
    room.ledger.withLock { Array($0.safeguards.values) }.sorted { $0.id < $1.id }
  }

  /// Lifts a safeguard, and the quarantine in the rollout that found it while that still runs; the
  /// evidence that there was is set aside. Returns the ticket to wait for. Throws `notFound`.
  public func liftSafeguard(
    _ id: Int, by person: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let safeguard = ledger.safeguards.removeValue(forKey: id) else {
        throw Problem(.notFound, "there is no safeguard \(id)")
      }
      var draft = Draft(room, now: now)
      draft.add(.liftSafeguard(room.tenant, id))
      if let book = ledger.books[safeguard.rollout], book.isLive,
        let stratum = book.rollout.strata.firstIndex(where: {
          $0.label == safeguard.filter.description && $0.quarantine != nil
        })
      {
        let event = RolloutEvent.quarantineLifted(stratum, by: person)
        book.evolve(event, now: now)
        draft.happened([event], in: book)
        draft.judge(book)
      }
      room.wakeFleet()
      return commit(draft, &ledger)
    }
  }
}
