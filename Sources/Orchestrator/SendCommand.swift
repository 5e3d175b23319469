// SendCommand: a person tells a device to do something.

import FleetStore
import RolloutEngine
public import UpdateModel

/// What a device is to be told.
public struct CommandRequest: Sendable {
  /// What is to be done.
  public let name: Name
  /// With what.
  public let arguments: JSON
  /// For how long it may wait for the device.
  public let lifetime: Interval
  /// Whether it is sent although the device does not know it, or while it installs.
  public let isForced: Bool

  /// Joins the parts.
  public init(
    name: Name, arguments: JSON = .object([]), lifetime: Interval = Command.usualLifetime,
    isForced: Bool = false
  ) {
    self.name = name
    self.arguments = arguments
    self.lifetime = lifetime
    self.isForced = isForced
  }
}

/// A command that was sent off.
public struct SentCommand: Sendable {
  /// The command.
  public let command: Command
  /// What its sender should know, in sentences.
  public let notes: [String]
}

extension ControlPlane {
  /// Queues a command for a device, which gets it at its next poll.
  ///
  /// Throws `unprocessable` for a command that the device does not know, `invalidRequest` with the
  /// path of each argument that is wrong, `conflict` for a disruptive command while the device
  /// installs, `limitReached` when too many wait.
  public func send(
    _ request: CommandRequest, to device: DeviceID, by person: String, in room: Room
  ) throws(Problem) -> (sent: SentCommand, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let key = DeviceKey(tenant: room.tenant, device: device)
      guard let (known, _) = room.fleet.device(key) else {
        throw Problem(.notFound, "there is no device \(device)")
      }
      guard known.state != .retired else {
        throw Problem(.conflict, "device \(device) is retired; nobody can speak for it any more")
      }
      let capability = try ControlPlane.capability(request, of: known)
      let isDisruptive = capability?.isDisruptive ?? false
      if isDisruptive, !request.isForced, ledger.isInstalling(device) {
        throw Problem(
          .conflict,
          "device \(device) is installing an update, and \(request.name) would interrupt it; wait, "
            + "or force it")
      }
      let open = ledger.commands.open(of: device).count
      guard open < CommandLimits.openPerDevice else {
        throw Problem(
          .limitReached,
          "\(open) commands of device \(device) are not over; cancel some of them first")
      }
      guard ledger.commands.openCount < CommandQueue.openMax else {
        throw Problem(
          .limitReached,
          "\(CommandQueue.openMax) commands of the tenant are not over; wait until some are")
      }
      let command = Command(
        id: ledger.commands.nextID(), device: device, name: request.name,
        arguments: request.arguments, createdAt: now, createdBy: person,
        expiresAt: now + request.lifetime, isDisruptive: isDisruptive, isForced: request.isForced)
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.put(command, of: room.tenant, now: now))
      room.fleet.wake(device)
      var notes = ControlPlane.notes(capability, room.fleet.wasBriefed(device), known)
      if known.state == .quarantined, StandardCommand(rawValue: request.name.text) == nil {
        notes.append(
          "the device is in quarantine and gets standard commands only; it gets this one once it "
            + "is released")
      }
      return (SentCommand(command: command, notes: notes), commit(draft, &ledger))
    }
  }

  // What is known of the command; nil for a forced one of which nothing is.
  private static func capability(
    _ request: CommandRequest, of device: Device
  ) throws(Problem) -> Capability? {
    do throws(InvalidValue) { try CommandArguments.check(request.arguments) } catch {
      throw Problem(error)
    }
    let list = CapabilityList(reported: device.twin.reported.properties["capabilities"])
    guard let capability = list[request.name] else {
      if request.isForced { return nil }
      let known = (list.advertised + list.standard).map(\.name.text).joined(separator: ", ")
      throw Problem(
        .unprocessable,
        "device \(device.key.device) does not say that it can \(request.name); it knows: \(known); "
          + "force the command if it knows more than it says")
    }
    let faults = capability.arguments?.faults(of: request.arguments) ?? []
    guard faults.isEmpty else { throw Problem(arguments: faults) }
    return capability
  }

  private static func notes(
    _ capability: Capability?, _ wasBriefed: Bool, _ device: Device
  ) -> [String] {
    var notes: [String] = []
    if !wasBriefed, device.twin.reported.properties["capabilities"] == nil {
      notes.append(
        "this device has not been heard by the native protocol (/device/v1) since the server "
          + "started; DDI has no commands, so the command waits until the device calls there, or "
          + "expires")
    }
    if capability == nil {
      notes.append("the device does not say that it knows this command; nothing was checked")
    } else if capability?.arguments == nil {
      notes.append("the device does not say which arguments the command takes; none were checked")
    }
    if let unchecked = capability?.arguments?.unchecked, !unchecked.isEmpty {
      notes.append(
        "not checked, because the server does not know these rules: "
          + unchecked.prefix(8).joined(separator: ", "))
    }
    return notes
  }
}

extension Problem {
  /// Arguments that are not what the device takes.
  init(arguments faults: [Fault]) {
    let first = faults.first.map { "\($0.field): \($0.reason)" } ?? "the arguments are wrong"
    let more = faults.count > 1 ? "; \(faults.count - 1) more in errors" : ""
    self.init(.invalidRequest, first + more, faults: faults)
  }
}

extension Ledger {
  /// Whether a device is at the part of an update that must not be interrupted.
  func isInstalling(_ device: DeviceID) -> Bool {
    guard let phase = lease(of: device).flatMap({ books[$0]?.actions[device]?.phase }) else {
      return false
    }
    return phase == .installing || phase == .verifying
  }
}

extension Draft {
  /// Adds changes in order.
  mutating func add(_ changes: [Change]) { for change in changes { add(change) } }
}
