// Simulation: a rollout in virtual time, from its start until it rests; the seed decides all of it.

import RolloutEngine
import UpdateModel

/// Drives virtual devices against the real engine.
public struct Simulation {
  private enum Happening {
    case device(Int)
    case downloadEnds(Int, action: String)
    case reportArrives(Int, DeviceReport)
    case pause
    case resume
    case look
  }

  private let scenario: Scenario
  private var server: ServerModel
  private var devices: [VirtualDevice]
  private var queue = TimedQueue<Happening>()
  // The one time at which each device is woken; entries of the queue with another time are stale.
  private var wakeTimes: [Instant?]
  private var random: SeededRandom
  private var stepCount = 0
  private var exposedAtStop: Int?
  // Runs start some time after the epoch, which stands for "never".
  private let start = Instant(milliseconds: 1_000_000_000_000)

  /// Prepares a run.
  public init(_ scenario: Scenario) {
    self.scenario = scenario
    random = SeededRandom(seed: scenario.seed, stream: 0x7275_6e)
    guard let firstAction = ActionID(UInt32(random.within(1...9999)) * 10 + 1) else {
      preconditionFailure("a number that ends in 1 is an action id")
    }
    server = ServerModel(scenario, firstAction: firstAction)
    let start = start
    devices = (0..<scenario.fleetSize).map { number in
      VirtualDevice(
        number: number, seed: scenario.seed, traits: scenario.traits,
        version: Scenario.oldVersion, now: start)
    }
    wakeTimes = devices.map(\.dueAt)
    for (index, due) in wakeTimes.enumerated() {
      if let due { queue.add(.device(index), due: due) }
    }
  }

  /// Runs to the end: until nothing is left to happen, a violation, or the horizon.
  public static func run(_ scenario: Scenario) -> SimulationReport {
    var simulation = Simulation(scenario)
    return simulation.run()
  }

  private mutating func run() -> SimulationReport {
    // Every device has polled once before the rollout starts, as in a fleet in operation.
    let rolloutStart = start + scenario.traits.poll
    queue.add(.look, due: rolloutStart)
    if let pausedAfter = scenario.faults.pausedAfter {
      queue.add(.pause, due: rolloutStart + pausedAfter)
      queue.add(.resume, due: rolloutStart + pausedAfter + scenario.faults.pauseLength)
    }
    var now = start
    while let (due, happening) = queue.removeFirst(), due <= start + scenario.horizon {
      now = due
      stepCount += 1
      take(happening, now: now)
      noteStop()
      if server.invariants.first != nil { break }
      if case .look = happening, server.rollout.status.isFinal, isAtRest {
        break
      }
    }
    server.invariants.checkCounters(server, now: now)
    return report(now)
  }

  private mutating func take(_ happening: Happening, now: Instant) {
    switch happening {
    case .device(let index):
      guard wakeTimes[index] == now else { return }
      wakeTimes[index] = nil
      perform(devices[index].handle(.due, now: now), of: index, now: now)
    case .downloadEnds(let index, let action):
      let verified = !(hasFaults(now) && random.chance(scenario.faults.corruptDownloads))
      let event = DeviceEvent.downloaded(action: action, verified: verified)
      perform(devices[index].handle(event, now: now), of: index, now: now)
    case .reportArrives(let index, let report): server.report(index, report, now: now)
    case .pause:
      if server.rollout.status == .running { server.apply(.paused(by: "simulation"), now: now) }
    case .resume:
      if server.rollout.status == .paused { server.apply(.resumed(by: "simulation"), now: now) }
    case .look:
      if server.rollout.status == .draft { server.apply(.started, now: now) }
      server.passTime(now: now)
      queue.add(.look, due: now + .minutes(2))
    }
  }

  private mutating func perform(_ intents: [DeviceIntent], of index: Int, now: Instant) {
    var pending = intents[...]
    while let intent = pending.popFirst() {
      switch intent {
      case .poll:
        let answer = server.poll(index, now: now)
        if hasFaults(now), random.chance(scenario.faults.lostAnswers) { continue }
        pending += devices[index].handle(.answered(answer), now: now)
      case .describe(_, let version): server.describe(index, version: version, now: now)
      case .fetch(let link):
        let version = server.instructions(index, link: link, now: now)
        let event = version.map { DeviceEvent.instructed(action: link, version: $0) } ?? .refused
        pending += devices[index].handle(event, now: now)
      case .download(let action):
        let due = now + devices[index].personality.download
        queue.add(.downloadEnds(index, action: action), due: due)
      case .report(let report): send(report, of: index, now: now)
      case .answerCancel(_, let action, let accepted):
        server.cancelAnswered(index, action: action, accepted: accepted, now: now)
      }
    }
    guard let due = devices[index].dueAt.map({ max($0, now) }), due != wakeTimes[index] else {
      return
    }
    wakeTimes[index] = due
    queue.add(.device(index), due: due)
  }

