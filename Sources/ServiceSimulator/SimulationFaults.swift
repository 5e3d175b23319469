// SimulationFaults: what goes wrong around the service, how that ends, and whether all is at rest.

import FleetSimulator
import FleetStore
import Orchestrator
import RolloutEngine
import UpdateModel

extension ServiceSimulation {
  /// A power failure at a write happens within so many writes and syncs.
  private static let writesBeforeCrash = 60

  /// Something goes wrong.
  func strike(_ fault: Fault) {
    switch fault {
    case .crash: if life != nil { crash() }
    case .crashAtWrite:
      let count = random.below(ServiceSimulation.writesBeforeCrash)
      tell("the power is to fail after \(count) writes")
      disk.failPower(after: count)
    case .restart:
      restart()
      if life == nil { queue.add(.boot, due: now + .seconds(5)) }
    case .clockJump: jump()
    case .diskTrouble:
      disk.trouble = random.below(2) == 0 ? .full : .failing
      tell("the disk is \(disk.trouble)")
      let length = random.interval(below: scenario.world.diskTrouble)
      queue.add(.diskMended, due: now + length)
    case .powerLoss:
      let index = random.below(members.count)
      tell("\(members[index].id) loses its power")
      members[index].errands = []
      members[index].waiting = nil
      members[index].native?.losePower()
      happen(.powerLost, to: index)
    case .absence:
      let index = random.below(members.count)
      let until = now + random.interval(below: scenario.world.absence)
      members[index].absentUntil = until
      tell("\(members[index].id) is away until \(until - start)")
    }
  }

  private func jump() {
    let length = random.interval(below: scenario.world.clockJump)
    let isBack = random.below(2) == 0
    clockOffset = Interval(
      milliseconds: clockOffset.milliseconds + (isBack ? -1 : 1) * length.milliseconds)
    clock.set(now + clockOffset)
    commandPromises.clockShows(clock.now)
    tell("the clock jumps \(isBack ? "back" : "forward") by \(length)")
    witness.clockJumped()
  }

  /// The disk is as it should be.
  func mendDisk() {
    guard disk.trouble != .none else { return }
    tell("the disk works again")
    disk.trouble = .none
  }

  /// Nothing goes wrong any more.
  func makePeace() {
    tell("peace")
    isPeace = true
    disk.failPower(after: nil)
    mendDisk()
    for index in members.indices {
      members[index].absentUntil = nil
      if members[index].isRegistered { wake(index) }
    }
  }

  // MARK: Rest

  /// Whether nothing more is to be expected of anybody.
  var isResting: Bool { restlessness == nil }

  /// Why the run did not come to rest, in words.
  var unrest: String { restlessness ?? "nothing more happens and nobody knows why" }

  /// Tells for each device why it is where it is.
  func tellWhoWaits() {
    guard let life else { return }
    for view in life.plane.rollouts(in: life.room) {
      let name = view.rollout.specification.name.text
      tell("\(name) is \(view.rollout.status.rawValue): \(view.reason)")
      if let judgement = Gate.judgement(view.rollout, now: view.at) {
        tell("\(name): \(String(decoding: judgement.document.text, as: UTF8.self))")
      }
      for member in members {
        // An unknown device has nothing to tell.
        let told = try? life.plane.explain(member.id, rollout: name, in: life.room)
        tell("\(member.id) runs \(member.device.version), \(told?.story.reason ?? "unknown")")
      }
    }
  }

  private var restlessness: String? {
    guard let life else { return "the service is down" }
    guard life.plane.isStoreHealthy else { return "the store takes no writes" }
    let views = life.plane.rollouts(in: life.room)
    guard let newest = views.first else { return "there is no rollout" }
    let names = Set(views.map(\.rollout.specification.name.text))
    if !names.contains("r1") || (wantsSecond && !names.contains("r2")) {
      return "a rollout could not be created"
    }
    for view in views where !view.rollout.status.isFinal {
      return "rollout \(view.rollout.specification.name) never came to rest: "
        + "\(view.rollout.status.rawValue), \(view.reason)"
    }
    if let sentence = commandPromises.unrest(in: life) { return sentence }
    for member in members where member.isRegistered {
      if let sentence = restlessness(of: member, newest, life) { return sentence }
    }
    return nil
  }

  private func restlessness(
    of member: Member, _ newest: RolloutView, _ life: ServiceLife
  ) -> String? {
    let device = member.device
    if device.state == .silent { return nil }
    let action = life.plane.overview(of: member.id, in: life.room)?.part?.action
    if device.isWorking { return "\(member.id) still works: \(device.state)" }
    if action?.isLeased == true { return "\(member.id) still holds a lease" }
    if let sentence = ignorance(of: member, life) { return sentence }
    let isOver: Bool =
      switch action?.standing {
      case .failed, .stranded, .returnFailed: true
      // It fell back by itself, or installed and its word was lost, and it cannot say what it
      // runs; nobody can know.
      case .unverified, .cancelled: !device.personality.isVersionAware
      default: false
      }
    let delivered = newest.release.version.text
    let isRight: Bool =
      switch newest.rollout.status {
      case .completed: device.version == delivered
      case .rolledBack: device.version != delivered
      default: true
      }
    if isOver || isRight { return nil }
    return "\(member.id) is not where it should be: runs \(device.version), "
      + "\(action?.standing.label ?? "never granted"), rollout \(newest.rollout.status.rawValue)"
  }
}
