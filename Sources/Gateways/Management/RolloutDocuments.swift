// RolloutDocuments: rollouts, plans and the summary as the JSON that clients see.

import Orchestrator
import RolloutEngine
import UpdateModel

extension Documents {
  static func rollout(_ view: RolloutView, withPolicy: Bool = false) -> JSON {
    let rollout = view.rollout
    let specification = rollout.specification
    var group: JSON?
    var filter: JSON?
    switch specification.target {
    case nil: break
    case .group(let name): group = .string(name.text)
    case .filter(let conditions): filter = .string(conditions.description)
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
      "priority": JSON(specification.terms.priority),
      "startAt": specification.terms.startAt.map(time),
      "endAt": specification.terms.endAt.map(time),
      "approvedBy": rollout.approvedBy.map { .string($0) },
      "size": JSON(rollout.size),
      "exposed": JSON(tally.exposed),
      "createdAt": time(specification.createdAt),
      "startedAt": rollout.startedAt.map(time),
      "endedAt": rollout.endedAt.map(time),
      "reason": .string(view.reason),
      "stop": rollout.stop.map { .string($0.description) },
      "counts": counts(tally),
      "stages": .array(rollout.stages.indices.map { stage($0, of: rollout) }),
      "evidence": evidence(view, isWhole: withPolicy),
      "policyDocument": withPolicy ? specification.policyDocument : nil,
    ])
  }

  private static func release(_ release: Release) -> JSON {
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

  // MARK: Plans

  static func plan(_ forecast: RolloutForecast) -> JSON {
    let population = forecast.stages.reduce(0) { $0 + $1.size }
    var reached = 0
    let stages = zip(forecast.stages, forecast.times).map { stage, times -> JSON in
      reached += stage.size
      return .members([
        "name": .string(stage.name),
        "size": JSON(stage.size),
        "cumulative": JSON(reached),
        "share": .string(share(reached, of: population)),
        "soakSeconds": .integer(stage.gate.soak.wholeSeconds),
        "earliestOpenSeconds": .integer(times.earliest.wholeSeconds),
        "expectedOpenSeconds": .integer(times.expected.wholeSeconds),
        "signOff": .bool(stage.signOff),
      ])
    }
    let limits = forecast.policy.limits
    return .members([
      "release": release(forecast.release),
      "policy": .string(forecast.policy.name.text),
      "onAbort": .string(forecast.policy.onAbort.rawValue),
      "population": JSON(population),
      "notFitting": JSON(forecast.notFitting),
      "alreadyRunning": JSON(forecast.alreadyRunning),
      "stages": .array(stages),
      "earliestSeconds": .integer(forecast.total.earliest.wholeSeconds),
      "expectedSeconds": .integer(forecast.total.expected.wholeSeconds),
      "concurrent": limits.concurrent.map { JSON($0) },
      "perMinute": limits.perMinute.map { JSON($0) },
      "rate": limits.rate.map { rate($0) },
      "domains": limits.domains.isEmpty ? nil : .array(limits.domains.map { domain($0) }),
      "bandwidth": limits.bandwidth.map { .string($0.description) },
      "peakBytes": peakBytes(forecast).map { .integer($0) },
      "warnings": .array(forecast.warnings.map { .string($0) }),
    ])
  }

  private static func rate(_ growth: Policy.RateGrowth) -> JSON {
    let criterion =
      switch growth.every {
      case .notified: "notified"
      case .succeeded: "succeeded"
      }
    return .members([
      "basePerMinute": JSON(growth.basePerMinute),
      "factorHundredths": JSON(growth.factorHundredths),
      "every": .object([JSON.Member(criterion, JSON(growth.every.size))]),
      "ceiling": JSON(growth.ceiling),
    ])
  }

  private static func domain(_ budget: Policy.DomainBudget) -> JSON {
    let most: JSON =
      switch budget.atMost {
      case .devices(let count): JSON(count)
      case .share(let share): .string(share.description)
      }
    return .members(["by": .string(budget.by.description), "atMost": most])
  }

  /// Bytes under way when as many devices as may hold a lease download at the same time; nil when
  /// the number is beyond 64 bits.
  private static func peakBytes(_ forecast: RolloutForecast) -> Int64? {
    let population = forecast.stages.reduce(0) { $0 + $1.size }
    let devices = min(forecast.policy.limits.concurrent ?? population, population)
    let (bytes, overflow) = forecast.imageBytes.multipliedReportingOverflow(by: Int64(devices))
    return overflow ? nil : bytes
  }

  /// A part of the population, to a hundredth of a percent.
  private static func share(_ part: Int, of whole: Int) -> String {
    let basisPoints = whole == 0 ? 0 : (part * 10_000 + whole / 2) / whole
    return Share(basisPoints: basisPoints)?.description ?? "100%"
  }

  // MARK: Summary

  static func summary(_ summary: FleetSummary) -> JSON {
    .members([
      "tenant": .string(summary.tenant.text),
      "devices": JSON(summary.devices),
      "heard": JSON(summary.heard),
      "versions": .array(
        summary.versions.map { version, count in
          .members(["version": version.map { .string($0) } ?? .null, "count": JSON(count)])
        }),
      "rollouts": .array(summary.rollouts.map { rollout($0) }),
    ])
  }
}
