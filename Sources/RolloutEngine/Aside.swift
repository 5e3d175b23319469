// Aside: why a device stands aside from its update for a while, or for good, without having failed.

public import UpdateModel

/// Why a device that takes part is not being updated although nothing went wrong.
///
/// While the action holds a lease, it is why the device is asked to stop, or that it put the update
/// off before. Indirect, because nearly no action has one and a million actions are kept.
public indirect enum Aside: Equatable, Sendable {
  /// The device puts it off, or something of its state holds it back.
  case standby(Standby)
  /// It gives way to a rollout of higher priority.
  case yielded(to: RolloutID, since: Instant)
  /// A newer rollout of the same product has taken its place for this device.
  case superseded(by: RolloutID, since: Instant)

  /// The device put it off once, in its own words.
  public static func postponed(since: Instant, reason: String) -> Aside {
    .standby(
      Standby(
        cause: .device(reason), since: since, putOffSince: since, count: 1, hasImage: false))
  }

  /// Whether another rollout is the reason.
  var isForAnotherRollout: Bool {
    switch self {
    case .standby: false
    case .yielded, .superseded: true
    }
  }

  /// One clause for people.
  public var clause: String {
    switch self {
    case .standby(let standby): standby.clause
    case .yielded(let rollout, let since):
      "gave way at \(since) to rollout \(rollout), which has the higher priority"
    case .superseded(let rollout, _): "superseded by rollout \(rollout)"
    }
  }
}

extension Action {
  /// When time alone changes the action: at the end of its lease, or of the time for which its
  /// policy lets a device postpone; nil for never.
  public func due(under policy: Policy) -> Instant? {
    if let deadline { return deadline }
    guard case .retrying = state, policy.postpone.then != .wait, kind == .update,
      let standby, standby.ruling == .none, let since = standby.putOffSince
    else { return nil }
    return since + policy.postpone.atMost
  }

  /// The part of a device that never took part, because a newer rollout was there before.
  public init(
    superseding rollout: RolloutID, of specification: RolloutSpecification, device: DeviceID,
    stage: Int, id: ActionID, now: Instant
  ) {
    self.init(
      rollout: specification.id, device: device, stage: stage, kind: .update, id: id,
      previousID: nil, attempt: 1, release: specification.release, fallback: nil,
      state: .ended(.superseded), cancel: .none, grantedAt: now, changedAt: now,
      installedAt: nil, failure: nil, aside: .superseded(by: rollout, since: now))
  }
}
