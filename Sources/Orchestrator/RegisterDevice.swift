// RegisterDevice: devices become known: one by one, in bulk, or at first contact.

import Crypto
import FleetStore
import RolloutEngine
public import UpdateModel

/// What is needed to register a device.
public struct Registration: Sendable {
  /// The id it will use.
  public let device: DeviceID
  /// Hardware model, when known.
  public let hardware: Name?
  /// Operator's tags.
  public let tags: [String: String]
  /// A token chosen outside; nil to have one made.
  public let token: String?
  /// Groups the device joins.
  public let groups: [Name]

  /// Joins the parts and checks tags and token.
  public init(
    device: DeviceID, hardware: Name?, tags: [String: String], token: String?, groups: [Name] = []
  ) throws(InvalidValue) {
    try DeviceLimits.check(count: tags.count)
    for (key, value) in tags { try DeviceLimits.check(key: key, value: value) }
    if let token {
      let printable = token.utf8.allSatisfy { (0x21...0x7E).contains($0) }
      guard (16...128).contains(token.utf8.count), printable else {
        throw InvalidValue(
          field: "token", reason: "a token has 16 to 128 printable ASCII characters without space")
      }
    }
    self.device = device
    self.hardware = hardware
    self.tags = tags
    self.token = token
    self.groups = groups
  }
}

extension ControlPlane {
  /// Devices in one bulk registration, at most.
  public static let bulkMax = 100_000
  /// Devices of a tenant beyond which strangers are no longer registered at first contact.
  static let firstContactMax = 5_000_000

  /// Registers devices, all or none; returns the tokens in the same order and the ticket.
  public func register(
    _ registrations: [Registration], in room: Room
  ) throws(Problem) -> (tokens: [String], ticket: UInt64) {
    try requireStore()
    let now = clock.now
    let tokens = try tokens(for: registrations)
    try refuseTwins(registrations)
    // All that takes long is done before the ledger is locked: 100,000 devices may come at once.
    let devices = zip(registrations, tokens).map { registration, token in
      Device(
        key: DeviceKey(tenant: room.tenant, device: registration.device),
        hardware: registration.hardware,
        tokenDigest: Digest(bytes: SHA256.value(of: token).bytes),
        tags: registration.tags, attributes: [:], createdAt: now)
    }
    let entries = devices.map(Fleet.Entry.init)
    let registered = devices.map { Change.device($0) }
    let ticket = try room.ledger.withLock { ledger throws(Problem) -> UInt64 in
      try refuseKnown(registrations, in: room)
      try refuseFilterGroups(registrations, ledger)
      var changes = registered
      for (registration, entry) in zip(registrations, entries) {
        room.fleet.put(entry, lastSeen: nil, wantsAttributes: true, versionReportedAt: nil)
        for group in registration.groups {
          changes += join(registration.device, group, room, &ledger)
        }
      }
      room.noteChange()
      ledger.lastTicket = store.enqueue(changes)
      return ledger.lastTicket
    }
    return (tokens, ticket)
  }

  private func tokens(for registrations: [Registration]) throws(Problem) -> [String] {
    var tokens: [String] = []
    tokens.reserveCapacity(registrations.count)
    for registration in registrations {
      if let token = registration.token {
        tokens.append(token)
      } else {
        tokens.append(try newToken())
      }
    }
    return tokens
  }

  func newToken() throws(Problem) -> String {
    // 256 bits, as text that needs no escaping.
    do { return Base64.url.encode(try randomness.bytes(32)) } catch {
      throw Problem(.internalError, "no randomness for a token: \(error)")
    }
  }

  private func refuseTwins(_ registrations: [Registration]) throws(Problem) {
    var seen: Set<DeviceID> = []
    seen.reserveCapacity(registrations.count)
    for (position, registration) in registrations.enumerated() {
      guard seen.insert(registration.device).inserted else {
        throw ControlPlane.exists(registration.device, at: position)
      }
    }
  }

  private func refuseKnown(_ registrations: [Registration], in room: Room) throws(Problem) {
    for (position, registration) in registrations.enumerated()
    where room.fleet.contains(registration.device) {
      throw ControlPlane.exists(registration.device, at: position)
    }
  }

  private static func exists(_ id: DeviceID, at position: Int) -> Problem {
    Problem(
      .conflict, "device \(id) is registered already; nothing was registered",
      faults: [Problem.Fault(line: position + 1, field: "id", reason: "\(id) exists")])
  }

  private func refuseFilterGroups(
    _ registrations: [Registration], _ ledger: Ledger
  ) throws(Problem) {
    for name in Set(registrations.flatMap(\.groups)) {
      guard let known = ledger.groups[name], known.group.membership != .explicit else { continue }
      throw Problem(
        .conflict,
        "group \(name) has a filter; its members follow from it; nothing was registered")
    }
  }

