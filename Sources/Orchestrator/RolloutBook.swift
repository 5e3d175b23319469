// RolloutBook: one rollout with the actions of the devices that take part, kept in step.

import RolloutEngine
import UpdateModel

/// A rollout and its participants. Every change of an action goes through `record`, which moves the
/// counters, so that they always equal a recount. A class, so that nobody copies a million actions.
final class RolloutBook {
  private(set) var rollout: Rollout
  private(set) var actions: [DeviceID: Action] = [:]
  /// Percent of the present attempt, as far as devices tell; not durable.
  var percent: [DeviceID: Int] = [:]
  /// Reports taken for the present attempt; bounds what one device can write.
  var reportCounts: [DeviceID: Int] = [:]
  /// What is delivered.
  let release: Release
  /// The artifacts of the release by hardware model, components in order.
  let artifacts: [Name: [Artifact]]

  init(rollout: Rollout, release: Release, artifacts: [Artifact]) {
    self.rollout = rollout
    self.release = release
    self.artifacts = RolloutBook.byHardware(artifacts)
  }

  static func byHardware(_ artifacts: [Artifact]) -> [Name: [Artifact]] {
    var sorted: [Name: [Artifact]] = [:]
    for artifact in artifacts.sorted(by: { $0.component < $1.component }) {
      for hardware in artifact.hardware { sorted[hardware, default: []].append(artifact) }
    }
    return sorted
  }

  /// Stores an action and moves the counters.
  func record(_ action: Action, now: Instant) {
    let before = actions[action.device]?.standing
    if before != action.standing {
      rollout.evolve(.moved(stage: action.stage, from: before, to: action.standing), at: now)
    }
    if actions[action.device]?.id != action.id {
      percent[action.device] = nil
      reportCounts[action.device] = nil
    }
    actions[action.device] = action
  }

  /// Plans the stages anew; only before the start.
  func replan(_ stages: [PlannedStage]) {
    precondition(rollout.status == .draft, "stages are fixed once a rollout started")
    rollout = Rollout(specification: rollout.specification, stages: stages)
  }

  /// Applies an event of the rollout itself.
  func evolve(_ event: RolloutEvent, now: Instant) { rollout.evolve(event, at: now) }

  /// Lets the gate act; returns what happened.
  func advance(now: Instant) -> [RolloutEvent] { Gate.advance(&rollout, now: now) }

  /// Whether a device is to stop what it was given: it was asked to, or will be at its next poll.
  func isToStop(_ action: Action) -> Bool {
    guard let phase = action.phase, phase != .verifying else { return false }
    let isStopped = rollout.status.isStopped && action.kind == .update
    return action.cancel == .requested || (action.cancel == .none && isStopped)
  }

  /// Restores an action at start; its rollout was restored with counters that include it.
  func restore(_ action: Action) { actions[action.device] = action }

  /// Lets the participants of a closed rollout go; the store has them.
  func forgetActions() {
    precondition(rollout.status == .closed, "only a closed rollout is history")
    actions = [:]
    percent = [:]
    reportCounts = [:]
  }

  /// Whether the rollout can still concern a device.
  var isLive: Bool { rollout.status != .draft && rollout.status != .closed }
}
