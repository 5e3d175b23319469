// UpdateAttributes: a device describes itself.

import FleetStore
public import UpdateModel

/// How sent attributes meet the present ones.
public enum AttributeMode: String, Sendable, CaseIterable {
  /// Sent values replace those of the same key; null removes.
  case merge
  /// Sent values are all there is.
  case replace
  /// The sent keys are removed.
  case remove
}

extension ControlPlane {
  /// Takes over what a device says about itself; returns the ticket to wait for.
  ///
  /// Throws `invalidRequest` for keys and values out of bounds and `limitReached` for too many.
  public func updateAttributes(
    of device: DeviceID, in room: Room, mode: AttributeMode, values: [(key: String, value: String?)]
  ) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    let key = DeviceKey(tenant: room.tenant, device: device)
    for (name, value) in values {
      do { try DeviceLimits.check(key: name, value: value ?? "") } catch { throw Problem(error) }
    }
    return try room.ledger.withLock { ledger throws(Problem) -> UInt64 in
      guard var (known, _) = room.fleet.device(key) else {
        throw Problem(.notFound, "there is no device \(device)")
      }
      let before = known
      ControlPlane.apply(mode, values, to: &known.attributes)
      guard known.attributes.count <= DeviceLimits.attributeCount else {
        throw Problem(
          .limitReached,
          "\(known.attributes.count) attributes are too many: at most "
            + "\(DeviceLimits.attributeCount) are kept per device")
      }
      // What an operator registered stands; a device may only name its model when nobody did.
      if known.hardware == nil, let text = ReportedAttribute.hardware.value(in: known.attributes) {
        known.hardware = try? Name(text)  // a model that is no name fits no artifact
      }
      // What it ran binds it for good, so it is noted before it can go on to something else.
      known.ran = ledger.guardians(ranBy: before, known).map(\.id)
      let spoke = values.contains { ControlPlane.tellsWhatRuns($0.key) }
      room.fleet.put(
        known, lastSeen: now, wantsAttributes: false, versionReportedAt: spoke ? now : nil)
      room.noteChange()
      measure(before, known, sent: values.map(\.key), in: room, &ledger, now: now)
      guard known != before else { return ledger.lastTicket }
      ledger.lastTicket = store.enqueue(.device(known))
      return ledger.lastTicket
    }
  }

  private static func tellsWhatRuns(_ key: String) -> Bool {
    ReportedAttribute.version.spellings.contains(key)
      || ReportedAttribute.imageDigest.spellings.contains(key)
  }

  private static func apply(
    _ mode: AttributeMode, _ values: [(key: String, value: String?)],
    to attributes: inout [String: String]
  ) {
    if mode == .replace { attributes = [:] }
    for (key, value) in values {
      attributes[key] = mode == .remove ? nil : value
    }
  }
}
