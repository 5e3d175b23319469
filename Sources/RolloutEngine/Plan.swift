// Plan: policy and fleet size to stages with sizes, and sizes to ranks.

public import UpdateModel

/// One stage of a rollout as it was planned.
public struct PlannedStage: Equatable, Sendable {
  /// Who belongs to the stage.
  public enum Selection: Equatable, Sendable {
    /// The members of the canary group that fit.
    case group(Name)
    /// Everybody else whose rank is not above this.
    case ranks(upTo: UInt64)
    /// A part of each stratum, as the evidence allowed.
    case strata([Opening])
  }

  /// `canary` or `stage N`, for people.
  public let name: String
  /// Devices that fitted when the rollout was planned.
  public let size: Int
  /// Who belongs to it.
  public let selection: Selection
  /// What must hold before the next stage opens.
  public let gate: Policy.StageGate
  /// Whether a person must approve before the next stage opens.
  public let signOff: Bool

  /// Whether it is the stage of the canary group.
  public var isCanary: Bool { if case .group = selection { true } else { false } }

  /// Joins the parts of a stage.
  public init(
    name: String, size: Int, selection: Selection, gate: Policy.StageGate, signOff: Bool
  ) {
    self.name = name
    self.size = size
    self.selection = selection
    self.gate = gate
    self.signOff = signOff
  }
}

/// Plans stages.
public enum Plan {
  /// Divides a fleet into stages.
  ///
  /// `canaries` counts the fitting devices in the policy's canary group and is ignored when it
  /// names none; `ranks` are those of all other fitting devices, in any order. Throws
  /// `unprocessable` when no such plan exists.
  public static func stages(
    _ policy: Policy, canaries: Int, ranks: [UInt64]
  ) throws(Problem) -> [PlannedStage] {
    guard canaries + ranks.count > 0 else {
      throw Problem(
        .unprocessable,
        "no registered device fits this release and target; register devices or change the target")
    }
    var stages: [PlannedStage] = []
    if let canary = policy.canary {
      guard canaries > 0 else {
        throw Problem(
          .unprocessable,
          "policy \(policy.name) starts with group \(canary.group), in which no device fits this "
            + "release and does not run it yet; add members or choose a policy without canary")
      }
      stages.append(
        PlannedStage(
          name: "canary", size: canaries, selection: .group(canary.group), gate: canary.gate,
          signOff: canary.signOff))
    }
    let sorted = ranks.sorted()
    let sizes = try sizes(policy, population: sorted.count)
    var reached = 0
    for (position, size) in sizes.enumerated() {
      reached += size.count
      // The last stage is open without bound, so that devices which join later belong to it.
      let bound = position == sizes.count - 1 ? UInt64.max : sorted[reached - 1]
      stages.append(
        PlannedStage(
          name: "stage \(position + 1)", size: size.count, selection: .ranks(upTo: bound),
          gate: size.gate, signOff: size.signOff))
    }
    precondition(
      reached == sorted.count || policy.stages == .adaptive, "the stages take in every device")
    return Schedule.marking(stages, policy)
  }

  /// The sizes of the stages after the canary; they add up to the population.
  static func sizes(
    _ policy: Policy, population: Int
  ) throws(Problem) -> [(count: Int, gate: Policy.StageGate, signOff: Bool)] {
    guard population > 0 else { return [] }
    switch policy.stages {
    case .adaptive: return []
    case .shares(let shares):
      return explicit(shares, population: population)
    case .exponential(let start, let growth, let cap, let gate):
      let counts = try exponential(
        start: start.count(of: population), growthHundredths: growth,
        cap: cap?.count(of: population) ?? population, population: population)
      return counts.map { ($0, gate, false) }
    }
  }

  /// The stages of a rollout that gathers evidence: the canary stage, if the policy has one; the
  /// gate adds the others step by step. Throws as `stages`.
  public static func evidenceStages(
    _ policy: Policy, canaries: Int, others: Int
  ) throws(Problem) -> [PlannedStage] {
    let whole = try stages(policy, canaries: canaries, ranks: Array(0..<UInt64(others)))
    return whole.filter(\.isCanary)
  }

