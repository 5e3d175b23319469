// InstallFile: an update from a local file with the configuration and the keys of the agent.

import Crypto
import UpdateModel

extension AgentRun {
  /// Bytes of the longest manifest that is read.
  private static let manifestBytesMax = 64 << 10

  /// Installs a signed image from a file, as far as it goes without a restart.
  ///
  /// - Parameters:
  ///   - file: the image.
  ///   - manifest: a JSON file with the members of an image in an offer.
  /// - Returns: how far it came.
  /// - Throws: `LinkError` when the files cannot be read or the device refuses.
  public func install(
    file: String, manifest: String
  ) throws(LinkError) -> LocalInstall.Outcome {
    let configuration = try load().configuration
    let state = try StateDirectory(configuration.setup.stateDirectory)
    guard let lock = try AgentLock(state) else {
      throw .file(action: "lock", path: state.path, reason: "an agent is running already")
    }
    defer { withExtendedLifetime(lock) {} }
    let image = try AgentRun.image(manifest)
    let setup = Agent.setup(configuration, try DeviceIdentity.load(from: state))
    let clock = DeviceClock.system
    let program = program
    return try Agent.device { () throws(AgentError) in
      let updater = try DeviceUpdater(
        setup, disk: POSIXDisk(), programs: SpawnedPrograms(clock: clock), clock: clock)
      return try LocalInstall(updater, path: file, manifest: image).run(program: program)
    }
  }

  private static func image(_ path: String) throws(LinkError) -> UpdateImage {
    guard let text = try StateDirectory.read(path, atMost: manifestBytesMax) else {
      throw .file(action: "read", path: path, reason: "there is no such file")
    }
    do {
      return try UpdateImage(document: try JSON.parse(text))
    } catch let error as InvalidValue {
      throw .damaged(path: path, reason: "\(error.field) \(error.reason)")
    } catch let error as JSONError {
      throw .damaged(path: path, reason: error.description)
    } catch {
      throw .damaged(path: path, reason: "\(error)")
    }
  }
}
