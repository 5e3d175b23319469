// CommandDesk: takes commands of the server, does each once, one at a time and beside the agent's
// thread, and answers until the answer arrived.

import HTTPClient
import UpdateModel

/// The commands of one device.
struct CommandDesk {
  /// What a command asks of the agent as a whole.
  enum Request: Equatable {
    case reboot
    case safeMode(Bool)
  }

  /// Output of a program above this is no result but a log.
  private static let resultBytesMax = 32 << 10

  /// What became of a command.
  enum Step: Equatable {
    /// It was begun, ended or refused; the answer is noted.
    case taken
    /// It asks this of the agent.
    case asks(Request)
    /// It waits for another command or for an update.
    case waits
  }

  /// What the agent is about, as far as it matters for commands.
  struct Situation {
    var isSafeMode: Bool
    /// An update is between its installation and its end: nothing disruptive is begun.
    var isUpdating: Bool
    /// The device was commanded to start again: nothing is begun.
    var isLeaving: Bool
  }

  private(set) var memory: CommandMemory
  /// The command whose work goes on.
  private(set) var running: RunningCommand?
  private let boot: String

  /// Takes up what was left, and ends what a restart interrupted.
  init(_ state: StateDirectory, boot: String, rebootEndsAgent: Bool) throws(LinkError) {
    memory = try CommandMemory(state)
    self.boot = boot
    try memory.settle(boot: boot, rebootEndsAgent: rebootEndsAgent)
  }

  /// Sends every answer that the server does not have yet.
  mutating func deliver(through session: DeviceSession) throws(LinkError) {
    for entry in memory.entries where !entry.isDelivered {
      do throws(LinkError) {
        try session.send(
          "POST", session.path("commands", entry.id.text), document: entry.answer.document)
      } catch {
        // The server knows no such command (any more), or will never take this answer.
        guard case .refused(let status, _, _) = error,
          [400, 404, 409, 410, 413, 422].contains(status)
        else { throw error }
      }
      try memory.markDelivered(entry.id)
    }
  }

  /// Begins a command that was not begun yet and may be now, or answers it.
  mutating func take(
    _ command: DeviceCommand, _ configuration: AgentConfiguration, _ situation: Situation,
    through session: DeviceSession, _ surroundings: Surroundings
  ) throws(LinkError) -> Step {
    if memory[command.id] != nil {
      try memory.deliverAgain(command.id)
      return .taken
    }
    var plan = CommandDesk.plan(command, configuration, isSafeMode: situation.isSafeMode)
    if let expires = command.expires, expires <= surroundings.serverTime {
      plan = .reject("it came after it had expired")
    }
    guard !mustWait(plan, situation) else { return .waits }
    // On the disk first: whatever happens now, it is not begun a second time.
    if case .reject = plan {
    } else {
      try note(CommandAnswer(.running), command)
    }
    let (leash, ended) = (surroundings.interruption.leash, surroundings.interruption)
    switch plan {
    case .reject(let reason): try note(CommandAnswer(.rejected, text: reason), command)
    case .ask(let request): return .asks(request)
    case .run(let program, let isDisruptive):
      running = RunningCommand(
        command.id, program, isDisruptive: isDisruptive, leash: leash, at: surroundings.time
      ) { ended.wake() }
      if running == nil {
        let reason = "the system has no thread to give"
        try note(CommandAnswer(.failed, text: reason), command)
      }
    case .collect(let sources):
      let collection = LogCollection(sources, for: command.id, leash: leash) { ended.wake() }
      running = RunningCommand(collection, at: surroundings.time)
      try look(session, at: surroundings.time)
    }
    return .taken
  }

  /// Where a command is done.
  struct Surroundings {
    let interruption: Interruption
    /// The agent's own time.
    let time: Interval
    /// The server's time.
    let serverTime: Instant
  }

  private func mustWait(_ plan: Plan, _ situation: Situation) -> Bool {
    switch plan {
    case .reject, .ask(.safeMode): false
    case .ask(.reboot): running != nil
    case .run(_, let isDisruptive):
      running != nil || situation.isLeaving || (isDisruptive && situation.isUpdating)
    case .collect: running != nil || situation.isLeaving
    }
  }

  /// Notes how the work goes; true when it has ended.
  @discardableResult
  mutating func look(_ session: DeviceSession?, at now: Interval) throws(LinkError) -> Bool {
    guard let news = running?.news(session, at: now), let id = running?.id else { return false }
    if news.state.isFinal { running = nil }
    try finish(id, news)
    return news.state.isFinal
  }

  /// Ends a command that the agent as a whole did.
  mutating func finish(_ id: Name, _ answer: CommandAnswer) throws(LinkError) {
    guard let entry = memory[id] else { return }
    try memory.note(answer, of: id, named: entry.name, boot: boot)
  }

  private mutating func note(_ answer: CommandAnswer, _ command: DeviceCommand) throws(LinkError) {
    try memory.note(answer, of: command.id, named: command.name, boot: boot)
  }

  // MARK: What a command means

