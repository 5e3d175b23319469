// Liveness: every simulated rollout comes to rest: done, back, or waiting for a person by name.

import RolloutEngine
import UpdateModel

extension Simulation {
  /// Whether every device is where the rollout should have brought it.
  var isAtRest: Bool { devices.indices.allSatisfy { isAtRest($0) } }

  /// Whether nobody is under way.
  var isStill: Bool {
    devices.indices.allSatisfy { devices[$0].state == .silent || !isUnderWay($0) }
  }

  private func isUnderWay(_ index: Int) -> Bool {
    if server.actions[index]?.isLeased == true { return true }
    // Who has an image and waits does nothing else.
    return devices[index].isWorking && stored[index] == nil
  }

  private func isAtRest(_ index: Int) -> Bool {
    if devices[index].state == .silent { return true }
    if isUnderWay(index) { return false }
    return wantedVersion(of: index).map { devices[index].version == $0 || isOver(index) } ?? true
  }

  // Nil where any will do: a rollout that only stops leaves devices as they are.
  private func wantedVersion(of index: Int) -> String? {
    let rollout = server.rollout
    let label = server.twins[index].label
    let isBarred =
      server.strata[label].map { rollout.strata[$0].quarantine != nil } ?? false
      && !server.twins[index].isCanary
    switch rollout.status {
    case .completed:
      // A plan of canaries alone has no place for whoever comes later.
      if !server.twins[index].isPlanned, rollout.stages.last?.plan.isCanary == true { return nil }
      if isBarred { return server.policy.onAbort == .rollback ? Scenario.oldVersion : nil }
      return Scenario.newVersion
    case .rolledBack: return Scenario.oldVersion
    default: return nil
    }
  }

  // Closed for a reason that lies with the device: nothing more is to be expected of it.
  private func isOver(_ index: Int) -> Bool {
    guard let action = server.actions[index] else { return false }
    return switch action.standing {
    case .failed, .stranded, .returnFailed: true
    // It put its update off for too long: its part ended, or a person has to decide.
    case .undelivered, .undecided: scenario.moods != nil
    // It was stopped or brought back when its model was in quarantine, which a person lifted since.
    case .returned,
      .cancelled where server.rollout.status == .completed:
      true
    // It fell back by itself, or installed and its word was lost, and it cannot say what it runs;
    // nobody can know.
    case .unverified, .cancelled: !devices[index].personality.isVersionAware
    // It failed, and the budget of repetitions is spent.
    case .retrying: action.failure != nil && server.rollout.isRetryBudgetSpent
    default: false
    }
  }

  /// What is wrong with where the rollout ended; nil when nothing is.
  func livenessFault() -> String? {
    let rollout = server.rollout
    let now = start + scenario.horizon
    switch rollout.status {
    case .draft, .running, .paused, .rollingBack:
      guard case .wait(let reason) = Gate.evaluate(rollout, now: now) else {
        return "the rollout never came to rest: no reason"
      }
      guard reason.namesPerson else {
        return "the rollout never came to rest: \(reason.sentence(now: now))"
      }
      return isStill ? nil : "devices are under way although the rollout waits for a person"
    case .completed, .halted, .aborted, .rolledBack, .ended, .closed: break
    }
    guard let stuck = devices.indices.first(where: { !isAtRest($0) }) else { return nil }
    return "\(server.twins[stuck].device) is not where it should be: runs "
      + "\(devices[stuck].version), \(server.actions[stuck]?.standing.label ?? "never granted"), "
      + "rollout \(rollout.status.rawValue)"
  }
}

extension GateVerdict.WaitReason {
  /// Whether only a person can end the wait.
  fileprivate var namesPerson: Bool {
    switch self {
    case .signOff, .held, .returnHeld, .noVerdict, .outage: true
    default: false
    }
  }
}
