// SimulationPeople: what people do while it all runs, and what they were told is done.

import FleetSimulator
import Orchestrator
import RolloutEngine
import UpdateModel

/// What a person does.
enum Move {
  /// Creates and starts the first rollout.
  case first
  /// Wants the second rollout, whatever the first one does.
  case second
  case pause
  case resume
  case approve
  case abort
  case rollback
  /// Registers another device.
  case register
  /// Puts a device into the canary group.
  case promote
  /// Changes how often devices poll.
  case pace
  /// Tags a device.
  case tag
  /// Changes a limit of the policy while the rollout is under way.
  case amend
  /// Withdraws the first release.
  case revoke
  /// Changes the desired properties of a device.
  case desire
  /// Changes the tags of a device by a merge patch.
  case label
  /// Tells a device to do something.
  case send
  /// Takes a command back.
  case recall
  /// Tells all devices to do something, a few at a time.
  case job

  /// Pauses are tried most, the end of a rollout least.
  static func drawn(_ random: inout SeededRandom) -> Move {
    let common: [Move] = [
      .pause, .pause, .pause, .resume, .resume, .approve, .register, .promote, .pace, .tag, .second,
      .first, .amend,
    ]
    let rare: [Move] = [.abort, .rollback, .revoke]
    return random.below(5) == 0
      ? rare[random.below(rare.count)] : common[random.below(common.count)]
  }
}

/// A command that was carried out and is not durable yet.
struct PendingCommand {
  enum Effect {
    case started(String)
    case paused(String)
    case stopped(String)
    case approved(String, stage: Int)
    case registered(Range<Int>)
    case changed(DeviceID, Twin.Part, TwinWitness.Mark)
    case sent(CommandWitness.Order)
    case recalled(CommandID)
  }

  let ticket: UInt64
  let effect: Effect
}

extension ServiceSimulation {
  static let person = "a person"

  /// Registers the devices of the start, before anything goes wrong.
  func registerFleet() {
    register(count: scenario.deviceCount)
    commit()
  }

  /// A person does something; refusals are answers too.
  func perform(_ move: Move) {
    guard let life else { return }
    do throws(Problem) {
      try carryOut(move, life)
    } catch {
      tell("\(move) is refused: \(error.detail)")
      if error.kind == .internalError { witness.violate("\(move): \(error.detail)") }
    }
    witness.recount(life)
    expectCommit(within: .milliseconds(60))
  }

  private func carryOut(_ move: Move, _ life: ServiceLife) throws(Problem) {
    // What is under way, or was last.
    let rollouts = life.plane.rollouts(in: life.room).map(\.rollout)
    let name = rollouts.first { $0.status != .draft }?.specification.name.text ?? "r1"
    switch move {
    case .first: try launch("r1", life)
    case .second:
      wantsSecond = true
      try launch("r2", life)
    case .pause: try steer(.pause, name, life)
    case .resume: try steer(.resume, name, life)
    case .approve: try steer(.approve, name, life)
    case .abort: try steer(.abort, name, life)
    case .rollback: try steer(.rollback, name, life)
    case .register: register(count: 1)
    case .promote: try promote(life)
    case .pace:
      let seconds = scenario.traits.poll.wholeSeconds * Int64(random.within(1...2))
      _ = try life.plane.changeTenant(
        life.room, settings: .members(["pollSeconds": .integer(seconds)]))
    case .tag:
      let device = members[random.below(members.count)].id
      _ = try life.plane.edit(
        device, in: life.room, hardware: nil, tags: [("site", "s\(random.below(9))")])
    case .amend:
      _ = try life.plane.amend(
        name, overrides: [("limits.concurrent", "\(random.within(1...6))")],
        by: ServiceSimulation.person, in: life.room)
    case .revoke: try revoke(life)
    case .desire: try change(.desired, life)
    case .label: try change(.tags, life)
    case .send: try sendCommand(life)
    case .recall: try recallCommand(life)
    case .job: try startJob(life)
    }
    tell("\(move) is done")
  }

