// KeepLog: a device uploads a log; people read and remove it.

import Dispatch
import ImagePipeline
public import UpdateModel

extension ControlPlane {
  /// Starts the upload of a log. Throws `storeUnavailable` and what the disk refuses.
  public func beginLog() throws(Problem) -> ArtifactUpload {
    try requireStore()
    return try shelf().begin()
  }

  /// Ends the upload of a log: durable, then noted with its command, then `completion` is called on
  /// a thread of its own with the ticket to wait for. A command that is not known is passed over.
  public func keepLog(
    _ upload: ArtifactUpload, as name: Name, command: CommandID?, of device: DeviceID,
    in room: Room, _ completion: @escaping @Sendable (Result<UInt64, Problem>) -> Void
  ) {
    upload.finish(expecting: nil) { result in
      do throws(Problem) {
        let image: UploadedImage
        do throws(Problem) { image = try result.get() } catch { throw ControlPlane.aboutLog(error) }
        let key = DeviceKey(tenant: room.tenant, device: device)
        guard room.fleet.contains(device) else {
          throw Problem(.notFound, "there is no device \(device)")
        }
        try self.shelf().keep(image, as: name, of: key, at: self.clock.now)
        var ticket: UInt64 = 0
        if let command {
          switch self.recordLog(name, for: command, of: device, in: room) {
          case .accepted(let noted): ticket = noted
          case .unknown: break
          case .storeUnavailable:
            // Sent again under its name it is the same log, and then its command learns of it.
            throw Problem(.storeUnavailable, "the store cannot take writes now; send the log again")
          }
        }
        completion(.success(ticket))
      } catch { completion(.failure(error)) }
    }
  }

  /// What went wrong with an upload, said of a log instead of an image.
  public static func aboutLog(_ problem: Problem) -> Problem {
    switch problem.kind {
    case .tooLarge:
      Problem(.tooLarge, "the log has more than \(LogShelf.logBytesMax) bytes; send it in parts")
    case .unprocessable: Problem(.unprocessable, "the log is empty")
    default: problem
    }
  }

  /// The logs of a device, the newest first.
  public func logs(of device: DeviceID, in room: Room) throws(Problem) -> [StoredLog] {
    guard room.fleet.contains(device) else {
      throw Problem(.notFound, "there is no device \(device)")
    }
    return try shelf().list(DeviceKey(tenant: room.tenant, device: device))
  }

  /// A log and where its bytes are.
  public func log(
    _ name: Name, of device: DeviceID, in room: Room
  ) throws(Problem) -> (log: StoredLog, path: String) {
    let key = DeviceKey(tenant: room.tenant, device: device)
    let shelf = try shelf()
    guard let log = shelf.list(key).first(where: { $0.name == name }),
      let path = shelf.path(name, of: key)
    else { throw Problem(.notFound, "device \(device) has no log \(name)") }
    return (log, path)
  }

  /// Removes a log. Touches the disk.
  public func removeLog(_ name: Name, of device: DeviceID, in room: Room) throws(Problem) {
    guard try shelf().remove(name, of: DeviceKey(tenant: room.tenant, device: device)) else {
      throw Problem(.notFound, "device \(device) has no log \(name)")
    }
  }

  /// Removes all logs of a device that is forgotten. Touches the disk.
  public func removeLogs(of device: DeviceID, in room: Room) throws(Problem) {
    try logs?.removeAll(of: DeviceKey(tenant: room.tenant, device: device))
  }

  /// Removes logs that are too old; to be called now and then.
  public func removeOldLogs() { logs?.removeOld(at: clock.now) }

  private func shelf() throws(Problem) -> LogShelf {
    guard let logs else { throw Problem(.unprocessable, "this server keeps no logs of devices") }
    return logs
  }
}
