// AgentCommands: every command of the program.

import DeviceAgent
import Glibc
import UpdateModel

/// One thing that the program can do.
struct AgentCommand: Sendable {
  let name: String
  /// One sentence for people.
  let summary: String
  /// How many words may follow.
  var operands: ClosedRange<Int> = 0...0
  /// What help calls them.
  var operandName: String?
  var options: [AgentOption] = []
  /// Whole command lines to copy.
  let examples: [String]
  let run: @Sendable (AgentArguments) throws(AgentFailure) -> AgentExit

  /// Every command, in the order of help.
  static let all = [run, once, enrol, status, postpone, install, confirm, safeMode, check]

  private static let run = AgentCommand(
    name: "run", summary: "Poll the server and follow it, until SIGTERM.",
    examples: ["groundswell-agent run", "groundswell-agent run --config ./agent.json"],
    run: AgentService.run)

  private static let once = AgentCommand(
    name: "once", summary: "Poll once, do what can be done now, and end.",
    examples: ["groundswell-agent once || test $? = 3"]
  ) { (arguments) throws(AgentFailure) in
    try linked { () throws(LinkError) in try agentRun(arguments).once() }
  }

  private static let enrol = AgentCommand(
    name: "enrol", summary: "Make this device known to its server; 3 while approval is pending.",
    examples: ["groundswell-agent enrol"]
  ) { (arguments) throws(AgentFailure) in
    try linked { () throws(LinkError) in
      let (agent, lock) = try agentRun(arguments).open()
      defer {
        agent.rest()
        withExtendedLifetime(lock) {}
      }
      switch try agent.enrol() {
      case .active(let identity, _):
        AgentProgram.write("enrolled as \(identity.device)\n")
        return .done
      case .pending(let seconds):
        AgentProgram.write("waits for approval; ask again in \(seconds) s\n")
        return .nothing
      }
    }
  }

  private static let status = AgentCommand(
    name: "status", summary: "Show what the agent knows, also without the server.",
    options: [AgentOption(name: "json", placeholder: nil, meaning: "as JSON, for programs")],
    examples: ["groundswell-agent status", "groundswell-agent status --json"]
  ) { (arguments) throws(AgentFailure) in
    let state = try stateDirectory(arguments)
    let known = try linked { () throws(LinkError) in try state.document(StatusBoard.fileName) }
    guard let known else {
      AgentProgram.write("the agent has not run yet\n")
      return .nothing
    }
    if arguments.has("json") {
      AgentProgram.write(String(decoding: known.prettyText, as: UTF8.self))
      return .done
    }
    let lines = StatusText.lines(known)
    let width = (lines.map(\.name.count).max() ?? 0) + 2
    for line in lines {
      let gap = String(repeating: " ", count: width - line.name.count)
      AgentProgram.write("\(line.name)\(gap)\(line.value)\n")
    }
    return .done
  }

  private static let postpone = AgentCommand(
    name: "postpone", summary: "Let no update install for a while, unless it is forced.",
    options: [
      AgentOption(name: "for", placeholder: "TIME", meaning: "how long, such as 2h; at most 30d"),
      AgentOption(name: "reason", placeholder: "TEXT", meaning: "why, for the server's people"),
      AgentOption(name: "cancel", placeholder: nil, meaning: "take it back"),
    ],
    examples: [
      "groundswell-agent postpone --for 2h --reason \"a patient is connected\"",
      "groundswell-agent postpone --cancel",
    ]
  ) { (arguments) throws(AgentFailure) in
    let state = try stateDirectory(arguments)
    if arguments.has("cancel") {
      try linked { () throws(LinkError) in try Postponement.remove(from: state) }
    } else {
      guard let length = try arguments.interval("for") else {
        throw .usage("say for how long, such as --for 2h")
      }
      let now = Agent.wallTime()
      let postponement = Postponement(
        until: now + length, reason: arguments.value("reason") ?? "postponed on the device",
        at: now)
      try linked { () throws(LinkError) in try postponement.save(in: state) }
      AgentProgram.write("postponed until \(postponement.until)\n")
    }
    AgentLock.wakeOwner(state)
    return .done
  }

