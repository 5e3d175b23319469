// Views: what people may look at: copies of the state, taken under short locks.

import Crypto
import FleetStore
public import RolloutEngine
public import UpdateModel

/// A rollout with what it delivers and why it stands where it stands.
public struct RolloutView: Sendable {
  /// The rollout with its counters.
  public let rollout: Rollout
  /// What it delivers.
  public let release: Release
  /// What it waits for, in words.
  public let reason: String
  /// When it was looked at.
  public let at: Instant
  /// Devices that hold a lease, at most ten, those that changed last first.
  public let underWay: [Participation]
}

/// A device with what operators, the device itself and the rollouts say about it.
public struct DeviceOverview: Sendable {
  /// Registration, tags and attributes.
  public let device: Device
  /// When it was last heard; nil for never.
  public let lastSeen: Instant?
  /// The explicit and filter groups it is in, by name.
  public let groups: [Name]
  /// Its part in the rollout in which it holds a lease, or else in the first that counts it by
  /// priority and age; nil when it takes part in none.
  public let part: Participation?
}

/// One device's part in a rollout.
public struct Participation: Sendable {
  /// The action.
  public let action: Action
  /// Name of its stage.
  public let stage: String
  /// Percent of the present attempt, when the device says.
  public let percent: Int?
  /// Bytes of the present attempt, when the device says.
  public let bytes: Int64?
  /// The kind of its last failure in its own words, such as `hash`, when it says.
  public let errorClass: String?
  /// Its own result code, when it gave one.
  public let code: Int?
}

/// Something a device said.
public struct DeviceMoment: Sendable {
  /// When it was received.
  public let at: Instant
  /// One short word, such as `proceeding`.
  public let kind: String
  /// The device's own words.
  public let text: String
  /// The rollout it is about; nil when it is about none.
  public let rollout: RolloutID?
  /// The attempt it is about; nil when it is about none.
  public let action: ActionID?

  init(_ report: Report) {
    at = report.at
    kind = report.kind
    text = report.text
    rollout = report.rollout
    action = report.action
  }
}

/// A token as its owner may see it.
public struct OperatorToken: Sendable {
  /// Who uses it.
  public let label: String
  /// The tenant it is good for; nil for all.
  public let tenant: Name?
  /// Names the token without revealing it.
  public let fingerprint: String
  /// When it was issued.
  public let createdAt: Instant
}

/// What the first page shows.
public struct FleetSummary: Sendable {
  /// The tenant.
  public let tenant: Name
  /// Registered devices.
  public let devices: Int
  /// Devices heard within three poll intervals.
  public let heard: Int
  /// Devices by version, most first; nil for those that never reported one.
  public let versions: [(version: String?, count: Int)]
  /// The newest rollouts first.
  public let rollouts: [RolloutView]
  /// Alerts about devices that nobody looked at.
  public let alerts: Int
  /// Devices that wait for a person before they become known.
  public let waiting: Int
}

extension ControlPlane {
  /// The present time of the service.
  public var now: Instant { clock.now }

  /// Larger images are refused, in bytes.
  public var imageBytesMax: Int64 { images.imageBytesMax }

  /// The policies that rollouts can follow.
  public var policyShelf: PolicyShelf { policies }

  /// The public half of the signing key: its id, its 32 bytes in hexadecimal, its PEM text.
  public func signingKey() throws(Problem) -> (keyID: String, hex: String, pem: String) {
    let key = images.verifyingKey
    do { return (key.keyID, key.hex, try key.pem()) } catch {
      throw Problem(.internalError, "the public key cannot be written: \(error)")
    }
  }

  /// All tokens, oldest first.
  public var operatorTokens: [OperatorToken] {
    apiTokens.map {
      OperatorToken(
        label: $0.label, tenant: $0.tenant, fingerprint: $0.fingerprint, createdAt: $0.createdAt)
    }
  }

  /// One group; nil when there is none.
  public func group(_ name: Name, in room: Room) -> GroupView? {
    guard let known = room.ledger.withLock({ $0.groups[name] }) else { return nil }
    return GroupView(
      group: known.group, memberCount: memberCount(of: known.group, in: room) ?? known.members.count
    )
  }

  /// All artifacts, oldest first.
  public func artifacts(in room: Room) -> [Artifact] {
    room.ledger.withLock { Array($0.artifacts.values) }.sorted { $0.id < $1.id }
  }

