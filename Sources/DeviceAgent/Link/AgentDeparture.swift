// AgentDeparture: events for the disk side, and the end of the process that may follow from them.

import UpdateModel

/// How this process is to end.
enum Departure: Equatable {
  /// By itself: its service starts it again.
  case restartAgent
  /// With the device, which is asked at this time (of the agent's clock) after `asked` requests.
  case reboot(at: Interval, asked: Int)
}

extension Agent {
  /// Tells the disk side what happened, and notes what it asks for.
  func tell(_ event: AgentEvent) throws(LinkError) {
    perform(try Agent.device { () throws(AgentError) in try updater.handle(event) })
  }

  /// Notes what the disk side asks for. Downloads, reports and trials follow from its state.
  func perform(_ demands: [AgentDemand]) {
    for demand in demands {
      switch demand {
      case .download, .deliverReports, .checkTrial: break
      case .restartAgent: departure = .restartAgent
      case .reboot(let pause):
        // The same demand comes with every event until it is met; only a new one sets the time.
        let asked = updater.state.rebootsAsked
        if case .reboot(_, asked)? = departure { continue }
        departure = .reboot(at: clock.now() + pause, asked: asked)
      }
    }
  }

  /// Ends the process or asks for a restart of the device when that is due; nil when it is not, or
  /// when the device was asked and goes on for now.
  func leave() throws(LinkError) -> AgentStep? {
    try giveUpReboots()
    // A command is done to its end, which its time limit bounds.
    guard desk.running == nil else { return nil }
    let isUpdateDue: Bool
    switch departure {
    case nil: isUpdateDue = false
    case .restartAgent:
      try sayGoodbye()
      log.write("ends, to be started again in another version", [:])
      return .exit(.done)
    case .reboot(let due, _): isUpdateDue = due <= clock.now()
    }
    guard isUpdateDue || (!reboots.isEmpty && rebootPatienceEnds == nil) else { return nil }
    if isUpdateDue {
      try tell(.rebootAsked(hookFailure: rebootFailure))
      rebootFailure = nil
    }
    try sayGoodbye()
    log.write("the device starts again", [:])
    if configuration.rebootEndsAgent { return .exit(.rebooting) }
    rebootPatienceEnds = clock.now() + Agent.rebootPatience
    do throws(AgentError) {
      // The hook asks the system to go down; that ends this process when it is time.
      try updater.reboot()
    } catch {
      log.write("the reboot hook failed", ["reason": error.description])
      rebootFailure = error.description
      try failReboots(error.description)
    }
    return nil
  }

  /// When `leave` has something to do at the latest.
  var departureDue: Interval? {
    switch departure {
    case nil: rebootPatienceEnds
    case .restartAgent: .zero
    case .reboot(let due, _): due
    }
  }

  private func sayGoodbye() throws(LinkError) {
    if let session {
      // What the server does not get now, it gets after the start.
      do throws(LinkError) { try deliver(session) } catch {
        guard error.isOfServer else { throw error }
        trouble = error.description
      }
    }
    showStatus()
  }

  /// Answers commands to start again that nothing came of.
  private func giveUpReboots() throws(LinkError) {
    guard let end = rebootPatienceEnds, end <= clock.now() else { return }
    try failReboots("the reboot hook ended well and the device did not start again")
  }

  private func failReboots(_ reason: String) throws(LinkError) {
    for id in reboots { try desk.finish(id, CommandAnswer(.failed, text: reason)) }
    reboots = []
    rebootPatienceEnds = nil
  }

  // MARK: Without a server

  /// Installs a signed image from a file, as far as possible without a restart.
  ///
  /// - Parameters:
  ///   - path: the image.
  ///   - manifest: its manifest: an element of `images` in an offer.
  ///   - program: the path of the program that runs.
  /// - Returns: how far it came.
  /// - Throws: `LinkError` when it cannot begin or go on.
  public func install(
    _ path: String, manifest: String, program: String?
  ) throws(LinkError) -> LocalInstall.Outcome {
    guard let text = try StateDirectory.read(manifest, atMost: StateDirectory.documentBytesMax)
    else { throw .file(action: "read", path: manifest, reason: "there is no such file") }
    let document: JSON
    do throws(JSONError) { document = try JSON.parse(text) } catch {
      throw .damaged(path: manifest, reason: error.description)
    }
    let image: UpdateImage
    do throws(InvalidValue) { image = try UpdateImage(document: document) } catch {
      throw .damaged(path: manifest, reason: "\(error.field): \(error.reason)")
    }
    return try Agent.device { () throws(AgentError) in
      try LocalInstall(updater, path: path, manifest: image).run(program: program)
    }
  }

  /// Restarts the device, or leaves it to whoever started the program.
  public func reboot() throws(LinkError) -> AgentExit {
    if configuration.rebootEndsAgent { return .rebooting }
    try Agent.device { () throws(AgentError) in try updater.reboot() }
    return .done
  }
}
