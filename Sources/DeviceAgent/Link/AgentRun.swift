// AgentRun: the life of an agent process: configuration, last good copy, one turn after the other.

import Glibc
import UpdateModel

/// The configuration as it is in force, and what is wrong with the one in the file.
public struct LoadedConfiguration: Sendable {
  private static let lastGoodName = "agent-last-good.json"

  /// What is in force.
  public let configuration: AgentConfiguration
  /// Why it is not what the file says; nil when it is.
  public let fault: String?
  /// The bytes of the file, to notice a change.
  let text: [UInt8]?

  /// Reads the file. One that cannot be used is answered with the last one that could.
  ///
  /// - Parameters:
  ///   - path: the configuration file.
  ///   - directory: the state directory; it is only needed when the file cannot tell it.
  /// - Throws: `LinkError` when there is no usable copy either.
  public init(_ path: String, stateDirectory directory: String) throws(LinkError) {
    var text: [UInt8]?
    let found: AgentConfiguration
    var fault: String?
    do throws(LinkError) {
      text = try StateDirectory.read(path, atMost: AgentConfiguration.bytesMax)
      guard let text else {
        throw .file(action: "read", path: path, reason: "there is no such file")
      }
      found = try AgentDocument.read(text, path: path)
    } catch {
      let copy = directory + "/" + LoadedConfiguration.lastGoodName
      guard let last = try StateDirectory.read(copy, atMost: AgentConfiguration.bytesMax) else {
        throw error
      }
      found = try AgentDocument.read(last, path: copy)
      fault = error.description
    }
    configuration = found
    self.fault = fault
    self.text = text
    if fault == nil, let text { try keep(text) }
  }

  private func keep(_ text: [UInt8]) throws(LinkError) {
    let state = try StateDirectory(configuration.setup.stateDirectory)
    let name = LoadedConfiguration.lastGoodName
    let kept = try state.read(name, atMost: AgentConfiguration.bytesMax)
    if kept != text { try state.write(text, to: name) }
  }
}

/// Runs an agent until it ends.
public struct AgentRun: Sendable {
  /// The configuration file.
  public let path: String
  /// The state directory for the case that the file cannot be read.
  public let stateDirectory: String
  /// The path of the program that runs.
  public let program: String?
  /// What a signal ends or wakes.
  public let interruption: Interruption
  let log: AgentLog

  /// Names the files.
  public init(
    path: String, stateDirectory: String, program: String?, interruption: Interruption,
    log: AgentLog
  ) {
    self.path = path
    self.stateDirectory = stateDirectory
    self.program = program
    self.interruption = interruption
    self.log = log
  }

  /// Polls until the process is to end.
  ///
  /// - Parameter started: is given the board once, for a status page.
  /// - Returns: how the process is to end.
  /// - Throws: `LinkError` when the device itself is in trouble: the service starts it again.
  public func run(
    started: (AgentConfiguration, StatusBoard) throws(LinkError) -> Void
  ) throws(LinkError) -> AgentExit {
    var loaded = try load()
    let state = try StateDirectory(loaded.configuration.setup.stateDirectory)
    guard let lock = try AgentLock(state) else { throw AgentRun.taken(state) }
    let board = StatusBoard(state)
    var agent = try make(loaded, board)
    try started(loaded.configuration, board)
    var end: AgentExit?
    while end == nil, !interruption.isStopping {
      switch try agent.cycle(mayWait: true) {
      case .exit(let code): end = code
      case .sleep: end = try rest(agent)
      }
      // Only the bytes are compared here, so an unchanged file costs next to nothing.
      let text = try? StateDirectory.read(path, atMost: AgentConfiguration.bytesMax)
      // A command is done to its end by the agent that began it.
      if end == nil, !agent.isDoingCommand, (text ?? nil) != loaded.text {
        // A watchdog can be opened once, so the next process takes up the new configuration.
        if loaded.configuration.setup.health.watchdog != nil { return .done }
        loaded = try load()
        agent = try make(loaded, board)
      }
    }
    withExtendedLifetime(lock) {}
    return end ?? .done
  }

  /// Sleeps until the next poll, or until somebody wants one, and does what comes due meanwhile.
  private func rest(_ agent: Agent) throws(LinkError) -> AgentExit? {
    while !interruption.isStopping, !agent.isPollDue {
      let length = agent.untilAttention.milliseconds
      let isWoken = interruption.whileIdle { interruption.sleep(milliseconds: length) }
      if let end = try agent.attend(isWoken: isWoken) { return end }
    }
    return nil
  }

  /// Polls once and does what can be done now.
  ///
  /// - Returns: `.nothing` when the server had nothing new and nothing was under way.
  public func once() throws(LinkError) -> AgentExit {
    let (agent, lock) = try open()
    defer { withExtendedLifetime(lock) {} }
    switch try agent.cycle(mayWait: false) {
    case .exit(let code): return code
    case .sleep:
      try agent.finishCommands()
      if let end = try agent.attend(isWoken: false) { return end }
      if agent.troubleNow != nil { return .failed }
      return agent.isIdle ? .nothing : .done
    }
  }

  /// Opens the agent for one deed, when no other process has it.
  ///
  /// - Parameter starts: whether it looks around and goes on with what was under way.
  /// - Returns: the agent, and the lock to be held while it is used.
  /// - Throws: `LinkError` when another process has it, or there is no configuration.
  public func open(
    starts: Bool = true
  ) throws(LinkError) -> (agent: Agent, lock: AgentLock) {
    let loaded = try load()
    let state = try StateDirectory(loaded.configuration.setup.stateDirectory)
    guard let lock = try AgentLock(state) else { throw AgentRun.taken(state) }
    return (try make(loaded, StatusBoard(state), starts: starts), lock)
  }

  /// The configuration in force.
  public func load() throws(LinkError) -> LoadedConfiguration {
    let loaded = try LoadedConfiguration(path, stateDirectory: stateDirectory)
    if let fault = loaded.fault {
      log.write(
        "the configuration cannot be used; safe mode with the last good one",
        [
          "reason": fault
        ])
    }
    return loaded
  }

  private static func taken(_ state: StateDirectory) -> LinkError {
    .file(action: "lock", path: state.path, reason: "an agent is running already")
  }

  private func make(
    _ loaded: LoadedConfiguration, _ board: StatusBoard, starts: Bool = true
  ) throws(LinkError) -> Agent {
    let agent = try Agent(
      loaded.configuration, configurationFault: loaded.fault, board: board, disk: POSIXDisk(),
      programs: SpawnedPrograms(), interruption: interruption, log: log)
    if starts { try agent.start(program: program) }
    return agent
  }
}

extension Agent {
  /// What went wrong with the server in the last cycle; nil when nothing did.
  public var troubleNow: String? { trouble }

  /// Whether no update is under way and nothing waits to be told.
  public var isIdle: Bool { updater.state.phase == .idle && updater.state.outbox.isEmpty }
}
