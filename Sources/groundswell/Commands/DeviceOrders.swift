// DeviceOrders: `groundswell device command|commands|capabilities|logs`: telling a device what to
// do, and hearing what became of it.

import UpdateModel

/// Commands about what devices are told to do.
enum DeviceOrders {
  /// In the order that help lists them.
  static let all = [command, commands, capabilities, logs]

  private static let device = Operand("DEVICE", "id of the device")

  // MARK: Send

  private static let command = Command(
    words: ["device", "command"],
    summary: "Tells a device to do something; it gets the command at its next poll. With --wait, "
      + "shows how it goes until it is over; exit code 1 unless it is done.",
    operands: [device, Operand("NAME", "the command, as in device capabilities")],
    options: [
      .value("arg", "NAME=VALUE", "an argument; what is no JSON is a text", repeats: true),
      .value("json-args", "JSON", "all arguments as an object"),
      .value("expires", "TIME", "give it up when the device has not taken it", default: "7d"),
      .flag("force", "send it even while the device installs, or does not know it"),
      .flag("wait", "wait until it is over"),
      .value("timeout", "TIME", "with --wait: stop waiting after this time"),
    ],
    isRemote: true,
    examples: [
      "groundswell device command gw-0001 reboot --wait",
      "groundswell device command gw-0001 set-led --arg colour=green --arg seconds=30",
      "groundswell device command gw-0001 collect-logs --json-args '{\"names\": [\"boot\"]}'",
    ],
    run: { (arguments) throws(Failure) in try send(arguments, try Session(arguments)) })

  private static func send(
    _ arguments: Arguments, _ session: Session
  ) throws(Failure) -> ExitCode {
    let timeout = try arguments.interval("timeout")
    let sent = try session.post(
      session.target("devices", arguments[0], "commands"),
      .members([
        "name": .string(arguments[1]), "arguments": try self.arguments(arguments),
        "expiresIn": try arguments.interval("expires").map { .string($0.description) },
        "force": arguments.has("force") ? true : nil,
      ]))
    for note in sent.items("notes").compactMap(\.string) {
      Terminal.note("note: \(Table.printable(note))\n")
    }
    guard arguments.has("wait") else {
      session.show(sent) { sent in
        "command \(sent.shown("id")) waits for \(sent.shown("device")); see it with: groundswell "
          + "device commands \(Table.printable(arguments[0])) \(sent.shown("id"))\n"
      }
      return .success
    }
    return try OrderWait.wait(for: sent, timeout: timeout, session)
  }

  /// The arguments that the options of a command line amount to.
  static func arguments(_ arguments: Arguments) throws(Failure) -> JSON {
    var object = JSON.object([])
    if let text = arguments.value("json-args") {
      do throws(JSONError) { object = try JSON.parse(Array(text.utf8)) } catch {
        throw arguments.refuse("option --json-args: \(error)")
      }
      guard object.members != nil else {
        throw arguments.refuse("option --json-args: found \(object.kind), give an object")
      }
    }
    for (name, text) in try arguments.pairs("arg") {
      // What is no JSON is meant as a text.
      let value = (try? JSON.parse(Array(text.utf8))) ?? .string(text)
      let others = (object.members ?? []).filter { $0.key != name }
      object = .object(others + [JSON.Member(name, value)])
    }
    return object
  }

  // MARK: Look

  private static let commands = Command.remote(
    "device commands",
    "Lists what a device was told to do, newest first; with a number, shows one command, or takes "
      + "it back.",
    operands: [device, Operand("ID", "number of a command", .optional)],
    options: [
      .value("limit", "N", "show at most so many", default: "20"),
      .flag("cancel", "take the command back; possible until the device has taken it"),
    ],
    examples: [
      "groundswell device commands gw-0001", "groundswell device commands gw-0001 12",
      "groundswell device commands gw-0001 12 --cancel",
    ]
  ) { (arguments, session) throws(Failure) in
    guard arguments.operands.count > 1 else {
      guard !arguments.has("cancel") else { throw arguments.refuse("--cancel needs an ID") }
      let limit = try arguments.integer("limit", default: 20, in: 1...1_000_000)
      let listing = try session.list(
        session.target("devices", arguments[0], "commands"), limit: limit)
      session.show(listing, empty: "\(Table.printable(arguments[0])) was told nothing") {
        Table(">id", "command", "state", "sent", "by", "what came of it", rows: $0) { command in
          [
            command.shown("id"), command.shown("name"), OrderWait.state(command),
            command.ago("createdAt", now: session.now), command.shown("createdBy"),
            command.shown("text"),
          ]
        }
      }
      return
    }
    let target = session.target("devices", arguments[0], "commands", arguments[1])
    let answer = try session.client.document(arguments.has("cancel") ? "DELETE" : "GET", target)
    session.show(answer) { OrderWait.facts($0, now: session.now) }
  }

