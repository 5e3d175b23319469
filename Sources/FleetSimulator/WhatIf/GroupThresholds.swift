// GroupThresholds: a rollout as hawkBit decides it, on the same devices, to compare with.
//
// A group starts when so large a share of the one before has finished; the rollout pauses when so
// large a share of a group has failed. Feedback of a device that finished is ignored, devices that
// never call stay in the denominator, running groups still complete, and nobody is brought back
// (eclipse-hawkbit/hawkbit: StartNextGroupRolloutGroupSuccessAction, ThresholdRolloutGroup*).

public import UpdateModel

/// Groups by share of the fleet with a success and an error threshold.
public struct GroupThresholds: Equatable, Sendable {
  /// The groups' parts of the fleet, in order; the whole together.
  public let groups: [Share]
  /// The next group starts when this part of a group has finished.
  public let success: Share
  /// The rollout pauses when more than this part of a group has failed.
  public let error: Share

  /// Five equal groups, 50 % success and 80 % error: the example of hawkBit's own documentation.
  public static let documented = GroupThresholds(
    groups: [2_000, 2_000, 2_000, 2_000, 2_000], success: 5_000, error: 8_000)
  /// 1, 9, 20 and 70 %, at 90 % success and 5 % error: as careful users set it.
  public static let careful = GroupThresholds(
    groups: [100, 900, 2_000, 7_000], success: 9_000, error: 500)

  private init(groups: [Int], success: Int, error: Int) {
    func share(_ basisPoints: Int) -> Share { Share(basisPoints: basisPoints) ?? .none }
    self.groups = groups.map(share)
    self.success = share(success)
    self.error = share(error)
  }

  /// Plays a rollout on the devices of a seed. The scenario has no fault.
  public func play(_ scenario: WhatIfScenario, seed: UInt64) -> WhatIfOutcome {
    let clock = Ticks(poll: scenario.poll, isFine: false)
    var crowd = Crowd(Fates(scenario, clock: clock, seed: seed), seed: seed)
    var tick = 0
    var first = 0
    var reached = 0
    for (index, share) in groups.enumerated() {
      reached += share.basisPoints
      let isLast = index == groups.count - 1
      let end = isLast ? scenario.fleetSize : scenario.fleetSize * reached / 10_000
      guard end > first else { continue }
      let run = crowd.run(first..<end, from: tick)
      let errorAt = run.errors.first { error.isExceeded(by: $0.count, of: end - first) }?.tick
      let nextAt =
        run.finished.first { $0.count * 10_000 >= success.basisPoints * (end - first) }?.tick
      if let errorAt, errorAt <= nextAt ?? .max {
        return crowd.outcome(.aborted, stopped: errorAt)
      }
      guard let nextAt else { return crowd.outcome(.held) }
      tick = nextAt + 1
      first = end
    }
    return crowd.outcome(.completed)
  }
}

/// A fleet in a random order, with what became of those that were offered the release.
struct Crowd {
  let fates: Fates
  private let order: [UInt32]
  private let installTicks: Int
  private var failed = 0
  private var bricked = 0
  private var exposedAt: [Int] = []

  init(_ fates: Fates, seed: UInt64) {
    self.fates = fates
    installTicks = fates.clock.count(fates.scenario.install)
    var order = (0..<UInt32(fates.scenario.fleetSize)).map { $0 }
    var random = SeededRandom(seed: seed, stream: 0x6372_6f77)
    for index in stride(from: order.count - 1, to: 0, by: -1) {
      order.swapAt(index, random.below(index + 1))
    }
    self.order = order
  }

  var count: Int { order.count }

  /// One device that is offered the release at a tick; nil when it never calls.
  struct Part {
    let ending: Fates.Ending
    let exposed: Int
    /// When its report arrives; a brick never reports.
    let reported: Int
  }

  /// Offers the release to a device; `isPushed` tells it at once instead of at its next call.
  mutating func expose(_ position: Int, at tick: Int, isPushed: Bool) -> Part? {
    let device = Int(order[position])
    guard fates.isReachable(device) else { return nil }
    let exposed = isPushed ? tick : fates.nextPoll(device, after: tick - 1)
    let ending = fates.ending(device)
    if ending != .good { failed += 1 }
    if ending.isSilent { bricked += 1 }
    exposedAt.append(exposed)
    return Part(
      ending: ending, exposed: exposed, reported: fates.arrival(exposed + installTicks))
  }

  /// Running sums of those that finished and failed, by tick.
  typealias Counts = [(tick: Int, count: Int)]

  mutating func run(_ part: Range<Int>, from tick: Int) -> (finished: Counts, errors: Counts) {
    var finished: [Int: Int] = [:]
    var errors: [Int: Int] = [:]
    for position in part {
      guard let device = expose(position, at: tick, isPushed: false) else { continue }
      switch device.ending {
      case .good, .lateFailure, .lateBrick: finished[device.reported, default: 0] += 1
      case .failure: errors[device.reported, default: 0] += 1
      case .brick: break
      }
    }
    return (Crowd.sums(finished), Crowd.sums(errors))
  }

  private static func sums(_ counts: [Int: Int]) -> Counts {
    var sum = 0
    return counts.sorted { $0.key < $1.key }.map { tick, count in
      sum += count
      return (tick, sum)
    }
  }

  func outcome(_ ending: WhatIfEnding, stopped: Int? = nil) -> WhatIfOutcome {
    let reachable = (0..<fates.scenario.fleetSize).count(where: fates.isReachable)
    let reached =
      ending == .completed ? Quantile.tick(exposedAt, covering: reachable) : nil
    return WhatIfOutcome(
      ending: ending, failed: failed, bricked: bricked, exposed: exposedAt.count, quarantined: [],
      reached: reached.map(fates.clock.interval), stoppedAfter: stopped.map(fates.clock.interval),
      decisions: [])
  }
}