  private func launch(_ name: String, _ life: ServiceLife) throws(Problem) {
    let views = life.plane.rollouts(in: life.room)
    if !views.contains(where: { $0.rollout.specification.name.text == name }) {
      let version = ServiceScenario.newVersions[name == "r1" ? 0 : 1]
      let request = RolloutRequest(
        release: "app:\(version)", policy: "drawn", overrides: [], target: nil)
      do throws(InvalidValue) {
        let valid = try Name(name)
        try create(valid, request, life)
      } catch { preconditionFailure("a name of the simulator is valid") }
    }
    try steer(.start, name, life)
  }

  private func create(
    _ name: Name, _ request: RolloutRequest, _ life: ServiceLife
  ) throws(InvalidValue) {
    do throws(Problem) {
      _ = try life.plane.createRollout(named: name, request, in: life.room)
    } catch {
      tell("\(name) is not created: \(error.detail)")
      if error.kind == .internalError { witness.violate(error.detail) }
    }
  }

  private func steer(
    _ command: SteeringCommand, _ name: String, _ life: ServiceLife
  ) throws(Problem) {
    let open = try life.plane.rollout(name, in: life.room).rollout.openStage
    // What a person takes back was promised until now.
    if command == .resume {
      commands.removeAll { if case .paused(name) = $0.effect { true } else { false } }
    }
    let (_, ticket) = try life.plane.steer(
      command, rollout: name, by: ServiceSimulation.person, in: life.room)
    switch command {
    case .start: commands.append(PendingCommand(ticket: ticket, effect: .started(name)))
    case .pause: commands.append(PendingCommand(ticket: ticket, effect: .paused(name)))
    case .resume: witness.promises[name]?.isPaused = false
    case .approve:
      commands.append(PendingCommand(ticket: ticket, effect: .approved(name, stage: open ?? 0)))
    case .abort, .rollback:
      commands.append(PendingCommand(ticket: ticket, effect: .stopped(name)))
    }
  }

  private func promote(_ life: ServiceLife) throws(Problem) {
    guard scenario.canaryCount > 0 else { return }
    let device = members[random.below(members.count)].id
    do throws(InvalidValue) {
      let group = try Name(ServiceScenario.canaryGroup)
      try edit(group, adding: device, life)
    } catch { preconditionFailure("the name of the group is valid") }
  }

  private func edit(
    _ group: Name, adding device: DeviceID, _ life: ServiceLife
  ) throws(InvalidValue) {
    do throws(Problem) {
      _ = try life.plane.editMembers(of: group, in: life.room, add: [device], remove: [])
      witness.canaries.insert(device)
    } catch { tell("\(device) does not join: \(error.detail)") }
  }

  private func revoke(_ life: ServiceLife) throws(Problem) {
    let first = try life.plane.rollout("r1", in: life.room).rollout
    guard first.status == .running || first.status == .paused else { return }
    let version = ServiceScenario.newVersions[0]
    let (_, ticket) = try life.plane.setStatus(
      .revoked, ofRelease: "app:\(version)", by: ServiceSimulation.person, in: life.room)
    commands.append(PendingCommand(ticket: ticket, effect: .stopped("r1")))
  }

  private func register(count: Int) {
    guard let life else { return }
    let range = members.count..<members.count + count
    do {
      let group = try Name(ServiceScenario.canaryGroup)
      let registrations = try range.map { number in
        try Registration(
          device: try DeviceID("dev-\(number)"), hardware: try Name("board-a"), tags: [:],
          token: nil, groups: number < scenario.canaryCount ? [group] : [])
      }
      let (tokens, ticket) = try life.plane.register(registrations, in: life.room)
      for (registration, token) in zip(registrations, tokens) {
        if !registration.groups.isEmpty { witness.canaries.insert(registration.device) }
        let device = VirtualDevice(
          number: members.count, seed: scenario.seed, traits: scenario.traits,
          version: ServiceScenario.oldVersion, now: now)
        let native = scenario.speaksNative(members.count) ? NativeMemory() : nil
        members.append(
          Member(id: registration.device, token: token, device: device, native: native))
      }
      commands.append(PendingCommand(ticket: ticket, effect: .registered(range)))
    } catch { tell("a device is not registered: \(error)") }
  }

