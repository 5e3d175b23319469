// FleetPlan: the fleet of one moment, divided for one rollout: stages, strata, control cohort.

import RolloutEngine
import UpdateModel

/// What a rollout needs to know about the fleet when it is planned.
struct FleetPlan {
  /// All stages, or with evidence the canary stage alone.
  let stages: [PlannedStage]
  /// Strata with the ranks of their devices in rising order, by label; empty without evidence.
  let strata: [(label: String, ranks: [UInt64])]
  /// Devices that are reached last.
  let cohort: [(device: DeviceID, domain: String?)]
  /// Devices there were in all.
  let fleetSize: Int
  /// Devices of each failure domain that the policy limits.
  let domainSizes: DomainSizes
}

/// The devices of a stratum with the highest ranks, as they are found one by one.
struct CohortDraw {
  private var found: [(rank: UInt64, device: DeviceID, domain: String?)] = []
  // Nobody with a lower rank is among the last.
  private var least: UInt64 = 0

  /// Takes a device in when it is among the last.
  mutating func offer(
    _ device: Device, rank: UInt64, domain field: DeviceFilter.Condition.Field?
  ) {
    guard rank >= least else { return }
    let most = ControlCohort.membersPerStratum
    if found.count >= 2 * most {
      found.sort { $0.rank > $1.rank }
      found.removeSubrange(most...)
      least = found[most - 1].rank
    }
    found.append((rank, device.key.device, field.flatMap { $0.value(of: device) }))
  }

  /// The devices that are reached last, the last one first.
  var members: [(device: DeviceID, domain: String?)] {
    found.sorted { $0.rank > $1.rank }.prefix(ControlCohort.membersPerStratum)
      .map { ($0.device, $0.domain) }
  }
}

extension ControlPlane {
  /// Divides the fleet as it is now. Throws `unprocessable` when no plan exists.
  func fleetPlan(
    _ release: Release, _ policy: Policy, _ target: RolloutSpecification.Target?, salt: UInt64,
    in room: Room
  ) throws(Problem) -> FleetPlan {
    let census = try census(release, policy, target, salt: salt, in: room)
    return try fleetPlan(policy, census)
  }

  func fleetPlan(_ policy: Policy, _ census: Census) throws(Problem) -> FleetPlan {
    let domains = census.domainSizes.trimmed(for: policy.limits.domains)
    guard policy.evidence != nil else {
      let ranks = census.strata.values.flatMap { $0 }
      return FleetPlan(
        stages: try Plan.stages(policy, canaries: census.canaries, ranks: ranks), strata: [],
        cohort: [], fleetSize: census.fleetSize, domainSizes: domains)
    }
    let strata = census.strata.sorted { $0.key < $1.key }
    let kept = strata.prefix(Policy.Evidence.strataMax)
    let others = strata.dropFirst(Policy.Evidence.strataMax).flatMap(\.value)
    let rest = others.isEmpty ? [] : [(label: Ledger.otherStratum, ranks: others)]
    // Sorted here, where nobody waits for the ledger.
    let all = (kept.map { (label: $0.key, ranks: $0.value) } + rest).map {
      (label: $0.label, ranks: $0.ranks.sorted())
    }
    let cohort = census.cohort.sorted { $0.key < $1.key }.flatMap { $0.value.members }
    return FleetPlan(
      stages: try Plan.evidenceStages(
        policy, canaries: census.canaries, others: all.reduce(0) { $0 + $1.ranks.count }),
      strata: all, cohort: Array(cohort.prefix(ControlCohort.membersMax)),
      fleetSize: census.fleetSize, domainSizes: domains)
  }

  /// Makes the ranks and cohorts of rollouts that were loaded; those that ran the release already
  /// had their place too. Drafts for a large fleet are planned anew, so that their start need not.
  func reindex(_ room: Room) {
    let isLarge = room.fleet.count > ControlPlane.replannedFleetMax
    let books = room.ledger.withLock { ledger in
      ledger.books.values.filter { book in
        book.rollout.status == .draft
          ? isLarge || book.rollout.gathersEvidence
          : book.rollout.gathersEvidence && book.rollout.status != .closed
      }
    }
    for book in books {
      let asked = book.rollout.specification
      do throws(Problem) {
        let census = try census(
          book.release, asked.policy, asked.target, salt: asked.salt,
          including: Set(book.actions.keys), in: room)
        let plan = try fleetPlan(asked.policy, census)
        room.ledger.withLock { _ in
          if book.rollout.status == .draft {
            book.replan(plan)
          } else {
            book.reindex(plan, now: loadedAt)
          }
        }
      } catch {
        // Its group is gone, or nobody is left: it keeps what was opened, and who joins is counted.
        continue
      }
    }
  }
}
