// HoldBack: a device whose turn it is and whose state forbids the next step stands by, without a
// slot, until that has changed.

import FleetStore
import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Takes the lease from a device that has not come far and may not go on now: from one that has
  /// not taken its offer up, and from one that downloads and can wait.
  func pauseIfHindered(
    _ action: inout Action, of device: Device, in book: RolloutBook, _ ledger: inout Ledger,
    _ draft: inout Draft
  ) {
    guard action.kind == .update, action.cancel == .none, book.rollout.status.grantsUpdates,
      action.phase == .offered || action.phase == .downloading
    else { return }
    let outlook = outlook(of: device, action, in: book, ledger, draft.room, now: draft.now)
    guard action.phase == .offered || outlook.isPatient, let hindrance = outlook.beginning else {
      return
    }
    hold(&action, hindrance, hasImage: false, in: book, &ledger, &draft)
  }

  /// Notes that a device is held back, where that is news.
  func hold(
    _ action: inout Action, _ hindrance: Hindrance, hasImage: Bool, in book: RolloutBook,
    _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    let before = action
    step(.held(hindrance, hasImage: hasImage), &action, book, &ledger, &draft)
    guard action != before else { return }
    draft.noteStandby(action)
  }

  /// Notes that a device is held back before its next grant; returns its part, nil for none.
  func holdBack(
    _ device: Device, _ known: Action?, _ reason: Eligibility.Deferral, _ candidate: Candidate,
    in book: RolloutBook, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Action? {
    guard var action = known else {
      guard case .hindered(let hindrance) = reason,
        let stage = Eligibility.stage(of: candidate, in: book.rollout)
      else { return nil }
      var release = book.release.id
      if case .step(let step) = ledger.route(device, to: release) { release = step }
      let action = Action(
        holding: device.key.device, of: book.rollout.specification, stage: stage,
        id: newID(&draft), release: release, for: hindrance,
        stratum: book.rollout.stratum(of: candidate), now: draft.now)
      draft.record(action, in: book, &ledger)
      draft.noteStandby(action)
      draft.judge(book)
      return action
    }
    // A failed attempt is waited for as before: what counts is that it failed.
    guard action.failure == nil else { return action }
    switch reason {
    case .hindered(let hindrance):
      let hasImage = action.standby?.hasImage ?? false
      hold(&action, hindrance, hasImage: hasImage, in: book, &ledger, &draft)
    case let limit where limit.isLimit:
      guard let standby = action.standby, !standby.isPostponed else { break }
      let turn = Hindrance(.turn, "nothing of its own any more; other devices have the slots")
      hold(&action, turn, hasImage: standby.hasImage, in: book, &ledger, &draft)
    default: break
    }
    return action
  }

  /// The present lease of a device that stood by and may go on.
  func leaseAgain(
    _ known: Action, _ device: Device, _ outlook: DeviceOutlook, release: ReleaseID,
    in book: RolloutBook, _ ledger: Ledger, _ draft: inout Draft
  ) -> Action {
    let policy = book.rollout.policy
    let isSame = known.release == release || known.isUngranted
    // A number to which a device said "not now" is offered again only where it is known to ask.
    if let standby = known.standby, isSame, outlook.isPatient || standby.count == 0 {
      var action = known
      if known.isUngranted { action.release = release }
      return ActionMachine.readmit(
        action, fallback: ledger.fallback(of: device, from: book.release),
        installs: outlook.installs(known), policy: policy, now: draft.now)
    }
    return ActionMachine.regrant(
      known, release: release, id: newID(&draft), policy: policy, now: draft.now)
  }
}

extension Action {
  /// Whether a device that can wait is shown what it waits for. Who said "not now" knows why, and
  /// is shown it only to keep the images that it has.
  func isShown(at now: Instant) -> Bool {
    guard let standby, case .retrying(let from) = state else { return false }
    return !standby.isPostponed || standby.isUndecided || standby.hasImage || now >= from
  }
}

extension Draft {
  /// Notes in the history of a device why it waits, or how its waiting ended.
  mutating func noteStandby(_ action: Action) {
    let text = action.standby?.clause ?? action.failure?.detail ?? "waits no more"
    add(
      .report(
        Report(
          device: DeviceKey(tenant: room.tenant, device: action.device), rollout: action.rollout,
          action: action.id, at: now, kind: action.standing.label, text: text, code: nil)))
  }
}