  /// One artifact with the place of its bytes.
  public func artifact(_ id: ArtifactID, in room: Room) -> ServedImage? {
    room.ledger.withLock { $0.artifacts[id] }.map { file($0) }
  }

  /// All releases, oldest first, each with its artifacts.
  public func releases(in room: Room) -> [(release: Release, artifacts: [Artifact])] {
    room.ledger.withLock { ledger in
      ledger.releases.values.map { release in
        (release, release.artifacts.compactMap { ledger.artifacts[$0] })
      }
    }.sorted { $0.release.id < $1.release.id }
  }

  /// One release, by number or as `name:version`, with its artifacts.
  public func release(
    _ text: String, in room: Room
  ) throws(Problem) -> (release: Release, artifacts: [Artifact]) {
    try room.ledger.withLock { ledger throws(Problem) in
      let release = try ledger.resolve(release: text)
      return (release, release.artifacts.compactMap { ledger.artifacts[$0] })
    }
  }

  /// Rollouts, newest first, at most `limit`.
  public func rollouts(in room: Room, limit: Int = .max) -> [RolloutView] {
    let now = clock.now
    return room.ledger.withLock { ledger in
      ledger.books.keys.sorted(by: >).prefix(limit).compactMap { id in
        ledger.books[id].map { ControlPlane.view($0, now: now) }
      }
    }
  }

