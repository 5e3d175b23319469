// LocalInstall: an update from a local file, without any server: for workshops and for tests.

internal import UpdateModel

/// Installs one signed image from a file; to be run again after each restart until it has ended.
///
/// Nobody is asked for leave and nothing is reported. A kill at any point is answered by running it
/// again with the same file.
public struct LocalInstall {
  /// How far it came.
  public enum Outcome: Equatable, Sendable {
    /// It ended.
    case ended(UpdateEnd)
    /// The device has to start again, then this.
    case rebootNeeded
    /// The agent has to start again, then this.
    case restartNeeded
  }

  private let updater: DeviceUpdater
  private let image: UpdateImage
  private let path: String

  /// Prepares the installation of `path`, which `manifest` describes and signs.
  public init(_ updater: DeviceUpdater, path: String, manifest: UpdateImage) {
    self.updater = updater
    self.path = path
    image = manifest
  }

  /// Goes as far as possible without a restart. `program` is the path of the running agent.
  public func run(program: String?) throws(AgentError) -> Outcome {
    var demands = try updater.start(program: program)
    if updater.state.phase == .idle { demands = try offer() }
    while true {
      guard updater.state.phase.update?.isLocal ?? true else {
        throw .malformed(subject: "an update of the server", reason: "is under way; let it end")
      }
      let asksForReboot = demands.contains {
        if case .reboot = $0 { true } else { false }
      }
      if asksForReboot { return .rebootNeeded }
      if demands.contains(.restartAgent) { return .restartNeeded }
      switch updater.state.phase {
      case .idle:
        guard let end = updater.state.latestEnd else {
          preconditionFailure("an update that was offered has ended")
        }
        return .ended(end)
      case .downloading(let update, let position):
        demands = try copy(update.images[position])
      case .verified(let update):
        demands = try updater.handle(.installAllowed(action: update.action))
      case .onTrial(_, _, .agent, _): demands = try updater.handle(.trialPassed)
      case .onTrial: demands = try updater.checkTrial(isServerReachable: { true })
      case .preparing, .writing, .written, .armed, .reverting:
        // The updater passes through these by itself; standing in one means that it cannot go on.
        throw .malformed(subject: "the update", reason: "stands in \(updater.state.phase.word)")
      }
    }
  }

  private func offer() throws(AgentError) -> [AgentDemand] {
    let update: Update?
    do throws(InvalidValue) {
      update = Update(
        action: try Name(Update.localAction), attempt: 1, kind: .update, release: image.name,
        version: image.version, images: [image])
    } catch {
      update = nil
    }
    guard let update else { preconditionFailure("the word for local updates is a name") }
    return try updater.offer(update)
  }

  /// Collects the file as a download is, so that all that follows is the same.
  private func copy(_ wanted: UpdateImage) throws(AgentError) -> [AgentDemand] {
    guard wanted == image else {
      throw .malformed(
        subject: "\(wanted.file)", reason: "is being installed; run it again with that file")
    }
    let part = try PartFile(wanted, in: updater.downloads)
    let file = try updater.disk.open(path, .read)
    while !part.isComplete {
      let left = wanted.size - part.offset
      let piece = try file.read(
        at: part.offset, count: Int(min(Int64(PartFile.pieceBytes), left)))
      guard !piece.isEmpty else {
        return try updater.handle(
          .downloadFailed(UpdateFailure(.download, "\(path) is shorter than its manifest says")))
      }
      try part.append(piece)
    }
    return try updater.finishDownload()
  }
}