  /// What is durable now is acknowledged.
  func acknowledge(through ticket: UInt64) {
    let done = commands.filter { $0.ticket <= ticket }
    commands.removeAll { $0.ticket <= ticket }
    for command in done {
      switch command.effect {
      case .started(let name): witness.promises[name, default: .init()].isStarted = true
      case .paused(let name): witness.promises[name, default: .init()].isPaused = true
      case .stopped(let name): witness.promises[name, default: .init()].isStopped = true
      case .approved(let name, let stage):
        witness.promises[name, default: .init()].approved.insert(stage)
      case .registered(let range):
        for index in range {
          members[index].isRegistered = true
          acknowledgements.registered(members[index].id)
          wake(index)
        }
      case .changed(let device, let part, let mark):
        if let fault = twins.acknowledged(part, of: device, mark, step: stepCount) {
          witness.violate(fault)
        }
      case .sent(let order):
        if let fault = commandPromises.acknowledged(order, step: stepCount) {
          witness.violate(fault)
        }
      case .recalled(let id): commandPromises.withdraw(id)
      }
    }
  }

  /// After all faults a person sees to it that everything can come to its end.
  func settle(_ life: ServiceLife) {
    let views = life.plane.rollouts(in: life.room)
    func view(_ name: String) -> RolloutView? {
      views.first { $0.rollout.specification.name.text == name }
    }
    let first = view("r1")?.rollout
    if first == nil || first?.status == .draft { perform(.first) }
    if wantsSecond, first?.status.isFinal == true {
      let second = view("r2")?.rollout
      if second == nil || second?.status == .draft { perform(.second) }
    }
    for view in views {
      let name = view.rollout.specification.name.text
      if view.rollout.status == .paused || view.rollout.hold != nil { order(.resume, name, life) }
      if isHopeless(view, life) { order(.abort, name, life) }
      guard view.rollout.status == .running, let open = view.rollout.openStage else { continue }
      let stage = view.rollout.stages[open]
      if stage.plan.signOff, stage.signedOffBy == nil, stage.settledAt != nil {
        order(.approve, name, life)
      }
    }
  }

  // What a person does to one rollout, whichever is under way.
  private func order(_ command: SteeringCommand, _ name: String, _ life: ServiceLife) {
    do throws(Problem) {
      try steer(command, name, life)
      tell("\(command) of \(name) is done")
    } catch { tell("\(command) of \(name) is refused: \(error.detail)") }
    witness.recount(life)
    expectCommit(within: .milliseconds(60))
  }

  // A stage waits for its first verdict as long as it takes. When the devices that are left in it
  // have fallen silent or were moved to another stage, a person has to see that and give up.
  private func isHopeless(_ view: RolloutView, _ life: ServiceLife) -> Bool {
    let rollout = view.rollout
    if case .wait(.superseded) = Gate.evaluate(rollout, now: view.at) { return true }
    let patience = start + scenario.network.lasting + scaled(.hours(6))
    guard rollout.status == .running, now > patience, let open = rollout.openStage else {
      return false
    }
    return members.allSatisfy { member in
      if !member.isRegistered || member.device.state == .silent { return true }
      let action = life.plane.overview(of: member.id, in: life.room)?.part?.action
      if let action, action.rollout == rollout.specification.id {
        return !action.isLeased && action.standing != .retrying
      }
      let stage = witness.stage(of: member.id, in: rollout) ?? Int.max
      return stage > open || member.device.version == view.release.version.text
    }
  }
}
