// StandbyWatch: what must hold for devices that their state or their user holds back.

import RolloutEngine
import UpdateModel

/// Judges by the moods themselves, without the conditions that the engine reads.
struct StandbyWatch {
  private let moods: Moods?

  init(_ scenario: Scenario) { moods = scenario.moods }

  /// Called before a lease for the update is granted.
  func noteGrant(_ server: ServerModel, _ index: Int) -> String? {
    guard let moods, let mood = server.twins[index].mood else { return nil }
    let twin = server.twins[index]
    let (forced, hasImage) = (server.isForced(index), server.installs(index))
    if !hasImage, !mood.allowsDownload(moods) {
      return "\(twin.device) was granted a download at \(mood.percent) %"
    }
    if hasImage || !twin.isPatient, !mood.allowsInstall(moods, isForced: forced) {
      return "\(twin.device) was granted an installation in use or at \(mood.percent) %"
    }
    return nil
  }

  /// Called when a device that can wait begins to install, with what it said last.
  func noteInstallation(_ server: ServerModel, _ index: Int) -> String? {
    guard let moods, let mood = server.twins[index].mood,
      let action = server.actions[index], action.kind == .update,
      !mood.allowsInstall(moods, isForced: server.isForced(index))
    else { return nil }
    return "\(action.device) installs in use or at \(mood.percent) %"
  }

  /// Called after a device polled: who is held back has no slot.
  func slotKept(_ server: ServerModel, _ index: Int) -> String? {
    guard let moods, let mood = server.twins[index].mood, let action = server.actions[index],
      action.isLeased, action.kind == .update, action.cancel == .none,
      server.rollout.status.grantsUpdates
    else { return nil }
    let twin = server.twins[index]
    let forced = server.isForced(index)
    let isHindered =
      switch action.phase {
      case .offered:
        !mood.allowsDownload(moods)
          || (!twin.isPatient && !mood.allowsInstall(moods, isForced: forced))
      case .downloading: twin.isPatient && !mood.allowsDownload(moods)
      case .installing, .verifying, nil: false
      }
    return isHindered ? "\(action.device) is held back and has a slot" : nil
  }

  /// Called after time passed: nobody puts an update off for longer than the policy lets anybody.
  func limitForgotten(_ server: ServerModel, now: Instant) -> String? {
    let terms = server.policy.postpone
    guard moods != nil, terms.then != .wait, server.rollout.status.grantsUpdates else { return nil }
    for case let action? in server.actions {
      guard case .retrying = action.state, let standby = action.standby,
        case .none = standby.ruling, let since = standby.putOffSince
      else { continue }
      // While nothing is granted, the time stands still.
      if now > since + terms.atMost + .minutes(2) + server.lookPause, !server.wasPaused {
        return "\(action.device) puts its update off since \(since)"
      }
    }
    return nil
  }
}
