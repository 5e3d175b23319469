// ServerStandby: devices of the simulated server that their state holds back.

import RolloutEngine
import UpdateModel

extension ServerModel {
  /// What the device reports about itself before it polls.
  mutating func tell(_ index: Int, _ mood: Mood, isPatient: Bool) {
    let known = twins[index].registration
    twins[index].mood = mood
    twins[index].isPatient = isPatient
    twins[index].registration = Device(
      key: known.key, hardware: known.hardware, tokenDigest: nil, tags: known.tags,
      attributes: mood.attributes, createdAt: known.createdAt)
  }

  /// What keeps a device from its next step.
  func hindrance(_ index: Int, now: Instant) -> Hindrance? {
    let isBeforeInstall = installs(index)
    let download = isBeforeInstall ? [] : hindrances(index, policy.conditions.download, now)
    let install =
      isBeforeInstall || !twins[index].isPatient
      ? hindrances(index, policy.conditions.install, now) : []
    return (download + install).first { !$0.kind.isComfort } ?? (download + install).first
  }

  private func hindrances(_ index: Int, _ asked: ConditionSet, _ now: Instant) -> [Hindrance] {
    asked.hindrances(
      of: ConditionSubject(twins[index].registration, imageBytes: imageBytes, now: now),
      sparesNobody: isForced(index))
  }

  /// Whether the next step of a device is to install an image that it has.
  func installs(_ index: Int) -> Bool {
    twins[index].isPatient && actions[index]?.standby?.hasImage ?? false
  }

  /// Whether a device may not put its update off any more.
  func isForced(_ index: Int) -> Bool { actions[index]?.standby?.isForced ?? false }

  /// Takes the lease from a device that may not go on.
  mutating func pauseIfHindered(_ index: Int, now: Instant) {
    guard let action = actions[index], action.kind == .update, action.cancel == .none,
      rollout.status.grantsUpdates, sabotage != .keepsSlots,
      action.phase == .offered || (action.phase == .downloading && twins[index].isPatient),
      let hindrance = hindrance(index, now: now)
    else { return }
    step(index, .held(hindrance, hasImage: false), now: now)
  }

  /// Notes that a device whose turn it is waits.
  mutating func holdBack(
    _ index: Int, _ reason: Eligibility.Deferral, _ candidate: Candidate, now: Instant
  ) {
    guard let action = actions[index] else {
      guard case .hindered(let hindrance) = reason,
        let stage = Eligibility.stage(of: candidate, in: rollout)
      else { return }
      let held = Action(
        holding: candidate.device, of: rollout.specification, stage: stage, id: takeID(),
        release: ServerModel.newRelease, for: hindrance,
        stratum: candidate.isCanary && stage == 0 ? nil : candidate.stratum, now: now)
      return replace(index, by: held, now: now)
    }
    guard action.failure == nil else { return }
    switch reason {
    case .hindered(let hindrance):
      step(
        index, .held(hindrance, hasImage: action.standby?.hasImage ?? false), now: now)
    case let limit where limit.isLimit:
      guard let standby = action.standby, !standby.isPostponed else { return }
      step(
        index, .held(Hindrance(.turn, "others have the slots"), hasImage: standby.hasImage),
        now: now)
    default: return
    }
  }

  /// The lease of a device that takes part already.
  mutating func leaseAgain(_ index: Int, _ action: Action, now: Instant) -> Action {
    guard let standby = action.standby, twins[index].isPatient || standby.count == 0 else {
      return ActionMachine.regrant(action, id: takeID(), policy: policy, now: now)
    }
    return ActionMachine.readmit(
      action, fallback: twins[index].version == nil ? nil : ServerModel.oldRelease,
      installs: installs(index), policy: policy, now: now)
  }

  /// A device that can wait has the image.
  mutating func downloaded(_ index: Int, now: Instant) -> ActionInput {
    guard twins[index].isPatient, sabotage != .ignoresPermission,
      let action = actions[index], action.kind == .update,
      action.phase.map({ $0 < .installing }) ?? false,
      let hindrance = hindrances(index, policy.conditions.install, now).first
    else { return .downloaded }
    return .held(hindrance, hasImage: true)
  }

  /// Whether a device may install the image of an action now.
  func mayInstall(_ index: Int, _ id: String, now: Instant) -> Bool {
    guard let action = actions[index], action.id.description == id, let phase = action.phase else {
      return false
    }
    return phase >= .installing || action.kind == .rollback || sabotage == .ignoresPermission
      || hindrances(index, policy.conditions.install, now).isEmpty
  }

  /// Whether an action is a device's present one, with or without a lease.
  func isPresent(_ index: Int, _ id: String) -> Bool {
    guard let action = actions[index], action.id.description == id else { return false }
    if case .ended = action.state { return false }
    return true
  }
}
