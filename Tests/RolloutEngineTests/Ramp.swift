// Ramp: a rollout that gathers evidence, moved by hand: devices by mark, time by steps.

import RolloutEngine
import Testing
import UpdateModel

/// A rollout over strata with the ranks that a fleet would give it.
struct Ramp {
  private(set) var rollout: Rollout
  private(set) var events: [RolloutEvent] = []
  private(set) var now = noon
  private let ranks: RankIndex

  /// Strata by size; polls come every hour.
  init(
    _ sizes: [(label: String, size: Int)], canaries: Int = 0,
    policy fields: String = #""gate": {}"#
  ) throws {
    let policy = try Policy.read(
      Array(#"{"name": "test", \#(fields)}"#.utf8), file: "test.json")
    let specification = RolloutSpecification(
      id: RolloutID(1), name: try Name("test"), release: ReleaseID(2), target: nil,
      policy: policy, policyDocument: .null, salt: 9, createdAt: noon, pollInterval: .hours(1))
    let step = UInt64.max / 1_000_000
    ranks = RankIndex(sizes.map { (0..<$0.size).map { UInt64($0 + 1) * step } })
    rollout = Rollout(
      specification: specification,
      stages: try Plan.evidenceStages(
        policy, canaries: canaries, others: sizes.reduce(0) { $0 + $1.size }), strata: sizes)
    happen(.started)
    look(heard: 9_900)
  }

  /// Applies an event and lets the gate act.
  mutating func happen(_ event: RolloutEvent) {
    rollout.evolve(event, at: now)
    judge()
  }

  /// Lets time pass and the gate act.
  mutating func pass(_ time: Interval) {
    now = now + time
    judge()
  }

  mutating func judge() { events += Gate.advance(&rollout, ranks: ranks, now: now) }

  /// What the gate says now.
  var verdict: GateVerdict { Gate.evaluate(rollout, now: now) }

  /// Devices of a stratum that are granted and come to a mark; the gate acts after all of them.
  mutating func add(_ count: Int, _ mark: Mark, stratum: Int? = 0) {
    for _ in 0..<count {
      rollout.evolve(.marked(stratum: stratum, from: nil, to: mark), at: now)
    }
    judge()
  }

  /// Devices that change what they say.
  mutating func change(_ count: Int, from: Mark, to: Mark, stratum: Int? = 0) {
    for _ in 0..<count {
      rollout.evolve(.marked(stratum: stratum, from: from, to: to), at: now)
    }
    judge()
  }

  /// Every open device of every stratum in good standing succeeds, and the soak time passes.
  mutating func succeed() {
    for index in rollout.strata.indices where rollout.strata[index].quarantine == nil {
      let stratum = rollout.strata[index]
      add(stratum.opened - stratum.evidence.granted, .proven(since: now), stratum: index)
    }
    look(heard: 9_900)
    pass(.hours(13))
  }

  /// The control cohort is looked at: so many hundredths of a percent of it are heard.
  mutating func look(heard basisPoints: Int, devices: Int = 50_000, lost: Int = 175) {
    guard let heard = Share(basisPoints: basisPoints) else { return }
    happen(.controlSeen(ControlSample(devices: devices, lost: lost, heard: heard, at: now)))
  }

  /// Devices that each step opened, per stratum.
  var steps: [[Int]] {
    rollout.stages.filter { !$0.plan.isCanary }.map { stage in
      rollout.strata.indices.map { index in
        stage.plan.openings.first { $0.stratum == index }?.count ?? 0
      }
    }
  }

  /// What the gate waits for, in words.
  var words: String {
    if case .wait(let reason) = verdict { reason.sentence(now: now) } else { "\(verdict)" }
  }
}
