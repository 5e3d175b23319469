// PlanDocument: what a rollout would do, as the JSON that clients see.

import Orchestrator
import RolloutEngine
import UpdateModel

extension Documents {
  static func plan(_ plan: RolloutForecast) -> JSON {
    let limits = plan.policy.limits
    return .members([
      "release": release(plan.release),
      "policy": .string(plan.policy.name.text),
      "onAbort": .string(plan.policy.onAbort.rawValue),
      "population": JSON(plan.population),
      "notFitting": JSON(plan.notFitting),
      "alreadyRunning": JSON(plan.alreadyRunning),
      "hearing": hearing(plan.hearing),
      "imageBytes": .integer(plan.imageBytes),
      "stages": stages(plan),
      "earliestSeconds": .integer(total(plan).earliest.wholeSeconds),
      "expectedSeconds": .integer(total(plan).expected.wholeSeconds),
      "latestSeconds": plan.evidence.map { .integer($0.end(\.latest, \.latest).wholeSeconds) },
      "forecast": plan.evidence.map { forecast($0) },
      "bytesPerSecondPeak": whole(plan.bytesPerSecondPeak),
      "downloadsPeak": JSON(plan.downloadsPeak),
      "concurrent": limits.concurrent.map { JSON($0) },
      "perMinute": limits.perMinute.map { JSON($0) },
      "rate": limits.rate.map { rate($0) },
      "domains": limits.domains.isEmpty ? nil : .array(limits.domains.map { domain($0) }),
      "bandwidth": limits.bandwidth.map { .string($0.description) },
      "peakBytes": peakBytes(plan).map { .integer($0) },
      "apart": .array(
        plan.apart.map {
          .members([
            "fate": .string($0.fate.rawValue), "devices": JSON($0.count),
            "reason": .string($0.reason),
          ])
        }),
      "warnings": .array(plan.warnings.map { .string($0) }),
      "advice": .array(plan.advice.map { .string($0) }),
    ])
  }

  private static func total(
    _ plan: RolloutForecast
  ) -> (earliest: Interval, expected: Interval) {
    plan.evidence.map { ($0.end(\.earliest, \.earliest), $0.end(\.expected, \.expected)) }
      ?? plan.total
  }

  private static func hearing(_ hearing: Hearing) -> JSON {
    .members([
      "recentDays": .integer(Hearing.recently.wholeSeconds / 86_400),
      "recent": JSON(hearing.recent), "silent": JSON(hearing.silent), "never": JSON(hearing.never),
      "share": hearing.reach.map { .string($0.description) },
    ])
  }

  private static func stages(_ plan: RolloutForecast) -> JSON {
    var reached = 0
    return .array(
      plan.stages.indices.map { index -> JSON in
        let stage = plan.stages[index]
        reached += stage.size
        return .members([
          "name": .string(stage.name),
          "size": JSON(stage.size),
          "cumulative": JSON(reached),
          "share": .string(share(reached, of: plan.population)),
          "soakSeconds": .integer(stage.gate.soak.wholeSeconds),
          "earliestOpenSeconds": .integer(plan.times[index].earliest.wholeSeconds),
          "expectedOpenSeconds": .integer(plan.times[index].expected.wholeSeconds),
          "signOff": .bool(stage.signOff),
          "bytesPerSecond": whole(plan.loads[index].bytesPerSecond),
          "downloads": JSON(plan.loads[index].downloads),
        ])
      })
  }

  // MARK: By evidence

  private static func forecast(_ evidence: EvidenceForecast) -> JSON {
    let forecast = evidence.forecast
    let assumed = forecast.assumptions
    return .members([
      "assumed": .members([
        "failureRate": decimal(assumed.failureRate), "reach": decimal(assumed.reach),
        "pollSeconds": .integer(assumed.poll.wholeSeconds),
        "installSeconds": .integer(assumed.install.wholeSeconds),
        "soakSeconds": .integer(assumed.soak.wholeSeconds),
        "silenceSeconds": .integer(assumed.silence.wholeSeconds),
        "windowSecondsADay": assumed.window.map { .integer($0.wholeSeconds) },
        "payloadBytes": .integer(assumed.payloadBytes),
        "deviceBytesPerSecond": .integer(assumed.deviceBytesPerSecond),
      ]),
      "strata": .array(
        assumed.strata.map { .members(["label": .string($0.id), "devices": JSON($0.size)]) }),
      "earliest": course(forecast.earliest, after: evidence.canary.earliest),
      "expected": course(forecast.expected, after: evidence.canary.expected),
      "latest": course(forecast.latest, after: evidence.canary.latest),
      "firstExposureMax": JSON(forecast.firstExposureMax),
      "isWindowRare": .bool(forecast.isWindowRare),
      "confidence": .string(evidence.confidence),
      "approvals": .array(evidence.approvals.map { .string($0) }),
    ])
  }

  private static func course(_ course: Forecast.Course, after lead: Interval) -> JSON {
    func seconds(_ interval: Interval) -> JSON {
      .integer(lead.wholeSeconds + interval.wholeSeconds)
    }
    return .members([
      "steps": .array(
        course.steps.map { step in
          .members([
            "devices": JSON(step.size), "cumulative": JSON(step.cumulative),
            "strata": .array(step.new.map { JSON($0) }),
            "startSeconds": seconds(step.start), "endSeconds": seconds(step.end),
            "upper": decimal(step.upper),
            "harmedExpected": decimal(step.harmedMean), "harmed95": JSON(step.harmed95),
            "bytesPerSecond": whole(step.bytesPerSecond), "downloads": JSON(step.downloads),
            "needsPerson": .bool(step.needsPerson),
          ])
        }),
      "isComplete": .bool(course.isComplete),
      "deliveredSeconds": seconds(course.delivered),
      "endSeconds": seconds(course.end),
    ])
  }

  // Five decimals: a bound of one in a hundred thousand still shows.
  private static func decimal(_ value: Double) -> JSON {
    let scaled = Int64((min(max(value, 0), 1e12) * 100_000).rounded())
    let digits = String(scaled % 100_000)
    let zeros = String(repeating: "0", count: 5 - digits.utf8.count)
    return .decimal("\(scaled / 100_000).\(zeros)\(digits)")
  }

  private static func whole(_ value: Double) -> JSON {
    .integer(Int64(min(max(value, 0), 1e18).rounded()))
  }

  // MARK: Limits

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
  private static func peakBytes(_ plan: RolloutForecast) -> Int64? {
    let devices = min(plan.policy.limits.concurrent ?? plan.population, plan.population)
    let (bytes, overflow) = plan.imageBytes.multipliedReportingOverflow(by: Int64(devices))
    return overflow ? nil : bytes
  }

  /// A part of the population, to a hundredth of a percent.
  private static func share(_ part: Int, of whole: Int) -> String {
    let basisPoints = whole == 0 ? 0 : (part * 10_000 + whole / 2) / whole
    return Share(basisPoints: basisPoints)?.description ?? "100%"
  }
}

extension EvidenceForecast {
  /// From the start of the rollout to its end in one case.
  fileprivate func end(
    _ lead: KeyPath<(earliest: Interval, expected: Interval, latest: Interval), Interval>,
    _ course: KeyPath<Forecast, Forecast.Course>
  ) -> Interval {
    Interval(
      milliseconds: canary[keyPath: lead].milliseconds + forecast[keyPath: course].end.milliseconds)
  }
}