  /// What is done for a command.
  enum Plan: Equatable {
    case reject(String)
    case ask(Request)
    case run(CommandProgram, isDisruptive: Bool)
    case collect([AgentConfiguration.LogSource])
  }

  /// Finds out what a command means here.
  static func plan(
    _ command: DeviceCommand, _ configuration: AgentConfiguration, isSafeMode: Bool
  ) -> Plan {
    if isSafeMode, !SafeMode.commands.contains(command.name) {
      return .reject("in safe mode only these are done: \(SafeMode.commands.sorted())")
    }
    switch StandardCommand(rawValue: command.name) {
    case .reboot:
      let canReboot = configuration.rebootEndsAgent || configuration.setup.hooks.reboot != nil
      return canReboot ? .ask(.reboot) : .reject("no reboot hook is configured")
    case .safeMode:
      guard let isOn = command.arguments["on"].map(\.bool) ?? true else {
        return .reject("safe-mode takes {\"on\": true} or {\"on\": false}")
      }
      return .ask(.safeMode(isOn))
    case .factoryReset:
      return hook(configuration.factoryReset, "factoryReset", .factoryReset, command)
    case .identify:
      return hook(configuration.identify, "identify", .identify, command)
    case .collectLogs:
      return logs(command, configuration)
    case nil:
      // An action of the product is advertised as well, so it can be commanded.
      let actions = configuration.setup.hooks.actions
      if let action = actions.first(where: { $0.key.text == command.name }) {
        return .run(program(action.value, command), isDisruptive: true)
      }
      guard
        let capability = configuration.capabilities.first(where: {
          $0.name.text == command.name
        })
      else { return .reject("this device has no command \(command.name.prefix(64))") }
      return .run(program(capability.program, command), isDisruptive: capability.isDisruptive)
    }
  }

  private static func hook(
    _ call: ProgramCall?, _ name: String, _ kind: StandardCommand, _ command: DeviceCommand
  ) -> Plan {
    guard let call else { return .reject("no hook \(name) is configured") }
    return .run(program(call, command), isDisruptive: kind.isDisruptive)
  }

  private static func logs(_ command: DeviceCommand, _ configuration: AgentConfiguration) -> Plan {
    guard !configuration.logs.isEmpty else { return .reject("no logs are configured") }
    guard let wanted = command.arguments["names"], wanted != .null else {
      return .collect(configuration.logs)
    }
    var sources: [AgentConfiguration.LogSource] = []
    for value in wanted.array ?? [] {
      guard let source = configuration.logs.first(where: { $0.name.text == value.string }) else {
        let known = configuration.logs.map(\.name.text).joined(separator: ", ")
        return .reject("there is no log \(value.string?.prefix(64) ?? ""); known are: \(known)")
      }
      sources.append(source)
    }
    return sources.isEmpty ? .reject("names is no list of logs") : .collect(sources)
  }

  /// The program with the command's arguments: as `{name}` in its words, as GROUNDSWELL_ARG_NAME
  /// in its environment, and as JSON on its standard input. No shell reads any of them.
  static func program(_ call: ProgramCall, _ command: DeviceCommand) -> CommandProgram {
    var texts: [(name: String, text: String)] = []
    for member in command.arguments.members ?? [] {
      let text: String
      switch member.value {
      case .string(let value): text = value
      case .bool(let value): text = value ? "true" : "false"
      case .integer(let value): text = String(value)
      case .decimal(let literal): text = literal
      case .null: text = ""
      case .array, .object: text = String(decoding: member.value.text, as: UTF8.self)
      }
      // A zero byte would cut what the program sees.
      if !text.utf8.contains(0), !member.key.utf8.contains(0) { texts.append((member.key, text)) }
    }
    let words = call.words.map { word in
      guard word.hasPrefix("{"), word.hasSuffix("}") else { return word }
      let name = word.dropFirst().dropLast()
      return texts.first { $0.name == name }?.text ?? ""
    }
    let environment = texts.map { name, text in
      let letters = name.uppercased().unicodeScalars.map { scalar in
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9") ~= scalar)
          ? Character(scalar) : "_"
      }
      return "GROUNDSWELL_ARG_\(String(letters))=\(text)"
    }
    let more = ["GROUNDSWELL_COMMAND=\(command.name)", "GROUNDSWELL_COMMAND_ID=\(command.id)"]
    return CommandProgram(
      words: words, environment: environment + more, input: command.arguments.text + [0x0A],
      timeout: call.timeout)
  }

  /// What a program's end says about the command.
  static func answer(to ended: ProgramResult) -> CommandAnswer {
    let output = String(decoding: ended.output, as: UTF8.self)
    let isSmall = ended.output.count <= resultBytesMax
    // Output that is no JSON is text.
    let result = isSmall ? (try? JSON.parse(ended.output)) : nil
    let text = result == nil && !output.isEmpty ? output : nil
    if ended.isSuccess { return CommandAnswer(.done, result: result, text: text) }
    let tail = text.map { ": " + $0.suffix(800) } ?? ""
    return CommandAnswer(.failed, result: result, text: "the program \(ended.text)\(tail)")
  }
}