  /// How far a rollout may open now whatever the evidence says, what gate guards that end, and
  /// whether a person must approve there; nil when the evidence alone decides.
  static func ceiling(
    of rollout: Rollout
  ) -> (upTo: Int, gate: Policy.StageGate, signOff: Bool)? {
    let population = rollout.strata.reduce(0) { $0 + $1.size }
    let above = rollout.policy.approve.above.map { $0.roundedDown(of: population) }
    let approval = above.flatMap { $0 > rollout.opened ? ($0, Policy.StageGate.none, true) : nil }
    // A plan that needs too many stages was refused when the rollout was created.
    guard let sizes = try? sizes(rollout.policy, population: population) else { return approval }
    var reached = 0
    for size in sizes {
      reached += size.count
      guard reached > rollout.opened else { continue }
      if let approval, approval.0 < reached { return approval }
      return (reached, size.gate, size.signOff || approval?.0 == reached)
    }
    return approval
  }

  /// What is left of the sizes of a step, by stratum, below the ceiling: of each its share, and
  /// what rounding leaves goes to the first.
  static func capped(_ sizes: [Int], of rollout: Rollout) -> [Int] {
    let total = sizes.reduce(0, +)
    guard let room = ceiling(of: rollout).map({ $0.upTo - rollout.opened }), total > room else {
      return sizes
    }
    var capped = sizes.map { $0 * room / total }
    var left = room - capped.reduce(0, +)
    for index in capped.indices where left > 0 && capped[index] < sizes[index] {
      capped[index] += 1
      left -= 1
    }
    return capped
  }

  /// The next step of a rollout that gathers evidence.
  static func step(
    _ sizes: [StepPart], of rollout: Rollout, ranks: RankIndex
  ) -> PlannedStage {
    let number = rollout.stages.count { !$0.plan.isCanary } + 1
    let size = sizes.reduce(0) { $0 + $1.count }
    // The evidence waits for each device; a wall-clock soak comes on top only where stages say so.
    let end = ceiling(of: rollout)
    let isReached = end.map { rollout.opened + size >= $0.upTo } ?? false
    return PlannedStage(
      name: "stage \(number)", size: size,
      selection: .strata(openings(sizes, of: rollout, ranks: ranks)), gate: end?.gate ?? .none,
      signOff: isReached && end?.signOff == true)
  }

  /// Where each stratum ends when it takes in so many more devices.
  static func openings(
    _ sizes: [StepPart], of rollout: Rollout, ranks: RankIndex
  ) -> [Opening] {
    sizes.map { part in
      Opening(
        stratum: part.stratum, count: part.count,
        bound: ranks.bound(
          part.stratum, count: rollout.strata[part.stratum].opened + part.count))
    }
  }

  private static func explicit(
    _ shares: [Policy.ShareStage], population: Int
  ) -> [(count: Int, gate: Policy.StageGate, signOff: Bool)] {
    var sizes: [(count: Int, gate: Policy.StageGate, signOff: Bool)] = []
    var reached = 0
    var isSignOffDue = false
    for stage in shares {
      let upTo = stage.upTo.roundedUp(of: population)
      // A share too small for one more device is left out; its gate would have nothing to judge.
      // Its approval is still asked for: before the stage after it, or at the next gate there is.
      guard upTo > reached else {
        if let last = sizes.indices.last {
          sizes[last].signOff = sizes[last].signOff || stage.signOff
        } else {
          isSignOffDue = isSignOffDue || stage.signOff
        }
        continue
      }
      sizes.append((upTo - reached, stage.gate, stage.signOff || isSignOffDue))
      isSignOffDue = false
      reached = upTo
    }
    return sizes
  }

  private static func exponential(
    start: Int, growthHundredths: Int, cap: Int, population: Int
  ) throws(Problem) -> [Int] {
    var counts: [Int] = []
    var size = min(start, cap)
    var left = population
    while left > 0 {
      let count = min(size, left)
      counts.append(count)
      left -= count
      guard counts.count <= Policy.stageCountMax else {
        throw Problem(
          .unprocessable,
          "the plan needs more than \(Policy.stageCountMax) stages for \(population) devices; "
            + "raise start, growth or cap")
      }
      let (product, overflow) = size.multipliedReportingOverflow(by: growthHundredths)
      size = overflow ? cap : min(cap, max(size + 1, product / 100))
    }
    return counts
  }
}
