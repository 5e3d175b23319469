// WhatIfReport: what came of simulated rollouts, as a table for people and a document for programs.

import FleetSimulator
import UpdateModel

/// The figures of one strategy.
struct WhatIfResult {
  let label: String
  let summary: WhatIfSummary
  /// What was decided in the run of the first seed.
  let decisions: [WhatIfDecision]
}

/// All that a command found.
struct WhatIfReport {
  let options: WhatIfOptions
  let results: [WhatIfResult]

  /// For people.
  var text: String {
    var table = Table(
      "", ">bricked", ">p95", ">failed", ">p95", ">completed", ">held",
      isHealthy ? ">false stops" : ">stopped", ">quarantined", ">99 % after", ">p95", ">stop after")
    for result in results {
      let found = result.summary
      func hours(_ value: Double?) -> String { value.map { Self.number($0) + " h" } ?? "-" }
      table.append([
        result.label, Self.number(found.bricked.mean), Self.number(found.bricked.high),
        Self.number(found.failed.mean), Self.number(found.failed.high),
        Self.number(found.completed) + "%", Self.number(found.held) + "%",
        Self.number(found.aborted) + "%", Self.number(found.quarantined) + "%",
        hours(found.hours?.median), hours(found.hours?.high), hours(found.hoursToStop?.median),
      ])
    }
    return heading + table.text + decisions
  }

  private var isHealthy: Bool {
    let usual = Share(basisPoints: 50) ?? .none
    return options.scenario.isHealthy(within: options.policy.evidence?.tolerance ?? usual)
  }

  private var heading: String {
    let runs = Wording.count(options.runs, "run")
    let seeds = options.seeds.first.map { "from seed \($0) on" } ?? ""
    return "\(Wording.count(options.scenario.fleetSize, "device")), \(runs) \(seeds)\n"
      + "bricked and failed: mean and 95th percentile of devices per run\n\n"
  }

  private var decisions: String {
    guard let first = results.first, let seed = options.seeds.first, !first.decisions.isEmpty else {
      return ""
    }
    var lines = "\nDecisions with seed \(seed):\n"
    for decision in first.decisions {
      lines += "  \(Wording.length(decision.after))".padded(to: 14) + decision.sentence + "\n"
    }
    return lines
  }

  /// For programs.
  var document: JSON {
    .members([
      "policy": .string(options.policy.name.text),
      "fleetSize": JSON(options.scenario.fleetSize),
      "seed": options.seeds.first.map { .string(String($0)) },
      "runs": JSON(options.runs),
      "results": .array(results.map(Self.document)),
    ])
  }

  private static func document(_ result: WhatIfResult) -> JSON {
    let found = result.summary
    func spread(_ value: WhatIfSummary.Spread) -> JSON {
      .members(["mean": json(value.mean), "p95": json(value.high)])
    }
    func quantiles(_ value: WhatIfSummary.Quantiles?) -> JSON {
      value.map { .members(["median": json($0.median), "p95": json($0.high)]) } ?? .null
    }
    return .members([
      "strategy": .string(result.label), "bricked": spread(found.bricked),
      "failed": spread(found.failed), "completedPercent": json(found.completed),
      "heldPercent": json(found.held), "abortedPercent": json(found.aborted),
      "quarantinedPercent": json(found.quarantined), "hoursTo99Percent": quantiles(found.hours),
      "hoursToStop": quantiles(found.hoursToStop),
      "decisions": .array(
        result.decisions.map { decision in
          .members([
            "afterSeconds": .integer(decision.after.wholeSeconds),
            "sentence": .string(decision.sentence),
          ])
        }),
    ])
  }

  private static func json(_ value: Double) -> JSON { .decimal(number(value, decimals: 2)) }

  /// `4.8`, `1,900.2`: with one decimal, thousands apart.
  static func number(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    let whole = Wording.count(tenths / 10)
    return tenths.isMultiple(of: 10) ? whole : "\(whole).\(abs(tenths % 10))"
  }

  private static func number(_ value: Double, decimals: Int) -> String {
    let hundredths = Int((value * 100).rounded())
    let rest = abs(hundredths % 100)
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
  }
}

extension String {
  /// With spaces at the end.
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(2, width - count))
  }
}
