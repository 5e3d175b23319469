// RecordCommandResult: a device says what became of a command.

import FleetStore
public import UpdateModel

/// What became of a device's word about a command.
public enum CommandOutcome: Sendable {
  /// It was taken or was known before; answer when the ticket is durable.
  case accepted(ticket: UInt64)
  /// The device has no such command, or it is long over.
  case unknown
  /// The store cannot take it; the device should repeat it.
  case storeUnavailable
}

extension ControlPlane {
  /// Records what a device says about a command.
  public func recordCommand(
    _ report: CommandReport, id: CommandID, of device: DeviceID, in room: Room
  ) -> CommandOutcome {
    move(.reported(report), id, of: device, in: room)
  }

  /// Notes that a device has uploaded a log for a command.
  func recordLog(
    _ name: Name, for id: CommandID, of device: DeviceID, in room: Room
  ) -> CommandOutcome {
    move(.logged(name.text), id, of: device, in: room)
  }

  private func move(
    _ input: CommandInput, _ id: CommandID, of device: DeviceID, in room: Room
  ) -> CommandOutcome {
    guard isStoreHealthy else { return .storeUnavailable }
    let now = clock.now
    return room.ledger.withLock { ledger in
      guard let command = ledger.commands[id, of: device],
        // Only taking a command back can be refused.
        let next = try? CommandMachine.apply(input, to: command, at: now)
      else { return .unknown }
      guard next.reports != command.reports || next.logs != command.logs else {
        if next != command { ledger.commands.refresh(next) }
        return .accepted(ticket: ledger.lastTicket)
      }
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.put(next, of: room.tenant, now: now))
      // What was disruptive kept others back, and a job may have room now.
      if next.isEnded { room.fleet.wake(device) }
      return .accepted(ticket: commit(draft, &ledger))
    }
  }
}
