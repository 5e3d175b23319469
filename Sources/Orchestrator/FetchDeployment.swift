// FetchDeployment: a device fetches what it was offered: the instructions, then the images.

import FleetStore
import ImagePipeline
import RolloutEngine
public import UpdateModel

/// The instructions of an action.
public struct Deployment: Sendable {
  /// The action they belong to.
  public let action: ActionID
  /// The release, for its name and version.
  public let release: Release
  /// One image per component.
  public let artifacts: [Artifact]
  /// Answer when this is durable.
  public let ticket: UInt64
}

/// An image to be sent.
public struct ServedImage: Sendable {
  /// What it is.
  public let artifact: Artifact
  /// Where its bytes are.
  public let path: String
  /// Where its zstd form is; nil without one.
  public let compressedPath: String?
}

extension ControlPlane {
  /// The instructions of a device's leased action, or of one that it stands by with; nil when it
  /// has none of the two.
  ///
  /// The first fetch starts the download phase. A closed action is never changed by reading it, and
  /// one of a rollout that was stopped since the device polled is not handed out any more.
  public func deployment(
    _ id: ActionID, for device: DeviceID, in room: Room
  ) -> Deployment? {
    let now = clock.now
    return room.ledger.withLock { ledger -> Deployment? in
      guard
        let (book, action) = lease(id, of: device, &ledger)
          ?? standby(id, of: device, in: room, ledger), !book.isToStop(action),
        let release = ledger.releases[action.release]
      else { return nil }
      let artifacts = images(for: device, action, in: room, ledger)
      guard !artifacts.isEmpty else { return nil }
      var draft = Draft(room, now: now)
      if action.phase == .offered, isStoreHealthy,
        let next = try? ActionMachine.apply(  // a leased action takes this
          .taken, to: action, policy: book.rollout.policy,
          salt: book.rollout.specification.salt, now: now)
      {
        draft.record(next, in: book, &ledger)
      }
      return Deployment(
        action: id, release: release, artifacts: artifacts, ticket: commit(draft, &ledger))
    }
  }

  /// Whether a device is asked to stop this action.
  public func isCancelling(_ id: ActionID, for device: DeviceID, in room: Room) -> Bool {
    room.ledger.withLock { ledger in
      guard let (book, action) = lease(id, of: device, &ledger) else { return false }
      return action.phase != .offered && book.isToStop(action)
    }
  }

  /// An image of a device's leased action, by artifact number and file name; nil when the device
  /// may not have it.
  public func image(
    _ id: ArtifactID, named name: String, for device: DeviceID, in room: Room
  ) -> ServedImage? {
    let artifact = room.ledger.withLock { ledger -> Artifact? in
      for rollout in ledger.live {
        guard let action = ledger.books[rollout]?.actions[device], action.isLeased else { continue }
        let images = images(for: device, action, in: room, ledger)
        if let image = images.first(where: { $0.id == id && $0.fileName.text == name }) {
          return image
        }
      }
      return nil
    }
    return artifact.map { file($0) }
  }

  /// A question for as long as bytes go to a device: whether it still has the access that it has
  /// now. Credentials that are revoked, quarantine and retirement end it.
  public func access(of device: DeviceID, in room: Room) -> @Sendable () -> Bool {
    let mark = room.fleet.accessMark(of: device)
    return { mark != nil && room.fleet.accessMark(of: device) == mark }
  }

  /// Notes that all bytes of an image were served to a device.
  public func served(_ id: ArtifactID, to device: DeviceID, in room: Room) {
    guard isStoreHealthy else { return }
    let now = clock.now
    room.ledger.withLock { ledger in
      // A device that can wait says itself what it has, and may not be allowed to install it; so
      // this only tells that it took its offer up.
      let input: ActionInput = room.fleet.isPatient(device) ? .taken : .downloaded
      for rollout in ledger.live {
        guard let book = ledger.books[rollout], let action = book.actions[device],
          action.isLeased, images(for: device, action, in: room, ledger).last?.id == id,
          let next = try? ActionMachine.apply(  // a leased action takes this
            input, to: action, policy: book.rollout.policy,
            salt: book.rollout.specification.salt, now: now), next != action
        else { continue }
        var draft = Draft(room, now: now)
        draft.record(next, in: book, &ledger)
        _ = commit(draft, &ledger)
        return
      }
    }
  }

  func file(_ artifact: Artifact) -> ServedImage {
    ServedImage(
      artifact: artifact, path: images.path(artifact.sha256),
      compressedPath: artifact.compressed.map { images.path($0.sha256) })
  }

  private func lease(
    _ id: ActionID, of device: DeviceID, _ ledger: inout Ledger
  ) -> (RolloutBook, Action)? {
    guard let (book, action) = ledger.book(of: device, action: id), action.id == id,
      action.isLeased,
      action.phase != .verifying
    else { return nil }
    // An offer that was not taken up is taken back: at once by a stop, for its time by a pause.
    let isWithdrawn =
      book.rollout.status == .paused
      || (book.rollout.status.isStopped && action.kind == .update)
    if isWithdrawn, action.phase == .offered { return nil }
    return (book, action)
  }

  // What a device that can wait is shown without a lease.
  private func standby(
    _ id: ActionID, of device: DeviceID, in room: Room, _ ledger: Ledger
  ) -> (RolloutBook, Action)? {
    guard room.fleet.isPatient(device),
      let (book, action) = ledger.book(of: device, action: id), action.id == id,
      case .retrying = action.state, action.standby != nil, book.rollout.status.grantsUpdates
    else { return nil }
    return (book, action)
  }

  private func images(
    for device: DeviceID, _ action: Action, in room: Room, _ ledger: Ledger
  ) -> [Artifact] {
    let view = room.fleet.view(device)
    if view?.isQuarantined ?? false, !ledger.isRecovery(action.rollout) { return [] }
    // A model in the table is a name.
    guard let text = view?.hardware, let hardware = try? Name(text) else {
      return []
    }
    return ledger.artifacts(of: action.release, for: hardware)
  }
}
