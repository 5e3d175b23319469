// SimulationOrders: what people order for single devices, whatever rollouts do: their twins.

import FleetSimulator
import Orchestrator
import UpdateModel

extension Move {
  /// Draws an order for a device.
  static func drawnOrder(_ random: inout SeededRandom) -> Move {
    let moves: [Move] = [.desire, .desire, .label]
    return moves[random.below(moves.count)]
  }
}

extension ServiceSimulation {
  /// Writes a number that nobody wrote before into a part of the twin of some device.
  func change(_ part: Twin.Part, _ life: ServiceLife) throws(Problem) {
    let device = members[random.below(members.count)].id
    orderCount += 1
    let number = orderCount
    let (section, ticket) = try life.plane.changeTwin(
      of: device, part, by: .members([TwinWitness.property: JSON(number)]), in: life.room)
    let mark = TwinWitness.Mark(version: section.version, number: number)
    commands.append(PendingCommand(ticket: ticket, effect: .changed(device, part, mark)))
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
