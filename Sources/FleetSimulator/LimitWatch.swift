// LimitWatch: every limit on grants counted once more, so that the engine is not its own judge.

import RolloutEngine
import UpdateModel

/// Sees each grant just before it happens, with all that happened before.
struct LimitWatch {
  private var grants: [(at: Instant, bytes: Int64)] = []
  private var repetitions = 0

  // Rates up to so many grants a minute are checked in full; more would cost more than they tell.
  private static let memory = 10_000
  // Each grant is compared with so many before it, which is any burst of a drawn scenario.
  private static let burstMemory = 300

  /// Notes a grant; a sentence about the limit that it breaks, nil when it breaks none.
  mutating func noteGrant(_ server: ServerModel, _ index: Int, now: Instant) -> String? {
    let faults = [
      concurrency(server), rate(server, now: now), domain(server, index),
      bandwidth(server, now: now), repetition(server, index),
    ]
    if grants.count > 2 * LimitWatch.memory { grants.removeFirst(LimitWatch.memory) }
    grants.append((now, server.imageBytes))
    return faults.lazy.compactMap { $0 }.first
  }

  private func concurrency(_ server: ServerModel) -> String? {
    guard let limit = server.rollout.policy.limits.concurrent,
      server.actions.count(where: { $0?.isLeased == true }) >= limit
    else { return nil }
    return "a lease beyond the limit of \(limit)"
  }

  private func rate(_ server: ServerModel, now: Instant) -> String? {
    guard let limit = LimitWatch.perMinute(server) else { return nil }
    let recent = grants.reversed().prefix { now - $0.at < .minutes(1) }.count
    return recent < limit ? nil : "a grant beyond the limit of \(limit) per minute"
  }

  private static func perMinute(_ server: ServerModel) -> Int? {
    let limits = server.rollout.policy.limits
    guard let growth = limits.rate else { return limits.perMinute }
    let standings = server.actions.compactMap { $0?.standing }
    let count =
      switch growth.every {
      case .notified: standings.count
      case .succeeded: standings.count { LimitWatch.taken.contains($0) }
      }
    // As a fraction: drawn factors have one decimal.
    var rate = growth.basePerMinute
    var scale = 1
    for _ in 0..<count / growth.every.size where rate < growth.ceiling * scale {
      rate *= growth.factorHundredths / 10
      scale *= 10
    }
    return min(growth.ceiling, rate / scale)
  }

  private static let taken: [Standing] = [
    .succeeded, .unverified, .returning, .returnRetrying, .returned, .returnFailed, .stranded,
  ]

  private func domain(_ server: ServerModel, _ index: Int) -> String? {
    guard let site = server.twins[index].registration.tags["site"],
      let budget = server.rollout.policy.limits.domains.first
    else { return nil }
    var size = 0
    var leased = 0
    for (twin, action) in zip(server.twins, server.actions)
    where twin.registration.tags["site"] == site {
      // Shares are of the devices there were when the rollout was planned.
      if twin.isPlanned { size += 1 }
      if action?.isLeased == true { leased += 1 }
    }
    let limit =
      switch budget.atMost {
      case .devices(let count): count
      case .share(let share): max(1, size * share.basisPoints / 10_000)
      }
    return leased < limit ? nil : "a lease beyond the \(limit) of site \(site)"
  }

  private func bandwidth(_ server: ServerModel, now: Instant) -> String? {
    let limits = server.rollout.policy.limits
    guard let rate = limits.bandwidth?.bytesPerSecond else { return nil }
    let burst = max(rate * limits.bandwidthBurst.milliseconds / 1000, server.imageBytes)
    var sum = server.imageBytes
    for grant in grants.reversed().prefix(LimitWatch.burstMemory) {
      sum += grant.bytes
      if sum > rate * (now - grant.at).milliseconds / 1000 + burst {
        return "\(sum) bytes granted since \(grant.at), at a limit of \(rate) per second"
      }
    }
    return nil
  }

  private mutating func repetition(_ server: ServerModel, _ index: Int) -> String? {
    guard let action = server.actions[index], action.kind == .update, action.failure != nil,
      !server.rollout.status.isStopped
    else { return nil }
    repetitions += 1
    guard let budget = server.rollout.policy.retry.budget else { return nil }
    let granted = server.actions.count { $0 != nil }
    let limit = max(budget.minimum, granted * budget.share.basisPoints / 10_000)
    return repetitions <= limit ? nil : "\(repetitions) repeated attempts, \(limit) are allowed"
  }
}
