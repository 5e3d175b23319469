// CommandResource: what a device can be told, what it was told, and what became of it.

import HTTPServer
import Orchestrator
import UpdateModel

/// `T/devices/{device}/capabilities` and `T/devices/{device}/commands`.
enum CommandResource {
  static let routes = [
    Route(.get, "T/devices/{device}/capabilities", .tenant(capabilities)),
    Route(.get, "T/devices/{device}/commands", query: Page.parameters, .tenant(list)),
    Route(.post, "T/devices/{device}/commands", .tenant(send)),
    Route(.get, "T/devices/{device}/commands/{id}", .tenant(show)),
    Route(.delete, "T/devices/{device}/commands/{id}", .tenant(cancel)),
  ]

  /// The fields of a command that is to be sent, also of one for many devices.
  static let fields = ["arguments", "expiresIn", "force"]

  private static func capabilities(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let list = try call.plane.capabilities(of: try call.device(), in: room)
    return Answer(
      .members([
        "advertised": .array(list.advertised.map(Documents.capability)),
        "standard": .array(list.standard.map(Documents.capability)),
        "ignored": .array(
          list.ignored.map { ["field": .string($0.field), "reason": .string($0.reason)] }),
      ]))
  }

  private static func list(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let page = try Page(call.query)
    let last = try page.number(UInt32.self)
    return Answer(
      page.cut(
        try call.plane.commands(of: try call.device(), in: room), key: { $0.id.description },
        isAfter: { $0.id.number < (last ?? .max) }, document: Documents.command))
  }

  private static func send(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    let request = try call.read(["name"] + fields) { reader -> CommandRequest? in
      guard let name = reader.name("name") else { return nil }
      return command(name, reader, lifetime: Command.usualLifetime)
    }
    let (sent, ticket) = try call.plane.send(
      request, to: try call.device(), by: call.caller.label, in: room)
    let document = Documents.command(sent.command).merging(
      ["notes": .array(sent.notes.map { .string($0) })])
    return Answer(document, status: 201, after: ticket)
  }

  /// Reads what goes with the name of a command; nil after a fault was noted.
  static func command(
    _ name: Name, _ reader: DocumentReader, lifetime: Interval
  ) -> CommandRequest? {
    let arguments = reader.read("arguments", default: .object([]), allowed: "an object") {
      $0.members == nil ? nil : $0
    }
    let lifetime = reader.interval("expiresIn", default: lifetime, in: Command.lifetimes)
    let force = reader.flag("force", default: false)
    guard let arguments, let lifetime, let force else { return nil }
    return CommandRequest(
      name: name, arguments: arguments, lifetime: lifetime, isForced: force)
  }

  private static func show(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    Answer(
      Documents.command(
        try call.plane.command(try id(call), of: try call.device(), in: room)))
  }

  private static func cancel(_ call: Call, _ room: Room) throws(Problem) -> Answer {
    try call.expectNoFields()
    let (command, ticket) = try call.plane.cancelCommand(
      try id(call), of: try call.device(), by: call.caller.label, in: room)
    return Answer(Documents.command(command), after: ticket)
  }

  private static func id(_ call: Call) throws(Problem) -> CommandID {
    guard let id = NativeGateway.commandID(call["id"]) else {
      throw Problem(.notFound, "there is no command \(call["id"].prefix(80)); give its number")
    }
    return id
  }
}

extension Documents {
  /// A capability as people see it.
  static func capability(_ capability: Capability) -> JSON {
    .members([
      "name": .string(capability.name.text), "title": capability.title.map { .string($0) },
      "disruptive": .bool(capability.isDisruptive), "arguments": capability.arguments?.document,
      "notChecked": capability.arguments.flatMap { schema in
        schema.unchecked.isEmpty ? nil : .array(schema.unchecked.map { .string($0) })
      },
    ])
  }

  /// A command as people see it.
  static func command(_ command: Command) -> JSON {
    var percent: Int?
    if case .running(let known) = command.state { percent = known }
    return .members([
      "id": .string("\(command.id)"), "device": .string(command.device.text),
      "name": .string(command.name.text), "arguments": command.arguments,
      "state": .string(command.state.word), "percent": percent.map { JSON($0) },
      "attempts": JSON(command.attempts), "result": command.result,
      "text": command.text.map { .string($0) }, "late": command.isLate ? true : nil,
      "disruptive": .bool(command.isDisruptive), "forced": command.isForced ? true : nil,
      "job": command.job.map { .string("\($0)") },
      "createdAt": time(command.createdAt), "createdBy": .string(command.createdBy),
      "expiresAt": time(command.expiresAt), "heardAt": command.heardAt.map(time),
      "endedAt": command.endedAt.map(time),
      "logs": command.logs.isEmpty ? nil : .array(command.logs.map { .string($0) }),
    ])
  }
}