  private static let install = AgentCommand(
    name: "install",
    summary: "Install the update that waits for a person, or a signed image from a file.",
    operands: 0...1, operandName: "FILE",
    options: [
      AgentOption(
        name: "manifest", placeholder: "FILE",
        meaning: "the image's manifest, as in an offer (default FILE.json)")
    ],
    examples: [
      "groundswell-agent install",
      "groundswell-agent install ./app-2.0.bin --manifest ./app-2.0.json",
    ]
  ) { (arguments) throws(AgentFailure) in
    if let path = arguments.operands.first { return try installFile(path, arguments) }
    let state = try stateDirectory(arguments)
    let known = try linked { () throws(LinkError) in try state.document(StatusBoard.fileName) }
    let text =
      known?["update"]?["action"]?.string ?? known?["waiting"]?["action"]?.string ?? ""
    // An action that is no name is none.
    guard let action = try? Name(text) else {
      AgentProgram.write("no update waits\n")
      return .nothing
    }
    try linked { () throws(LinkError) in try Postponement.consent(to: action, in: state) }
    AgentLock.wakeOwner(state)
    AgentProgram.write("action \(action) may be installed\n")
    return .done
  }

  private static func installFile(
    _ path: String, _ arguments: AgentArguments
  ) throws(AgentFailure) -> AgentExit {
    try linked { () throws(LinkError) in
      let (agent, lock) = try agentRun(arguments).open(starts: false)
      defer {
        agent.rest()
        withExtendedLifetime(lock) {}
      }
      let manifest = arguments.value("manifest") ?? path + ".json"
      let outcome = try agent.install(path, manifest: manifest, program: AgentService.program)
      switch outcome {
      case .rebootNeeded:
        AgentProgram.write("installed on trial; start the device again, and then this\n")
        return try agent.reboot()
      case .restartNeeded:
        AgentProgram.write("installed; start the agent again\n")
        return .done
      case .ended(let end):
        AgentProgram.write(
          "\(end.phase.rawValue)" + (end.failure.map { ": \($0.text)" } ?? "") + "\n")
        return end.phase == .installed ? .done : .failed
      }
    }
  }

  private static let confirm = AgentCommand(
    name: "confirm", summary: "Vouch for the system on trial when the server cannot be reached.",
    examples: ["groundswell-agent confirm"]
  ) { (arguments) throws(AgentFailure) in
    try give(.confirm, arguments)
  }

  private static let safeMode = AgentCommand(
    name: "safe-mode", summary: "Begin or end safe mode: only the least is done.",
    operands: 1...1, operandName: "on|off",
    examples: ["groundswell-agent safe-mode on", "groundswell-agent safe-mode off"]
  ) { (arguments) throws(AgentFailure) in
    switch arguments.operands[0] {
    case "on": return try give(.safeMode(true), arguments)
    case "off": return try give(.safeMode(false), arguments)
    case let other: throw .usage("'\(other)' is neither on nor off")
    }
  }

  private static let check = AgentCommand(
    name: "check", summary: "Read the configuration, and say what is wrong with it.",
    examples: ["groundswell-agent check --config ./agent.json"]
  ) { (arguments) throws(AgentFailure) in
    try linked { () throws(LinkError) in try agentRun(arguments).check() }
    AgentProgram.write("\(arguments.config) can be used\n")
    return .done
  }

  // MARK: Shared steps

  /// Leaves an order, and takes it here when no agent is running.
  private static func give(
    _ order: LocalOrder, _ arguments: AgentArguments
  ) throws(AgentFailure) -> AgentExit {
    let state = try stateDirectory(arguments)
    return try linked { () throws(LinkError) in
      try order.save(in: state)
      guard let lock = try AgentLock(state) else {
        AgentLock.wakeOwner(state)
        return .done
      }
      // The agent takes the lock itself.
      withExtendedLifetime(lock) {}
      return .done
    }
  }

  static func agentRun(_ arguments: AgentArguments) throws(LinkError) -> AgentRun {
    AgentRun(
      path: arguments.config, stateDirectory: arguments.state, program: AgentService.program,
      interruption: try Interruption(), log: AgentLog(AgentProgram.logLine))
  }

  private static func stateDirectory(
    _ arguments: AgentArguments
  ) throws(AgentFailure) -> StateDirectory {
    try linked { () throws(LinkError) in
      let loaded = try agentRun(arguments).load()
      return try StateDirectory(loaded.configuration.setup.stateDirectory)
    }
  }

  /// Does something whose errors become the program's.
  @discardableResult
  static func linked<Value>(
    _ body: () throws(LinkError) -> Value
  ) throws(AgentFailure) -> Value {
    do throws(LinkError) { return try body() } catch { throw .failed(error.description) }
  }
}
