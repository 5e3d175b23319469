// RulePostponement: a person decides about a device that waits or puts its update off.

import FleetStore
import RolloutEngine
public import UpdateModel

/// What a person says about a device that stands by.
public enum StandbyRuling: String, Sendable, CaseIterable {
  /// It may not put the update off any more.
  case force
  /// Its part ends; it keeps what it runs.
  case letGo = "let-go"
}

extension ControlPlane {
  /// Forces a device that waits or puts its update off, or ends its part in the rollout. Effective
  /// at its next poll; what protects the device holds for a forced update too.
  ///
  /// Throws `notFound` for a rollout that does not exist and a device that takes no part in it,
  /// `conflict` for a device that does not wait and for a rollout that grants nothing any more.
  public func rule(
    _ ruling: StandbyRuling, _ device: DeviceID, rollout text: String, by person: String,
    in room: Room
  ) throws(Problem) -> (device: Device?, part: Participation, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(rollout: text)
      let name = book.rollout.specification.name
      guard var action = book.actions[device] else {
        throw Problem(.notFound, "device \(device) takes no part in rollout \(name)")
      }
      let status = book.rollout.status
      guard status.grantsUpdates || status == .paused else {
        throw Problem(
          .conflict, "rollout \(name) is \(status.rawValue) and grants nothing any more")
      }
      guard case .retrying = action.state, action.kind == .update, action.standby != nil else {
        throw Problem(
          .conflict,
          "device \(device) is \(action.standing.label) in rollout \(name) and does not wait; only "
            + "a device that is postponed, waiting or undecided can be decided about")
      }
      var draft = Draft(room, now: now)
      step(
        ruling == .force ? .forced(by: person) : .letGo(by: person), &action, book, &ledger, &draft)
      draft.noteStandby(action)
      draft.add(
        .rolloutEvent(
          room.tenant, action.rollout, at: now,
          sentence: ruling == .force
            ? "\(person) forced the update of \(device)" : "\(person) let \(device) go"))
      room.fleet.wake(device)
      return (
        room.fleet.device(DeviceKey(tenant: room.tenant, device: device))?.device,
        ControlPlane.part(action, book), commit(draft, &ledger)
      )
    }
  }
}
