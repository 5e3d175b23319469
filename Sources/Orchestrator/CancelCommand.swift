// CancelCommand: a person takes a command back before the device has taken it.

import FleetStore
public import UpdateModel

extension ControlPlane {
  /// Takes a command back. Throws `notFound`, and `conflict` when the device has taken it or it is
  /// over.
  public func cancelCommand(
    _ id: CommandID, of device: DeviceID, by person: String, in room: Room
  ) throws(Problem) -> (command: Command, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let command = ledger.commands[id, of: device] else {
        throw Problem(.notFound, "device \(device) has no command \(id)")
      }
      let next: Command
      do throws(CommandRefusal) {
        next = try CommandMachine.apply(.cancelled(by: person), to: command, at: now)
      } catch {
        switch error {
        case .underWay:
          throw Problem(
            .conflict, "the device has taken command \(id) already; it cannot be taken back")
        case .ended(let ending):
          throw Problem(.conflict, "command \(id) is \(ending.rawValue) already")
        }
      }
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.put(next, of: room.tenant, now: now))
      return (next, commit(draft, &ledger))
    }
  }

  /// Ends the commands of a device that will not call again; to be called with the ledger's lock
  /// held.
  func endCommands(
    of device: DeviceID, because reason: String, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    for command in ledger.commands.open(of: device) {
      let ended = CommandMachine.abandon(
        command, because: reason, at: draft.now)
      draft.add(ledger.commands.put(ended, of: draft.room.tenant, now: draft.now))
    }
  }
}
