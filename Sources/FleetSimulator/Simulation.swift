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

  let scenario: Scenario
  private(set) var server: ServerModel
  private(set) var devices: [VirtualDevice]
  // When devices are switched off, and when they come back.
  private var absences: [(from: Instant, to: Instant)?]
  // How the state of each device changes; empty where nobody asks for it.
  private var cycles: [MoodCycle]
  // Devices that have an image and wait to install it.
  private(set) var stored: [Int: String] = [:]
  private var personActs = 0
  private var visitedAt = Simulation.start
  // Since when a person is waited for, to no avail so far.
  private var waitsSince: Instant?
  private var queue = TimedQueue<Happening>()
  // The one time at which each device is woken; entries of the queue with another time are stale.
  private var wakeTimes: [Instant?]
  private var random: SeededRandom
  private var stepCount = 0
  private var exposedAtStop: Int?
  // Runs start some time after the epoch, which stands for "never".
  private static let start = Instant(milliseconds: 1_000_000_000_000)
  var start: Instant { Simulation.start }

  /// Prepares a run.
  public init(_ scenario: Scenario) {
    self.scenario = scenario
    random = SeededRandom(seed: scenario.seed, stream: 0x7275_6e)
    guard let firstAction = ActionID(UInt32(random.within(1...9999)) * 10 + 1) else {
      preconditionFailure("a number that ends in 1 is an action id")
    }
    let start = Simulation.start
    server = ServerModel(
      scenario, firstAction: firstAction, startsAt: start + scenario.traits.poll)
    var drawn = SeededRandom(seed: scenario.seed, stream: 0x6672_6565)
    var births: [Instant] = []
    absences = []
    for number in server.twins.indices {
      births.append(
        number < scenario.fleetSize
          ? start : start + drawn.interval(below: scenario.newcomers?.within ?? .zero))
      let isAbsent = drawn.chance(scenario.faults.absent)
      let from = start + drawn.interval(below: scenario.faults.absentWithin)
      let length = drawn.interval(below: scenario.faults.absence)
      absences.append(isAbsent ? (from, from + scenario.faults.absence + length) : nil)
    }
    devices = scenario.drawModels().enumerated().map { number, model in
      VirtualDevice(
        number: number, seed: scenario.seed, traits: scenario.traits(of: model),
        version: Scenario.oldVersion, now: births[number])
    }
    let numbers = server.twins.indices
    cycles =
      scenario.moods.map { moods in
        numbers.map { MoodCycle(moods, seed: scenario.seed, number: $0) }
      } ?? []
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
      if case .look = happening, mayEnd(now) { break }
    }
    server.invariants.checkCounters(server, now: now)
    return report(now)
  }

  private mutating func take(_ happening: Happening, now: Instant) {
    switch happening {
    case .device(let index):
      guard wakeTimes[index] == now else { return }
      if let back = absence(of: index, now) {
        wakeTimes[index] = back
        return queue.add(happening, due: back)
      }
      wakeTimes[index] = nil
      perform(devices[index].handle(.due, now: now), of: index, now: now)
    case .downloadEnds(let index, let action):
      // Who is switched off, or cannot reach the server, goes on afterwards.
      if let back = absence(of: index, now) ?? outageEnd(now) {
        return queue.add(happening, due: back)
      }
      let verified = !(hasFaults(now) && random.chance(scenario.faults.corruptDownloads))
      if verified, isToWait(index, action, now: now) { return }
      let event = DeviceEvent.downloaded(action: action, verified: verified)
      perform(devices[index].handle(event, now: now), of: index, now: now)
    case .reportArrives(let index, let report):
      if let end = outageEnd(now) { return queue.add(happening, due: end) }
      server.report(index, report, now: now)
    case .pause:
      if server.rollout.status == .running { server.apply(.paused(by: "simulation"), now: now) }
    case .resume:
      if server.rollout.status == .paused { server.apply(.resumed(by: "simulation"), now: now) }
    case .look:
      if server.rollout.status == .draft { server.apply(.started, now: now) }
      server.passTime(now: now)
      lookAfter(now)
      queue.add(.look, due: now + scenario.lookPause)
    }
  }

  private mutating func perform(_ intents: [DeviceIntent], of index: Int, now: Instant) {
    var pending = intents[...]
    let isOut = outageEnd(now) != nil
    while let intent = pending.popFirst() {
      switch intent {
      case .poll where isOut, .describe where isOut, .answerCancel where isOut: continue
      case .fetch where isOut: pending += devices[index].handle(.refused, now: now)
      case .report(let report) where isOut:
        pending += devices[index].handle(.reportLost(report), now: now)
      case .poll:
        if !cycles.isEmpty {
          server.tell(index, cycles[index].mood(at: now), isPatient: cycles[index].isPatient)
        }
        let answer = server.poll(index, now: now)
        pending += goOn(index, now: now)
        if hasFaults(now), random.chance(scenario.faults.lostAnswers) { continue }
        pending += devices[index].handle(.answered(answer), now: now)
      case .describe(_, let version): server.describe(index, version: version, now: now)
      case .fetch(let link) where putsOff(index, link, now: now):
        pending += devices[index].handle(.refused, now: now)
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

  // A device that can wait says that it has the image, and is told whether it may install it.
  private mutating func isToWait(_ index: Int, _ action: String, now: Instant) -> Bool {
    guard !cycles.isEmpty, cycles[index].isPatient, server.isPresent(index, action),
      devices[index].isDownloading(action)
    else { return false }
    let words = DeviceReport(
      action: action, link: action, execution: .downloaded, finished: .none, progress: nil,
      details: "image is complete")
    send(words, of: index, now: now)
    if server.mayInstall(index, action, now: now) {
      server.invariants.checkInstallation(server, index, now: now)
      return false
    }
    stored[index] = action
    return true
  }

  // What a device that can wait does after a poll: it installs what it has when it may, and stops
  // a download that it may not go on with.
  private mutating func goOn(_ index: Int, now: Instant) -> [DeviceIntent] {
    guard !cycles.isEmpty, cycles[index].isPatient else { return [] }
    if let action = stored[index] {
      if server.mayInstall(index, action, now: now) {
        stored[index] = nil
        server.invariants.checkInstallation(server, index, now: now)
        return devices[index].handle(.downloaded(action: action, verified: true), now: now)
      }
      guard !server.isPresent(index, action) else { return [] }
      stored[index] = nil
      return devices[index].handle(.downloadCut(action: action), now: now)
    }
    guard let action = server.actions[index], action.standby != nil, !action.isLeased else {
      return []
    }
    return devices[index].handle(.downloadCut(action: action.id.description), now: now)
  }

  // Whether the user of a device says "not now" to an offer.
  private mutating func putsOff(_ index: Int, _ action: String, now: Instant) -> Bool {
    guard !cycles.isEmpty, server.isPresent(index, action), !server.isForced(index),
      server.actions[index]?.kind == .update, cycles[index].refuses()
    else { return false }
    let words = DeviceReport(
      action: action, link: action, execution: .rejected, finished: .none, progress: nil,
      details: "not now")
    send(words, of: index, now: now)
    return true
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

  // When a device that is switched off comes back; nil for one that is not.
  private func absence(of index: Int, _ now: Instant) -> Instant? {
    guard let absence = absences[index], absence.from <= now, now < absence.to else { return nil }
    return absence.to
  }

  // When the server hears devices again; nil while it does.
  private func outageEnd(_ now: Instant) -> Instant? {
    guard let after = scenario.faults.outageAfter else { return nil }
    let from = start + scenario.traits.poll + after
    let end = from + scenario.faults.outageLength
    return from <= now && now < end ? end : nil
  }

  private func hasFaults(_ now: Instant) -> Bool { now - start < scenario.faults.lasting }

  // MARK: A person, and the end of a run

  private mutating func lookAfter(_ now: Instant) {
    // To ask the gate costs more than anything else here.
    guard now - visitedAt >= .minutes(15) else { return }
    visitedAt = now
    let answer = personsAct(now)
    guard answer.isWaited else {
      waitsSince = nil
      return
    }
    let since = waitsSince ?? now
    waitsSince = since
    guard let event = answer.event, personActs < scenario.person.acts,
      now - since >= scenario.person.delay
    else { return }
    personActs += 1
    waitsSince = nil
    server.apply(event, now: now)
  }

  // Whether a person is waited for, and what one would do.
  private func personsAct(_ now: Instant) -> (isWaited: Bool, event: RolloutEvent?) {
    let rollout = server.rollout
    let name = "simulation"
    if case .wait(let reason) = Gate.evaluate(rollout, now: now) {
      switch reason {
      case .signOff, .noVerdict: return (true, .signedOff(rollout.openStage ?? 0, by: name))
      case .held: return (true, .resumed(by: name))
      case .returnHeld: return (true, .returnForced(by: name))

      default: break
      }
    }
    guard scenario.person.liftsQuarantine, personActs < scenario.person.acts,
      rollout.status.grantsUpdates,
      let stratum = rollout.strata.firstIndex(where: { $0.quarantine != nil })
    else { return (false, nil) }
    return (true, .quarantineLifted(stratum, by: name))
  }

  // A rollout that is done or waits for a person who does not come, with nothing left to happen.
  private func mayEnd(_ now: Instant) -> Bool {
    guard now >= troubleEnds, devices.allSatisfy({ $0.relapsesAt == nil }) else { return false }
    if server.rollout.status.isFinal, isAtRest { return true }
    guard let waitsSince, now - waitsSince >= Simulation.stillness else { return false }
    return isStill
  }

  // Longer than any wait between two attempts.
  private static let stillness = Interval.hours(3)

  // Nothing is started from outside any more.
  private var troubleEnds: Instant {
    let faults = scenario.faults
    let back = absences.compactMap { $0?.to }.max() ?? start
    let born = start + (scenario.newcomers?.within ?? .zero) + scenario.traits.poll
    return max(back, born, faults.outageAfter.map { born + $0 + faults.outageLength } ?? start)
  }

  private mutating func noteStop() {
    if exposedAtStop == nil, server.rollout.stop != nil {
      exposedAtStop = server.rollout.tally.exposed
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
}