  func join(
    _ device: DeviceID, _ name: Name, _ room: Room, _ ledger: inout Ledger
  ) -> [Change] {
    var changes: [Change] = []
    var group =
      ledger.groups[name]
      ?? Ledger.Group(group: DeviceGroup(name: name, membership: .explicit))
    if ledger.groups[name] == nil { changes.append(.group(room.tenant, group.group)) }
    // The dictionary's copy is emptied first, so that the set grows in place.
    ledger.groups[name] = nil
    group.members.insert(device)
    ledger.groups[name] = group
    changes.append(.groupMembers(room.tenant, name, add: [device], remove: []))
    return changes
  }

  /// Registers a device that nobody knows, when its tenant allows that.
  ///
  /// The token it came with becomes its token: from then on nobody else can speak for it.
  func registerOnContact(
    _ room: Room, _ id: UnsafeRawBufferPointer, token: SHA256.Value?, now: Instant
  ) -> Bool {
    guard room.settings.registerOnFirstContact, isStoreHealthy, let token,
      room.fleet.count < ControlPlane.firstContactMax,
      let device = try? DeviceID(String(decoding: id, as: UTF8.self))  // a bad id is refused
    else { return false }
    return room.ledger.withLock { ledger in
      guard room.fleet.view(device) == nil else { return false }
      let fresh = Device(
        key: DeviceKey(tenant: room.tenant, device: device), hardware: nil,
        tokenDigest: Digest(bytes: token.bytes), tags: [:], attributes: [:], createdAt: now)
      room.fleet.put(fresh, lastSeen: now, wantsAttributes: true, versionReportedAt: nil)
      ledger.lastTicket = store.enqueue(.device(fresh))
      room.noteChange()
      return true
    }
  }

  /// Gives a device a new token; the old one stops working at once.
  public func renewToken(
    of device: DeviceID, in room: Room
  ) throws(Problem) -> (token: String, ticket: UInt64) {
    let token = try newToken()
    let ticket = try change(device, in: room) { (known) throws(Problem) in
      guard let state = known.state.after(.enrol) else {
        throw Problem(.conflict, "device \(device): \(known.state.refusal(of: .enrol))")
      }
      known.enrolment.state = state
      known.tokenDigest = Digest(bytes: SHA256.value(of: token).bytes)
    }
    return (token, ticket)
  }

  /// Changes what operators say about a device; a nil value removes a tag.
  public func edit(
    _ device: DeviceID, in room: Room, hardware: Name?, tags: [(key: String, value: String?)]
  ) throws(Problem) -> UInt64 {
    let now = clock.now
    let patch = JSON.object(
      tags.map { JSON.Member($0.key, $0.value.map { .string($0) } ?? .null) })
    return try change(device, in: room) { (known) throws(Problem) in
      if let hardware { known.hardware = hardware }
      do throws(InvalidValue) {
        for (key, value) in tags { try DeviceLimits.check(key: key, value: value ?? "") }
        try known.twin.merge(patch, into: .tags, at: now)
        try DeviceLimits.check(count: known.twin.tags.properties.members?.count ?? 0)
      } catch { throw Problem(error) }
    }
  }

  func change(
    _ device: DeviceID, in room: Room, _ body: (inout Device) throws(Problem) -> Void
  ) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) -> UInt64 in
      guard var (known, _) = room.fleet.device(DeviceKey(tenant: room.tenant, device: device))
      else {
        throw Problem(.notFound, "there is no device \(device)")
      }
      let wants = room.fleet.view(device)?.wantsAttributes ?? false
      let before = known
      try body(&known)
      if known.enrolment != before.enrolment { ledger.enrolment.index(before, known) }
      room.fleet.put(known, lastSeen: nil, wantsAttributes: wants, versionReportedAt: nil)
      room.noteChange()
      ledger.lastTicket = store.enqueue(.device(known))
      return ledger.lastTicket
    }
  }

  /// Forgets a device. One that takes part in a rollout under way is refused.
  public func remove(_ device: DeviceID, in room: Room) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) -> UInt64 in
      let busy = ledger.live.contains { ledger.books[$0]?.actions[device]?.isLeased ?? false }
      guard !busy else {
        throw Problem(
          .conflict, "device \(device) is being updated; wait or abort the rollout first")
      }
      let key = DeviceKey(tenant: room.tenant, device: device)
      guard let known = room.fleet.device(key)?.device, room.fleet.remove(device) else {
        throw Problem(.notFound, "there is no device \(device)")
      }
      ledger.enrolment.index(known, nil)
      for name in ledger.groups.keys { ledger.groups[name]?.members.remove(device) }
      var draft = Draft(room, now: now)
      endCommands(of: device, because: "the device was removed", &ledger, &draft)
      draft.add(.deleteDevice(DeviceKey(tenant: room.tenant, device: device)))
      return commit(draft, &ledger)
    }
  }
}
