// SimulationOrders: what people order for devices, whatever rollouts do: twins, commands and jobs.

import FleetSimulator
import FleetStore
import Orchestrator
import UpdateModel

extension Move {
  /// Draws an order for a device.
  static func drawnOrder(_ random: inout SeededRandom) -> Move {
    let moves: [Move] = [.desire, .desire, .label, .send, .send, .send, .recall, .job]
    return moves[random.below(moves.count)]
  }
}

extension ServiceSimulation {
  /// Writes a number that nobody wrote before into a part of the twin of some device.
  func change(_ part: Twin.Part, _ life: ServiceLife) throws(Problem) {
    let index = drawnMember()
    let device = members[index].id
    orderCount += 1
    let number = orderCount
    let (section, ticket) = try life.plane.changeTwin(
      of: device, part, by: .members([TwinWitness.property: JSON(number)]), in: life.room)
    let mark = TwinWitness.Mark(version: section.version, number: number)
    commands.append(PendingCommand(ticket: ticket, effect: .changed(device, part, mark)))
    stress(index)
  }

  // Half of all orders concern few devices, so that things happen to one after the other.
  private func drawnMember() -> Int {
    random.below(random.below(2) == 0 ? min(3, members.count) : members.count)
  }

  // The worst moment: the device polls before the order is written, and the power fails then.
  private func stress(_ index: Int) {
    guard !isPeace else { return }
    if random.below(2) == 0 { pollSoon(index) }
    if scenario.world.crashesAtWrite > 0, random.below(6) == 0 {
      tell("the power is to fail with the next writes")
      disk.failPower(after: random.below(4))
    }
  }

  // As a device does that waited for news with a poll of its own.
  private func pollSoon(_ index: Int) {
    let member = members[index]
    let errand = Errand.intent(.poll)
    guard member.isRegistered, member.waiting == nil, member.errands.isEmpty,
      member.device.state == .idle, member.absentUntil == nil, member.native != nil,
      let request = nativeRequest(for: errand, of: index, messageCount)
    else { return }
    let number = messageCount
    messageCount += 1
    members[index].waiting = (number, errand)
    queue.add(
      .answer(index, number: number, nil), due: now + ServiceSimulation.patience)
    let message = Message(
      number: number, device: index, errand: errand, request: request, isCopy: false)
    queue.add(.arrives(message), due: now + .milliseconds(Int64(random.within(0...60))))
  }

  // MARK: Commands

  /// Tells some device to do something; one that speaks DDI never hears of it.
  func sendCommand(_ life: ServiceLife) throws(Problem) {
    let index = drawnMember()
    orderCount += 1
    let isDisruptive = random.below(4) == 0
    let request = CommandRequest(
      name: (isDisruptive ? StandardCommand.reboot : .identify).capability.name,
      arguments: CommandWitness.arguments(orderCount, isDisruptive: isDisruptive),
      lifetime: scaled(.minutes(Int64([1, 5, 20, 90][random.below(4)]))))
    let (sent, ticket) = try life.plane.send(
      request, to: members[index].id, by: ServiceSimulation.person, in: life.room)
    let order = CommandWitness.Order(
      id: sent.command.id, device: members[index].id, number: orderCount,
      expiresAt: sent.command.expiresAt, isDisruptive: isDisruptive)
    commands.append(PendingCommand(ticket: ticket, effect: .sent(order)))
    stress(index)
  }

  /// Takes some command back that no device has answered.
  func recallCommand(_ life: ServiceLife) throws(Problem) {
    guard let order = commandPromises.recallable.last else { return }
    let (command, ticket) = try life.plane.cancelCommand(
      order.id, of: order.device, by: ServiceSimulation.person, in: life.room)
    commandPromises.recall(command.id)
    commands.append(PendingCommand(ticket: ticket, effect: .recalled(command.id)))
    if let index = members.firstIndex(where: { $0.id == order.device }) { stress(index) }
  }

  /// Tells all devices to do the same.
  func startJob(_ life: ServiceLife) throws(Problem) {
    orderCount += 1
    let identify = StandardCommand.identify.capability.name
    let request = JobRequest(
      name: identify, target: .everyone,
      command: CommandRequest(
        name: identify,
        arguments: CommandWitness.arguments(orderCount, isDisruptive: false),
        lifetime: scaled(.minutes(30))),
      limits: JobLimits(
        perMinute: random.within(1...3), concurrent: random.within(1...4), failureStop: nil),
      length: scaled(.minutes(Int64(random.within(20...90)))))
    _ = try life.plane.startJob(request, by: ServiceSimulation.person, in: life.room)
  }

  /// What a device of the native protocol should know by now and does not.
  func ignorance(of member: Member, _ life: ServiceLife) -> String? {
    guard let native = member.native,
      let twin = life.plane.overview(of: member.id, in: life.room)?.device.twin,
      native.knowledge.desired != twin.desired.version
    else { return nil }
    return "\(member.id) has version \(native.knowledge.desired) of its desired properties, "
      + "the service \(twin.desired.version)"
  }
}