  /// One rollout, by number or name.
  public func rollout(_ text: String, in room: Room) throws(Problem) -> RolloutView {
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      ControlPlane.view(try ledger.resolve(rollout: text), now: now)
    }
  }

  static func view(_ book: RolloutBook, now: Instant) -> RolloutView {
    let rollout = book.rollout
    let reason: String =
      switch Gate.evaluate(rollout, now: now) {
      case .wait(let reason): reason.sentence(now: now)
      case .settle, .advance, .complete, .finishRollback, .end, .stop, .step, .widen, .quarantine,
        .hold:
        "about to move on"
      }
    let refusal = rollout.status == .draft ? book.startRefusal?.detail : nil
    return RolloutView(
      rollout: rollout, release: book.release,
      reason: refusal.map { "not started as scheduled: \($0)" } ?? reason, at: now,
      underWay: underWay(in: book))
  }

  // Of very many leases only some are looked at: a page shows ten, several times a second.
  private static func underWay(in book: RolloutBook) -> [Participation] {
    let actions = book.leases.prefix(1000).compactMap { book.actions[$0] }
    return actions.sorted { ($1.changedAt, $0.device) < ($0.changedAt, $1.device) }
      .prefix(10).map { part($0, book) }
  }

  /// What happened to a rollout, newest first, and the place where the next page starts.
  ///
  /// Reads the disk: not for event loops.
  public func moments(
    of id: RolloutID, in room: Room, before: Int64?, limit: Int
  ) throws(Problem) -> (moments: [(at: Instant, sentence: String)], next: Int64?) {
    do {
      let page = try store.history(of: id, tenant: room.tenant, before: before, limit: limit)
      return (page.entries.map { ($0.content.at, $0.content.sentence) }, page.next)
    } catch { throw Problem(.internalError, "the history cannot be read: \(error)") }
  }

  /// What a device said, newest first, and the place where the next page starts.
  ///
  /// Reads the disk: not for event loops.
  public func moments(
    of device: DeviceID, in room: Room, before: Int64?, limit: Int
  ) throws(Problem) -> (moments: [DeviceMoment], next: Int64?) {
    do {
      let page = try store.history(
        of: DeviceKey(tenant: room.tenant, device: device), before: before, limit: limit)
      return (page.entries.map { DeviceMoment($0.content) }, page.next)
    } catch { throw Problem(.internalError, "the history cannot be read: \(error)") }
  }

  /// What a device said that it runs, newest first.
  ///
  /// Reads the disk: not for event loops.
  public func runs(of device: DeviceID, in room: Room) throws(Problem) -> [DeviceRun] {
    do { return try store.runs(of: DeviceKey(tenant: room.tenant, device: device)) } catch {
      throw Problem(.internalError, "the history cannot be read: \(error)")
    }
  }

  /// The devices that take part in a rollout, by id after `cursor`, at most `limit`.
  ///
  /// Those of a closed rollout are read from the store.
  public func participants(
    of text: String, in room: Room, standing: Standing?, after cursor: String?, limit: Int
  ) throws(Problem) -> [(device: Device?, part: Participation)] {
    let found = try room.ledger.withLock {
      ledger throws(Problem) -> (rollout: Rollout, parts: [Participation]?) in
      let book = try ledger.resolve(rollout: text)
      guard book.isLive else { return (book.rollout, nil) }
      var page = IDPage<Action>(after: cursor, limit: limit)
      for (device, action) in book.actions
      where (standing == nil || action.standing == standing) && page.takes(device) {
        page.insert(action, device)
      }
      return (book.rollout, page.items.map { ControlPlane.part($0, book) })
    }
    let parts: [Participation]
    if let present = found.parts {
      parts = present
    } else {
      parts = try stored(of: found.rollout, in: room, standing, after: cursor ?? "", limit: limit)
    }
    return parts.map { part in
      (room.fleet.device(DeviceKey(tenant: room.tenant, device: part.action.device))?.device, part)
    }
  }

  private func stored(
    of rollout: Rollout, in room: Room, _ standing: Standing?, after cursor: String, limit: Int
  ) throws(Problem) -> [Participation] {
    var parts: [Participation] = []
    var cursor = cursor
    while parts.count < limit {
      let page: [Action]
      do {
        page = try store.actions(
          of: rollout.specification.id, tenant: room.tenant, after: cursor, limit: 1000)
      } catch { throw Problem(.internalError, "the history cannot be read: \(error)") }
      guard let last = page.last else { break }
      cursor = last.device.text
      parts += page.filter { standing == nil || $0.standing == standing }.map { action in
        Participation(
          action: action, stage: rollout.stages[action.stage].plan.name, percent: nil, bytes: nil,
          errorClass: nil, code: nil)
      }
    }
    return Array(parts.prefix(limit))
  }

  static func part(_ action: Action, _ book: RolloutBook) -> Participation {
    let spoken = book.spoken[action.device]
    return Participation(
      action: action, stage: book.rollout.stages[action.stage].plan.name,
      percent: action.isLeased ? spoken?.percent : nil,
      bytes: action.isLeased ? spoken?.bytes : nil, errorClass: spoken?.errorClass,
      code: spoken?.code)
  }

  /// One device; nil when there is none.
  public func overview(of id: DeviceID, in room: Room) -> DeviceOverview? {
    guard let (device, lastSeen) = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))
    else { return nil }
    return room.ledger.withLock { overview(device, lastSeen, $0) }
  }

  private func overview(_ device: Device, _ lastSeen: Instant, _ ledger: Ledger) -> DeviceOverview {
    return DeviceOverview(
      device: device, lastSeen: lastSeen == .epoch ? nil : lastSeen,
      groups: ledger.groups.values.filter { $0.contains(device) }.map(\.group.name).sorted(),
      part: ledger.parts(of: [device.key.device]).first ?? nil)
  }

  /// Devices by id after `cursor`, at most `limit`, that match a filter and are in a group.
  public func devices(
    in room: Room, matching filter: DeviceFilter?, group: Name?, after cursor: String?, limit: Int
  ) throws(Problem) -> [DeviceOverview] {
    let ledger = room.ledger.withLock { $0.selectionCopy() }
    let group = try group.map { name throws(Problem) in
      guard let group = ledger.groups[name] else {
        throw Problem(.notFound, "there is no group \(name)")
      }
      return group
    }
    var page = IDPage<(Device, Instant)>(after: cursor, limit: limit)
    room.fleet.forEach(in: room.tenant) { device, lastSeen in
      guard page.takes(device.key.device), filter?.matches(device) ?? true,
        group?.contains(device) ?? true
      else { return }
      page.insert((device, lastSeen), device.key.device)
    }
    let items = page.items
    return room.ledger.withLock { ledger in items.map { overview($0.0, $0.1, ledger) } }
  }

  /// What the first page shows.
  public func summary(of room: Room) -> FleetSummary {
    let interval = room.settings.pollInterval
    let since = clock.now + Interval(milliseconds: -3 * interval.milliseconds)
    let versions = room.fleet.versions.sorted {
      ($1.count, $0.version ?? "") < ($0.count, $1.version ?? "")
    }
    return FleetSummary(
      tenant: room.tenant, devices: room.fleet.count, heard: room.fleet.heard(since: since),
      versions: versions, rollouts: rollouts(in: room, limit: 20),
      alerts: alerts(in: room).count { $0.acknowledgedBy == nil },
      waiting: pendingEnrolments(in: room).count)
  }

  /// Devices of a tenant.
  public func deviceCount(in room: Room) -> Int { room.fleet.count }
}
