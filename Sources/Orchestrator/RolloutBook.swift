// RolloutBook: one rollout with the actions of the devices that take part, kept in step.

import RolloutEngine
import UpdateModel

/// A rollout and its participants. Every change of an action goes through `record`, which moves the
/// counters, so that they always equal a recount. A class, so that nobody copies a million actions.
final class RolloutBook {
  private(set) var rollout: Rollout
  private(set) var actions: [DeviceID: Action] = [:]
  /// What devices said about their present attempt; not durable.
  private(set) var spoken: [DeviceID: Spoken] = [:]
  /// Why its scheduled start was refused; not durable.
  var startRefusal: StartRefusal?
  /// What is delivered.
  let release: Release
  /// The artifacts of the release by hardware model, components in order.
  let artifacts: [Name: [Artifact]]

  /// What was heard about one attempt.
  struct Spoken {
    /// Reports taken; bounds what one device can write.
    var count = 0
    /// How far it is, when the device tells.
    var percent: Int?
  }

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
    if actions[action.device]?.id != action.id { spoken[action.device] = nil }
    actions[action.device] = action
  }

  /// Counts a report and keeps how far the device is.
  func note(_ report: DeviceReport, of device: DeviceID) {
    var percent: Int?
    if case .progress(let told?) = report.meaning { percent = told }
    // One look-up: devices that install report more often than they do anything else.
    func update(_ spoken: inout Spoken) {
      spoken.count += 1
      if let percent { spoken.percent = percent }
    }
    update(&spoken[device, default: Spoken()])
  }

  /// Plans the stages anew; only before the start.
  func replan(_ stages: [PlannedStage]) {
    precondition(rollout.status == .draft, "stages are fixed once a rollout started")
    let approvedBy = rollout.approvedBy
    rollout = Rollout(specification: rollout.specification, stages: stages)
    if let approvedBy {
      rollout.evolve(.approved(by: approvedBy), at: rollout.specification.createdAt)
    }
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
  ///
  /// Grants that the limit per minute may still have to count are counted again. They come in the
  /// order of devices, so some count a little longer than they would have, never shorter.
  func restore(_ action: Action, now: Instant) {
    actions[action.device] = action
    if action.grantedAt <= now, now - action.grantedAt <= .seconds(60) {
      rollout.evolve(.granted, at: action.grantedAt)
    }
  }

  /// Lets the participants of a closed rollout go; the store has them.
  func forgetActions() {
    precondition(rollout.status == .closed, "only a closed rollout is history")
    actions = [:]
    spoken = [:]
  }

  /// Whether the rollout can still concern a device.
  var isLive: Bool { rollout.status != .draft && rollout.status != .closed }
}
