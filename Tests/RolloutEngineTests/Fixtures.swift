// Fixtures: policies, devices and rollouts for the tables of this folder.

import RolloutEngine
import Testing
import UpdateModel

/// A time far from the epoch, which stands for "never".
let noon = Instant(milliseconds: 1_800_000_000_000)

/// A policy from the fields after its name.
func policy(_ fields: String = #""stages": {"start": 10, "soak": "10m"}"#) throws -> Policy {
  let limit = fields.contains("failureLimit") ? "" : #", "failureLimit": {"share": "5%"}"#
  return try Policy.read(
    Array(#"{"name": "test", \#(fields)\#(limit)}"#.utf8), file: "test.json")
}

/// A rollout of `population` devices besides the canaries; not started.
func draft(_ policy: Policy, canaries: Int = 0, population: Int, salt: UInt64 = 9) throws
  -> Rollout
{
  let ranks = try (0..<population).map { Cohort.rank(of: try DeviceID("d\($0)"), salt: salt) }
  let specification = RolloutSpecification(
    id: RolloutID(1), name: try Name("test"), release: ReleaseID(2), target: nil, policy: policy,
    policyDocument: .null, salt: salt, createdAt: noon)
  return Rollout(
    specification: specification,
    stages: try Plan.stages(policy, canaries: canaries, ranks: ranks))
}

/// The same rollout, started at noon.
func started(_ policy: Policy, canaries: Int = 0, population: Int) throws -> Rollout {
  var rollout = try draft(policy, canaries: canaries, population: population)
  rollout.evolve(.started, at: noon)
  return rollout
}

extension Rollout {
  /// Adds devices of a standing.
  mutating func add(_ count: Int, _ standing: Standing, stage: Int = 0) {
    for _ in 0..<count { evolve(.moved(stage: stage, from: nil, to: standing), at: noon) }
  }
}

/// An action in a state; granted at noon, installed one minute later.
func action(
  _ state: Action.State, kind: Action.Kind = .update, attempt: Int = 1,
  cancel: Action.Cancellation = .none, fallback: ReleaseID? = ReleaseID(1),
  failure: Action.Failure? = nil
) throws -> Action {
  let id = try #require(ActionID(1001))
  return Action(
    rollout: RolloutID(1), device: try DeviceID("d1"), stage: 0, kind: kind, id: id,
    previousID: nil, attempt: attempt, release: ReleaseID(kind == .update ? 2 : 1),
    fallback: fallback, state: state, cancel: cancel, grantedAt: noon, changedAt: noon,
    installedAt: noon + .minutes(1), failure: failure)
}
