// PublishRelease: artifacts become a release; a release becomes public or is withdrawn.

import FleetStore
import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Creates a release in status draft.
  public func createRelease(
    named name: Name, version: FirmwareVersion, notes: String, artifacts ids: [ArtifactID],
    floors: ReleaseFloors = ReleaseFloors(), terms: Release.Terms = .usual, in room: Room
  ) throws(Problem) -> (release: Release, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    guard notes.utf8.count <= 16_384 else {
      throw Problem(.invalidRequest, "notes: at most 16384 bytes are kept")
    }
    return try room.ledger.withLock { ledger throws(Problem) in
      try check(ids, ledger)
      if let twin = ledger.releases.values.first(where: { $0.name == name && $0.version == version }
      ) {
        throw Problem(.conflict, "release \(name):\(version) exists, as number \(twin.id)")
      }
      let id = ReleaseID((ledger.releases.keys.max()?.number ?? 0) + 1)
      let (floor, rollbackFloor) = try ledger.resolve(floors, of: id, named: name, version)
      let release = Release(
        id: id, name: name, version: version, notes: notes, artifacts: ids, status: .draft,
        createdAt: now, floor: floor, rollbackFloor: rollbackFloor, terms: terms)
      ledger.releases[release.id] = release
      ledger.lastTicket = store.enqueue(.release(room.tenant, release))
      return (release, ledger.lastTicket)
    }
  }

  private func check(_ ids: [ArtifactID], _ ledger: Ledger) throws(Problem) {
    guard (1...50).contains(ids.count) else {
      throw Problem(.invalidRequest, "artifacts: give 1 to 50 artifact numbers")
    }
    var taken: [String: ArtifactID] = [:]
    for id in ids {
      guard let artifact = ledger.artifacts[id] else {
        throw Problem(.unprocessable, "artifacts: there is no artifact \(id)")
      }
      for hardware in artifact.hardware {
        let place = "component \(artifact.component) of \(hardware)"
        if let other = taken[place] {
          throw Problem(
            .unprocessable, "artifacts: \(other) and \(id) are both for \(place); give one of them")
        }
        taken[place] = id
      }
    }
  }

  /// Publishes a draft, or withdraws a release.
  ///
  /// A release that is being rolled out can be withdrawn too: its rollouts stop as their policies
  /// say, effective for the next grant.
  public func setStatus(
    _ status: Release.Status, ofRelease text: String, by person: String, in room: Room
  ) throws(Problem) -> (release: Release, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      var release = try ledger.resolve(release: text)
      let allowed: Bool =
        switch (release.status, status) {
        case (.draft, .published), (.published, .revoked), (.draft, .revoked): true
        default: release.status == status
        }
      guard allowed else {
        throw Problem(
          .conflict,
          "release \(release.name):\(release.version) is \(release.status.rawValue) and cannot "
            + "become \(status.rawValue)")
      }
      release.status = status
      ledger.releases[release.id] = release
      var draft = Draft(room, now: now)
      draft.add(.release(room.tenant, release))
      if status == .revoked { stopRollouts(of: release.id, by: person, &ledger, &draft) }
      return (release, commit(draft, &ledger))
    }
  }

  private func stopRollouts(
    of release: ReleaseID, by person: String, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    // In the order of their numbers, so that histories of equal events are equal.
    for id in ledger.books.keys.sorted() {
      guard let book = ledger.books[id], book.rollout.specification.release == release else {
        continue
      }
      let status = book.rollout.status
      guard status.grantsUpdates || status == .paused || status == .ended else { continue }
      let event = RolloutEvent.stopped(
        .person("\(person), who revoked the release"),
        rollback: book.rollout.policy.onAbort == .rollback)
      book.evolve(event, now: draft.now)
      draft.happened([event], in: book)
    }
    ledger.refreshLive()
  }
}
