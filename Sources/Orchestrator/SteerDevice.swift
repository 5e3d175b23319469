// SteerDevice: a person distrusts a device, trusts it again, retires or replaces it.

import FleetStore
public import UpdateModel

extension ControlPlane {
  /// Gives a device recovery releases only, until it is released.
  public func quarantine(
    _ device: DeviceID, because reason: String, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try steer(
      device, .quarantine, "quarantined by \(label)\(ControlPlane.because(reason))", in: room)
  }

  /// Trusts a device again.
  public func release(
    _ device: DeviceID, because reason: String, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try steer(
      device, .release, "released from quarantine by \(label)\(ControlPlane.because(reason))",
      in: room)
  }

  /// Ends a device's life: it loses its credentials and its claim; its history stays.
  public func retire(
    _ device: DeviceID, because reason: String, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try steer(device, .retire, "retired by \(label)\(ControlPlane.because(reason))", in: room)
  }

  private static func because(_ reason: String) -> String { reason.isEmpty ? "" : ": \(reason)" }

  private func steer(
    _ id: DeviceID, _ event: Lifecycle.Event, _ sentence: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let before = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device
      else {
        throw Problem(.notFound, "there is no device \(id)")
      }
      guard let state = before.state.after(event) else {
        throw Problem(.conflict, "device \(id): \(before.state.refusal(of: event))")
      }
      var device = before
      if event == .retire { device.retire() }
      device.enrolment.state = state
      var draft = Draft(room, now: clock.now)
      if event == .retire {
        endCommands(of: id, because: "the device was retired", &ledger, &draft)
      }
      draft.add(changesKeeping(device, before: before, .lifecycle, sentence, in: room, &ledger))
      return commit(draft, &ledger)
    }
  }

  /// Gives the place of a device to another unit: its tags, what it should be, and its groups. The
  /// old device is retired, and its commands end.
  ///
  /// A new device that is not there yet becomes a place for one, with the returned claim code.
  public func replace(
    _ old: DeviceID, with new: DeviceID, expires: Instant, by label: String, in room: Room
  ) throws(Problem) -> (code: ClaimCode?, ticket: UInt64) {
    try requireStore()
    guard old != new else {
      throw Problem(.conflict, "a device does not take its own place; give the new unit another id")
    }
    let now = clock.now
    let code = try newClaimCode()
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let before = room.fleet.device(DeviceKey(tenant: room.tenant, device: old))?.device,
        before.state != .retired
      else { throw Problem(.notFound, "there is no device \(old) in service") }
      let known = room.fleet.device(DeviceKey(tenant: room.tenant, device: new))?.device
      guard known?.state != .retired else {
        throw Problem(.conflict, "device \(new) is retired; give the new unit another id")
      }
      var heir = try heir(of: before, as: new, known, at: now)
      var given: ClaimCode?
      if !heir.hasCredential(at: now), heir.enrolment.claim == nil {
        heir.enrolment.claim = DeviceClaim(digest: code.digest, expires: expires)
        given = code
      }
      // Handed over as one, so that no crash leaves a place without anybody in it.
      var draft = Draft(room, now: now)
      endCommands(of: old, because: "\(new) took the place of the device", &ledger, &draft)
      draft.add(moveGroups(from: old, to: new, in: room, &ledger))
      var retired = before
      retired.retire()
      retired.enrolment.replacedBy = new
      draft.add(
        changesKeeping(
          retired, before: before, .lifecycle, "retired by \(label): \(new) took its place",
          in: room, &ledger))
      draft.add(note(.lifecycle, "takes the place of \(old)", of: heir.key))
      draft.add(
        changesKeeping(
          heir, before: known, .lifecycle,
          "got the tags, desired properties and groups of \(old) from \(label)", in: room,
          &ledger))
      return (given, commit(draft, &ledger))
    }
  }

  private func heir(
    of old: Device, as id: DeviceID, _ known: Device?, at now: Instant
  ) throws(Problem) -> Device {
    var heir =
      known
      ?? Device(
        key: DeviceKey(tenant: old.key.tenant, device: id), hardware: old.hardware,
        tokenDigest: nil, twin: Twin(), createdAt: now, enrolment: Enrolment(state: .provisioned))
    do throws(InvalidValue) {
      try heir.twin.set(old.twin.tags.properties, of: .tags, at: now)
      try heir.twin.set(old.twin.desired.properties, of: .desired, at: now)
    } catch { throw Problem(error) }
    heir.enrolment.replaces = old.key.device
    return heir
  }

  private func moveGroups(
    from old: DeviceID, to new: DeviceID, in room: Room, _ ledger: inout Ledger
  ) -> [Change] {
    var changes: [Change] = []
    for name in ledger.groups.keys.sorted()
    where ledger.groups[name]?.members.contains(old) ?? false {
      ledger.groups[name]?.members.remove(old)
      ledger.groups[name]?.members.insert(new)
      changes.append(.groupMembers(room.tenant, name, add: [new], remove: [old]))
    }
    return changes
  }
}