  private static let capabilities = Command.remote(
    "device capabilities", "Lists what a device can be told to do, and with which arguments.",
    operands: [device],
    examples: [
      "groundswell device capabilities gw-0001",
      "groundswell device capabilities gw-0001 --json",
    ]
  ) { (arguments, session) throws(Failure) in
    let answer = try session.get(session.target("devices", arguments[0], "capabilities"))
    session.show(answer) { answer in
      let rows =
        answer.items("advertised").map { ($0, "the device says so") }
        + answer.items("standard").map { ($0, "standard") }
      let table = Table("command", "arguments", "disruptive", "known from", "title", rows: rows) {
        [
          $0.0.shown("name"), names(in: $0.0["arguments"]), $0.0.shown("disruptive"), $0.1,
          $0.0.shown("title"),
        ]
      }
      let ignored = answer.items("ignored").map {
        "ignored: \(Table.printable($0.shown("field"))): \(Table.printable($0.shown("reason")))\n"
      }
      return table.text + ignored.joined()
    }
  }

  // The names of the arguments, the required ones with a star.
  private static func names(in schema: JSON?) -> String {
    guard let schema else { return "any" }
    let required = schema.items("required").compactMap(\.string)
    let names = (schema["properties"]?.members ?? []).map {
      required.contains($0.key) ? "\($0.key)*" : $0.key
    }
    return names.isEmpty ? "-" : names.joined(separator: ", ")
  }

  // MARK: Logs

  private static let logs = Command.remote(
    "device logs",
    "Lists the logs that a device uploaded, newest first; with a name, fetches one.",
    operands: [device, Operand("NAME", "name of a log", .optional)],
    options: [
      .value("output", "FILE", "where to put it; - is standard output", default: "its name, here"),
      .flag("remove", "remove the log from the server instead"),
    ],
    examples: [
      "groundswell device logs gw-0001",
      "groundswell device logs gw-0001 system.log --output -",
    ]
  ) { (arguments, session) throws(Failure) in
    guard arguments.operands.count > 1 else {
      let listing = try session.list(session.target("devices", arguments[0], "logs"))
      session.show(listing, empty: "\(Table.printable(arguments[0])) has uploaded no logs") {
        Table("name", ">size", "uploaded", rows: $0) { log in
          [
            log.shown("name"), Wording.size(log.count("size")), log.ago("at", now: session.now),
          ]
        }
      }
      return
    }
    let target = session.target("devices", arguments[0], "logs", arguments[1])
    if arguments.has("remove") {
      let answer = try session.client.document("DELETE", target)
      session.show(answer) { _ in "log \(Table.printable(arguments[1])) removed\n" }
    } else {
      try fetch(target, arguments.value("output") ?? LocalFile.name(of: arguments[1]), session)
    }
  }

  private static func fetch(
    _ target: APITarget, _ path: String, _ session: Session
  ) throws(Failure) {
    if path == "-" {
      var text: [UInt8] = []
      try session.client.download(target) { piece in
        text += piece
        return true
      }
      return Terminal.write(bytes: text)
    }
    guard path != "..", path != "." else { throw .failed("'\(path)' is no file name") }
    let file = try LocalFile.Creation(path, isPrivate: false)
    var trouble: Failure?
    var size = 0
    do throws(Failure) {
      try session.client.download(target) { piece in
        do throws(Failure) { try file.append(piece) } catch {
          trouble = error
          return false
        }
        size += piece.count
        return true
      }
      if let trouble { throw trouble }
      try file.sync()
    } catch {
      file.remove()
      throw error
    }
    session.show(["file": .string(path), "size": JSON(size)]) { _ in
      "\(path): \(Wording.size(size))\n"
    }
  }
}
