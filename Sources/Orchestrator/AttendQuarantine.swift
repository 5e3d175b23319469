// AttendQuarantine: what a device that is distrusted is given: the way out of it, and nothing else.

import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Ends what the device was given before, and offers it recovery rollouts only.
  func decideInQuarantine(
    _ device: Device, _ view: DeviceView, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Outcome {
    let leased = ledger.lease(of: device.key.device)
    if let leased, !ledger.isRecovery(leased), let book = ledger.books[leased],
      var action = book.actions[device.key.device]
    {
      step(.cancelRequested, &action, book, &ledger, &draft)
      if action.isLeased {
        // One that has installed already is not asked; what it runs is seen when it says so.
        return action.cancel == .requested ? .cancelling(action.id) : .later(nil)
      }
    }
    var wait: Outcome = .nothing
    for id in ledger.live where ledger.isRecovery(id) {
      guard let book = ledger.books[id] else { continue }
      let outcome =
        book.actions[device.key.device].map {
          attend($0, of: device, view, in: book, &ledger, &draft)
        } ?? offer(device, in: book, &ledger, &draft)
      switch outcome {
      case .leased, .cancelling: return outcome
      case .later, .standing: wait = outcome
      case .nothing: break
      }
    }
    return wait
  }
}
