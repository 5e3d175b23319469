// AgentDeparture: events for the disk side, and the end of the process that may follow from them.

import UpdateModel

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
      case .reboot, .restartAgent: departure = demand
      }
    }
  }

  /// Ends the process or restarts the device when that is due; nil when it is not.
  func leave() throws(LinkError) -> AgentStep? {
    if departure == nil, reboots.isEmpty { return nil }
    if let session {
      // What the server does not get now, it gets after the start.
      do throws(LinkError) { try deliver(session) } catch {
        guard error.isOfServer else { throw error }
        trouble = error.description
      }
    }
    showStatus()
    if departure == .restartAgent {
      log.write("ends, to be started again in another version", [:])
      return .exit(.done)
    }
    log.write("the device starts again", [:])
    if configuration.rebootEndsAgent { return .exit(.rebooting) }
    do throws(AgentError) {
      try updater.reboot()
    } catch {
      for id in reboots {
        try desk.finish(id, CommandAnswer(.failed, text: error.description))
      }
      reboots = []
      guard departure == nil else { throw .device(error) }
      return nil
    }
    // The hook asked the system to go down; it ends this process when it is time.
    interruption.sleep(milliseconds: Interval.minutes(5).milliseconds)
    throw .program("the reboot hook", reason: "the device was not started again")
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
