// EvidenceViews: decisions and safeguards as people may look at them.

import FleetStore
import RolloutEngine
public import UpdateModel

/// A decision of the gate, with everything that it was taken from.
public struct DecisionView: Sendable {
  /// When it was taken.
  public let at: Instant
  /// One word, such as `ADVANCE`.
  public let verdict: String
  /// The reason for people.
  public let sentence: String
  /// What it was taken from.
  public let inputs: JSON
}

/// A kind of device that is kept from updates.
public struct SafeguardView: Sendable {
  /// Number within the tenant.
  public let id: Int
  /// Which devices.
  public let filter: DeviceFilter
  /// What was found.
  public let reason: String
  /// The rollout that found it.
  public let rollout: RolloutID
  /// Its name; nil when the rollout is gone.
  public let rolloutName: Name?
  /// Since when.
  public let since: Instant
}

extension ControlPlane {
  /// The decisions of a rollout's gate, newest first, and the place where the next page starts.
  ///
  /// Reads the disk: not for event loops.
  public func decisions(
    of id: RolloutID, in room: Room, before: Int64?, limit: Int
  ) throws(Problem) -> (decisions: [DecisionView], next: Int64?) {
    do {
      let page = try store.decisions(of: id, tenant: room.tenant, before: before, limit: limit)
      let decisions = page.entries.map(\.content).map { found in
        DecisionView(
          at: found.at, verdict: found.verdict, sentence: found.sentence, inputs: found.inputs)
      }
      return (decisions, page.next)
    } catch { throw Problem(.internalError, "the decisions cannot be read: \(error)") }
  }

  /// All safeguards with the names of the rollouts that found them, oldest first.
  public func safeguardViews(in room: Room) -> [SafeguardView] {
    room.ledger.withLock { ledger in
      ledger.safeguards.values.map { found in
        SafeguardView(
          id: found.id, filter: found.filter, reason: found.reason, rollout: found.rollout,
          rolloutName: ledger.books[found.rollout]?.rollout.specification.name,
          since: found.since)
      }
    }.sorted { $0.id < $1.id }
  }
}