  private mutating func send(_ report: DeviceReport, of index: Int, now: Instant) {
    let faults = scenario.faults
    guard hasFaults(now) else { return server.report(index, report, now: now) }
    if random.chance(faults.lostReports) { return }
    if random.chance(faults.lateReports) {
      let delay = random.interval(below: faults.lateness)
      queue.add(.reportArrives(index, report), due: now + delay)
      return
    }
    server.report(index, report, now: now)
    if random.chance(faults.duplicatedReports) { server.report(index, report, now: now) }
    if random.chance(faults.repeatedReports) {
      _ = devices[index].handle(.reportLost(report), now: now)
    }
  }

  private func hasFaults(_ now: Instant) -> Bool { now - start < scenario.faults.lasting }

  // MARK: The end of a run

  private mutating func noteStop() {
    if exposedAtStop == nil, server.rollout.stop != nil {
      exposedAtStop = server.rollout.tally.exposed
    }
  }

  private var isAtRest: Bool {
    let expected = server.rollout.status == .completed ? Scenario.newVersion : nil
    let back = server.rollout.status == .rolledBack
    return devices.indices.allSatisfy { index in
      let device = devices[index]
      if device.state == .silent { return true }
      if device.isWorking || server.actions[index]?.isLeased == true { return false }
      if let expected { return device.version == expected || isOver(index) }
      return !back || device.version == Scenario.oldVersion || isOver(index)
    }
  }

  // Closed for a reason that lies with the device: nothing more is to be expected of it.
  private func isOver(_ index: Int) -> Bool {
    if server.isHeldByBudget(index) { return true }
    return switch server.actions[index]?.standing {
    case .failed, .stranded, .returnFailed: true
    // It fell back by itself, or installed and its word was lost, and it cannot say what it runs;
    // nobody can know.
    case .unverified, .cancelled: !devices[index].personality.isVersionAware
    default: false
    }
  }

  private func report(_ now: Instant) -> SimulationReport {
    var violation = server.invariants.first.map {
      Violation(seed: scenario.seed, after: $0.at - start, sentence: $0.sentence)
    }
    if violation == nil, let sentence = livenessFault() {
      violation = Violation(seed: scenario.seed, after: now - start, sentence: sentence)
    }
    return SimulationReport(
      seed: scenario.seed, status: server.rollout.status, stop: server.rollout.stop,
      tally: server.rollout.tally, size: server.rollout.size,
      stageSizes: server.rollout.stages.map(\.plan.size), openStage: server.rollout.openStage,
      exposedAtStop: exposedAtStop, grantCount: server.grantCount, stepCount: stepCount,
      lasted: now - start, digest: server.digest, violation: violation)
  }

  private func livenessFault() -> String? {
    let rollout = server.rollout
    switch rollout.status {
    // A budget of repetitions that is spent holds devices, and with them a stage, until a person
    // acts.
    case .running where devices.indices.contains { server.isHeldByBudget($0) }: return nil
    case .draft, .running, .paused, .rollingBack:
      return "the rollout never came to rest: "
        + (waitSentence(Gate.evaluate(rollout, now: start + scenario.horizon)) ?? "no reason")
    case .completed: break
    case .halted, .aborted, .rolledBack, .ended, .closed: break
    }
    if isAtRest { return nil }
    let stuck = devices.indices.first { index in
      devices[index].state != .silent
        && (devices[index].isWorking || server.actions[index]?.isLeased == true
          || !isOver(index) && devices[index].version != wantedVersion)
    }
    guard let stuck else { return "the rollout never came to rest" }
    return "\(server.twins[stuck].device) is not where it should be: runs "
      + "\(devices[stuck].version), \(server.actions[stuck]?.standing.label ?? "never granted"), "
      + "rollout \(rollout.status.rawValue)"
  }

  private var wantedVersion: String {
    server.rollout.status == .completed ? Scenario.newVersion : Scenario.oldVersion
  }

  private func waitSentence(_ verdict: GateVerdict) -> String? {
    if case .wait(let reason) = verdict {
      reason.sentence(now: start + scenario.horizon)
    } else {
      nil
    }
  }
}
