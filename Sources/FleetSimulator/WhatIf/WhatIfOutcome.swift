// WhatIfOutcome: what one what-if run came to, and what many of them say together.

import RolloutEngine
public import UpdateModel

/// One decision of a run.
public struct WhatIfDecision: Equatable, Sendable {
  /// Virtual time since the start.
  public let after: Interval
  /// What was decided, and why.
  public let sentence: String
}

/// How a run ended.
public enum WhatIfEnding: String, Equatable, Sendable, CaseIterable {
  /// Every device in good standing may have the release.
  case completed
  /// It waits for a person, or for something that never comes.
  case held
  /// It stopped by itself.
  case aborted
}

/// The end of one run.
public struct WhatIfOutcome: Equatable, Sendable {
  /// How it ended.
  public let ending: WhatIfEnding
  /// Devices that failed, silent ones included.
  public let failed: Int
  /// Devices that fell silent for good.
  public let bricked: Int
  /// Devices that began to install.
  public let exposed: Int
  /// Models that were taken out on the way.
  public let quarantined: [String]
  /// When 99 % of the devices that call, without those of quarantined models, had begun; nil when
  /// it was not completed.
  public let reached: Interval?
  /// When it stopped by itself; nil when it did not.
  public let stoppedAfter: Interval?
  /// What was decided on the way.
  public let decisions: [WhatIfDecision]
}

extension WhatIfRun {
  /// What the run came to so far; late failures that nothing prevents any more count as well.
  public var outcome: WhatIfOutcome {
    var failed = 0
    var bricked = 0
    for (slot, device) in granted.enumerated() where actions[slot].exposedAt != nil {
      let condition = conditions[slot]
      let ending = fates.ending(Int(device))
      let isToFail = ending.isLate && !condition.contains(.saved)
      if condition.contains(.failed) || isToFail { failed += 1 }
      if condition.contains(.bricked) || isToFail && ending.isSilent { bricked += 1 }
    }
    let ending: WhatIfEnding =
      if rollout.stop != nil { .aborted } else {
        rollout.status == .completed ? .completed : .held
      }
    return WhatIfOutcome(
      ending: ending, failed: failed, bricked: bricked,
      exposed: actions.count { $0.exposedAt != nil },
      quarantined: rollout.strata.filter { $0.quarantine != nil }.map(\.label),
      reached: ending == .completed ? reached : nil,
      stoppedAfter: stoppedAt.map(fates.clock.interval), decisions: decisions)
  }

  private var reached: Interval? {
    let isOut = fates.scenario.models.indices.map { index in
      rollout.strata.indices.contains(index) && rollout.strata[index].quarantine != nil
    }
    let all = zip(roster.reachable, isOut).reduce(0) { $1.1 ? $0 : $0 + $1.0 }
    let ticks = granted.indices.compactMap { slot -> Int? in
      guard !isOut[fates.model(Int(granted[slot]))] else { return nil }
      return actions[slot].exposedAt.map(fates.clock.tick)
    }
    return Quantile.tick(ticks, covering: all).map(fates.clock.interval)
  }
}

enum Quantile {
  /// The tick by which 99 % of so many devices are counted; nil when that never happens.
  static func tick(_ ticks: [Int], covering all: Int) -> Int? {
    let need = (all * 99 + 99) / 100
    guard need > 0, ticks.count >= need, let last = ticks.max() else { return nil }
    var histogram = [Int](repeating: 0, count: last + 1)
    for tick in ticks { histogram[tick] += 1 }
    var sum = 0
    for (tick, count) in histogram.enumerated() {
      sum += count
      if sum >= need { return tick }
    }
    return nil
  }
}
