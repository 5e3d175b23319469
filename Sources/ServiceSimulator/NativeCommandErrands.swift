// NativeCommandErrands: what a simulated device does with the commands that it is told.

import FleetSimulator
import UpdateModel

/// What a device remembers of commands, also without power.
struct CommandMemory {
  /// How it ended each that it was ever told.
  var endings: [CommandID: CommandReport.Word] = [:]
  /// Those whose end the server has not confirmed.
  var unconfirmed: [CommandID] = []
}

extension ServiceSimulation {
  /// A device reads what it is told to do, does what it has not done, and says so.
  func obey(_ commands: [CommandWitness.Shown], _ index: Int) {
    guard members[index].device.state != .silent, var memory = members[index].native?.commands
    else { return }
    for command in commands where memory.endings[command.id] == nil {
      let words: [CommandReport.Word] = [.done, .done, .done, .failed, .rejected]
      let word = words[random.below(words.count)]
      memory.endings[command.id] = word
      memory.unconfirmed.append(command.id)
      if word != .rejected,
        let fault = self.commandPromises.runs(command.number, on: members[index].id)
      {
        witness.violate(fault)
      }
      if random.below(3) == 0 {
        members[index].errands.append(.command(command.id, .accepted))
      }
    }
    // A command that is shown again was not heard of; nor may what else is not confirmed.
    let shown = commands.map(\.id).filter { !memory.unconfirmed.contains($0) }
    for id in memory.unconfirmed + shown {
      guard let word = memory.endings[id] else { continue }
      members[index].errands.append(.command(id, word))
    }
    members[index].native?.commands = memory
  }

  /// The answer to a word about a command has reached the device.
  func confirm(_ id: CommandID, _ word: CommandReport.Word, _ answer: DeviceAnswer?, _ index: Int) {
    // A command that the server does not know is forgotten.
    guard let status = answer?.status, word.isFinal, status == 200 || status == 404 else { return }
    members[index].native?.commands.unconfirmed.removeAll { $0 == id }
  }
}
