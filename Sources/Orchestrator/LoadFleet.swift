// LoadFleet: the store becomes memory, once, at the start.

public import FleetStore
import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Reads everything from the store, then lets it take writes.
  ///
  /// Leases whose deadline passed while the server was away get two poll intervals more: their
  /// devices had nobody to report to. Throws when a row cannot be read, or when a rollout refers to
  /// something that is not there, such as the time zone of its windows; a server that does not know
  /// its promises must not make new ones.
  ///
  /// `operation` tells who writes from then on.
  public func load(_ operation: Store.Operation = .threads) throws(Problem) {
    var visitor = FleetLoader(self, now: clock.now)
    do { try store.load(&visitor) } catch {
      throw Problem(.internalError, "the store could not be loaded: \(error)")
    }
    if let fault = visitor.fault { throw fault }
    visitor.finish()
    store.start(operation)
    for room in allRooms { discardUnfinished(in: room) }
  }
}

private struct FleetLoader: SnapshotVisitor {
  private let plane: ControlPlane
  private let now: Instant
  private var rooms: [Name: Room] = [:]
  private var reserved: UInt32?
  private(set) var fault: Problem?

  init(_ plane: ControlPlane, now: Instant) {
    self.plane = plane
    self.now = now
  }

  private mutating func fail(_ detail: String) {
    fault = fault ?? Problem(.internalError, "the store is not consistent: \(detail)")
  }

  private mutating func room(_ tenant: Name) -> Room? {
    if rooms[tenant] == nil { fail("a row of tenant \(tenant), which does not exist") }
    return rooms[tenant]
  }

  mutating func visit(actionCounter: UInt32) { reserved = actionCounter == 0 ? nil : actionCounter }

  mutating func visit(tenant: TenantRecord) {
    let room = Room(tenant: tenant.name)
    var settings = TenantSettings()
    do { try settings.apply(tenant.document) } catch {
      fail("tenant \(tenant.name): \(error.detail)")
    }
    room.apply(settings)
    rooms[tenant.name] = room
    _ = plane.insert(room) { true }
  }

  mutating func visit(apiToken: APITokenRecord) {
    plane.access.withLock { $0.tokens[apiToken.digest] = apiToken }
  }

  mutating func visit(artifact: Artifact, of tenant: Name) {
    room(tenant)?.ledger.withLock { $0.artifacts[artifact.id] = artifact }
  }

  mutating func visit(release: Release, of tenant: Name) {
    room(tenant)?.ledger.withLock { $0.releases[release.id] = release }
  }

  mutating func visit(device: Device, lastSeen: Instant?) {
    // Whether a device was asked for its attributes is not kept, so all that never spoke are. Nor
    // is when it reported its version: what it said may be older than its last installation, so it
    // proves nothing until it is said again.
    guard let room = room(device.key.tenant) else { return }
    room.fleet.put(
      device, lastSeen: lastSeen, wantsAttributes: device.twin.reported.isEmpty,
      versionReportedAt: nil)
    if device.enrolment != Enrolment() {
      room.ledger.withLock { $0.enrolment.index(nil, device) }
    }
  }

  mutating func visit(group: DeviceGroup, of tenant: Name) {
    room(tenant)?.ledger.withLock { $0.groups[group.name] = Ledger.Group(group: group) }
  }

  mutating func visit(member: DeviceID, of group: Name, tenant: Name) {
    room(tenant)?.ledger.withLock { _ = $0.groups[group]?.members.insert(member) }
  }

  mutating func visit(rollout: Rollout, of tenant: Name) {
    let id = rollout.specification.id
    let isComplete =
      room(tenant)?.ledger.withLock { ledger -> Bool in
        guard let release = ledger.releases[rollout.specification.release] else { return false }
        ledger.books[id] = RolloutBook(
          rollout: rollout, release: release,
          artifacts: release.artifacts.compactMap { ledger.artifacts[$0] })
        return true
      } ?? true
    if !isComplete { fail("rollout \(id) of \(tenant) refers to a release that does not exist") }
    guard rollout.status != .closed else { return }
    do throws(Problem) { try plane.timeZones.require(rollout.policy.windows, at: now) } catch {
      fault = fault ?? Problem(error.kind, "rollout \(id) of \(tenant): \(error.detail)")
    }
  }

  mutating func visit(safeguard: Safeguard, of tenant: Name) {
    room(tenant)?.ledger.withLock { $0.safeguards[safeguard.id] = safeguard }
  }

  mutating func visit(document: StoredDocument, of tenant: Name) {
    guard let room = room(tenant) else { return }
    let isRead: Bool
    switch document.kind {
    case .command, .job, .jobPart:
      isRead = room.ledger.withLock { $0.restore(document) }
    case .batch, .alert, .enrolment, .pending:
      isRead = true
      do throws(InvalidValue) {
        try room.ledger.withLock { ledger throws(InvalidValue) in
          try ledger.enrolment.restore(document)
        }
      } catch {
        fail(
          "\(document.kind.rawValue) \(document.id) of \(tenant): \(error.field) \(error.reason)")
      }
    }
    if !isRead { fail("\(document.kind.rawValue) \(document.id) of \(tenant) is not complete") }
  }

  mutating func visit(action: Action, of tenant: Name) {
    guard let room = room(tenant) else { return }
    let grace = now + Interval(milliseconds: 2 * room.settings.pollInterval.milliseconds)
    let isKnown =
      room.ledger.withLock { ledger -> Bool in
        guard let book = ledger.books[action.rollout] else { return false }
        // What a closed rollout did is history; it is read from the store when asked for.
        guard book.isLive else { return true }
        var action = action
        if case .leased(let phase, let deadline) = action.state {
          action.state = .leased(phase, deadline: max(deadline, grace))
          ledger.deadlines.insert(
            DeadlineQueue.Entry(
              deadline: max(deadline, grace), rollout: action.rollout, device: action.device))
        } else if let due = action.due(under: book.rollout.policy) {
          ledger.deadlines.insert(
            DeadlineQueue.Entry(deadline: due, rollout: action.rollout, device: action.device))
        }
        book.restore(action, now: now) {
          room.fleet.device(DeviceKey(tenant: tenant, device: action.device))?.device
        }
        // What it said since its last attempt is not kept, and may be more than its part tells.
        if action.isUnsettled { room.fleet.askForAttributes(action.device, true) }
        if action.isWatched, let silence = book.rollout.silence {
          ledger.silences.insert(
            DeadlineQueue.Entry(
              deadline: now + silence, rollout: action.rollout, device: action.device))
        }
        return true
      }
    if !isKnown {
      fail("an action of rollout \(action.rollout) of \(tenant), which does not exist")
    }
  }

  func finish() {
    for room in rooms.values {
      room.ledger.withLock { ledger in
        ledger.refreshLive()
        ledger.commands.finishLoading(of: room.tenant, now: now)
      }
      plane.reindex(room)
    }
    let reserved = reserved
    let randomness = plane.randomness
    plane.actionNumbers.withLock { $0.restore(reserved: reserved, randomness) }
  }
}

extension Action {
  /// Whether the device may run something else than its part tells: it was given an image, and did
  /// not come to a proof.
  fileprivate var isUnsettled: Bool {
    switch state {
    case .leased(let phase, _): phase == .verifying
    case .retrying, .ended(.cancelled), .ended(.failed), .ended(.lost), .ended(.undelivered),
      .ended(.returnFailed):
      true
    case .ended: false
    }
  }
}
