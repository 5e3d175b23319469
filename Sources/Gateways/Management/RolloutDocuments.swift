// RolloutDocuments: rollouts and the summary as the JSON that clients see.

import Orchestrator
import RolloutEngine
import UpdateModel

extension Documents {
  static func rollout(_ view: RolloutView, withPolicy: Bool = false) -> JSON {
    let rollout = view.rollout
    let specification = rollout.specification
    var group: JSON?
    var filter: JSON?
    var query: JSON?
    switch specification.target {
    case nil: break
    case .group(let name): group = .string(name.text)
    case .filter(let conditions): filter = .string(conditions.description)
    case .query(let conditions): query = .string(conditions.description)
    }
    let tally = rollout.tally
    return .members([
      "id": .integer(Int64(specification.id.number)),
      "name": .string(specification.name.text),
      "status": .string(rollout.status.rawValue),
      "release": release(view.release),
      "policy": .string(rollout.policy.name.text),
      "onAbort": .string(rollout.policy.onAbort.rawValue),
      "group": group,
      "filter": filter,
      "query": query,
      "priority": JSON(specification.terms.priority),
      "recovery": specification.terms.isRecovery ? true : nil,
      "startAt": specification.terms.startAt.map(time),
      "endAt": specification.terms.endAt.map(time),
      "override": specification.terms.isSecurity
        ? .string(RolloutTerms.Override.security.rawValue) : nil,
      "approvedBy": rollout.approvedBy.map { .string($0) },
      "size": JSON(rollout.size),
      "exposed": JSON(tally.exposed),
      "createdAt": time(specification.createdAt),
      "startedAt": rollout.startedAt.map(time),
      "endedAt": rollout.endedAt.map(time),
      "reason": .string(view.reason),
      "stop": rollout.stop.map { .string($0.description) },
      "counts": counts(tally),
      "underWay": .array(
        view.underWay.map { part in
          ["id": .string(part.action.device.text), "update": part.update]
        }),
      "stages": .array(rollout.stages.indices.map { stage($0, of: rollout) }),
      "evidence": evidence(view, isWhole: withPolicy),
      "policyDocument": withPolicy ? specification.policyDocument : nil,
    ])
  }

  static func release(_ release: Release) -> JSON {
    .members([
      "id": .integer(Int64(release.id.number)), "name": .string(release.name.text),
      "version": .string(release.version.text),
    ])
  }

  private static func counts(_ tally: Tally) -> JSON {
    .object(Standing.allCases.map { JSON.Member($0.label, JSON(tally[$0])) })
  }

  private static func stage(_ index: Int, of rollout: Rollout) -> JSON {
    let stage = rollout.stages[index]
    return .members([
      "name": .string(stage.plan.name),
      "size": JSON(stage.plan.size),
      "group": group(stage.plan.selection),
      "parts": parts(stage.plan, of: rollout),
      "state": .string(state(of: index, in: rollout)),
      "openedAt": stage.openedAt.map(time),
      "settledAt": stage.settledAt.map(time),
      "soakSeconds": .integer(stage.plan.gate.soak.wholeSeconds),
      "quorum": .string(stage.plan.gate.quorum.description),
      "signOff": .bool(stage.plan.signOff),
      "signedOffBy": stage.signedOffBy.map { .string($0) },
      "counts": counts(stage.tally),
    ])
  }

  private static func group(_ selection: PlannedStage.Selection) -> JSON? {
    switch selection {
    case .group(let name): .string(name.text)
    case .ranks, .strata: nil
    }
  }

  /// `passed` is a stage after which another one opened, and the last one once all is done.
  private static func state(of index: Int, in rollout: Rollout) -> String {
    guard let open = rollout.openStage, index <= open else { return "closed" }
    if index < open || rollout.status == .completed { return "passed" }
    // Once it is closed nobody remembers how it ended but the stage itself.
    if rollout.status == .closed, rollout.stages[index].settledAt != nil { return "passed" }
    return rollout.stages[index].settledAt == nil ? "open" : "soaking"
  }

  // MARK: Summary

  static func summary(_ summary: FleetSummary) -> JSON {
    .members([
      "tenant": .string(summary.tenant.text),
      "devices": JSON(summary.devices),
      "heard": JSON(summary.heard),
      "alerts": JSON(summary.alerts),
      "waiting": JSON(summary.waiting),
      "versions": .array(
        summary.versions.map { version, count in
          .members(["version": version.map { .string($0) } ?? .null, "count": JSON(count)])
        }),
      "rollouts": .array(summary.rollouts.map { rollout($0) }),
    ])
  }
}
