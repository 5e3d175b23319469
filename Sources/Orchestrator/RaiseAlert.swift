// RaiseAlert: what looks wrong about a device is told, once for each device and kind.

import FleetStore
public import UpdateModel

extension ControlPlane {
  /// Tells people, and puts a device that seems to exist twice into quarantine where the tenant
  /// wants that. To be called with the ledger's lock held.
  func raise(
    _ kind: DeviceAlert.Kind, of device: DeviceID, _ text: String, in room: Room,
    _ ledger: inout Ledger, at now: Instant
  ) {
    let present = ledger.enrolment.alerts.values.first {
      $0.device == device && $0.kind == kind && $0.acknowledgedBy == nil
    }
    var changes: [Change] = []
    if let present {
      // Only counted in memory: a device that goes on must not fill the disk.
      ledger.enrolment.alerts[present.id]?.count += 1
      ledger.enrolment.alerts[present.id]?.lastSeen = now
    } else {
      changes = newAlert(kind, of: device, text, in: room, &ledger, at: now)
    }
    // Whether or not it was told before: a device that is seen twice stays away until a person
    // looked into it.
    if kind == .clone, ledger.enrolment.settings.quarantinesClones {
      changes += quarantineClone(device, in: room, &ledger)
    }
    guard !changes.isEmpty else { return }
    // At once, so that no crash leaves the one without the other.
    ledger.lastTicket = store.enqueue(changes)
  }

  private func quarantineClone(
    _ id: DeviceID, in room: Room, _ ledger: inout Ledger
  ) -> [Change] {
    guard let known = room.fleet.device(DeviceKey(tenant: room.tenant, device: id))?.device,
      let state = known.state.after(.quarantine)
    else { return [] }
    var device = known
    device.enrolment.state = state
    return changesKeeping(
      device, before: known, .lifecycle, "quarantined, because it seems to exist twice", in: room,
      &ledger)
  }

  private func newAlert(
    _ kind: DeviceAlert.Kind, of device: DeviceID, _ text: String, in room: Room,
    _ ledger: inout Ledger, at now: Instant
  ) -> [Change] {
    var changes: [Change] = []
    if ledger.enrolment.alerts.count >= DeviceAlert.countMax {
      let oldest = ledger.enrolment.alerts.values.min {
        ($0.acknowledgedBy == nil ? 1 : 0, $0.id) < ($1.acknowledgedBy == nil ? 1 : 0, $1.id)
      }
      if let oldest {
        ledger.enrolment.alerts[oldest.id] = nil
        changes.append(.deleteDocument(room.tenant, .alert, String(oldest.id)))
      }
    }
    let id = (ledger.enrolment.alerts.keys.max() ?? 0) + 1
    let alert = DeviceAlert(id: id, device: device, kind: kind, text: text, at: now)
    ledger.enrolment.alerts[id] = alert
    changes += [
      .document(room.tenant, StoredDocument(.alert, id: String(id), alert.document)),
      note(.alert, text, of: DeviceKey(tenant: room.tenant, device: device)),
    ]
    room.noteChange()
    return changes
  }

  /// All alerts, newest first.
  public func alerts(in room: Room) -> [DeviceAlert] {
    room.ledger.withLock { Array($0.enrolment.alerts.values) }.sorted { $0.id > $1.id }
  }

  /// Notes that a person looked at an alert.
  public func acknowledge(
    alert id: Int, by label: String, in room: Room
  ) throws(Problem) -> (alert: DeviceAlert, ticket: UInt64) {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      guard var alert = ledger.enrolment.alerts[id] else {
        throw Problem(.notFound, "there is no alert \(id)")
      }
      alert.acknowledgedBy = alert.acknowledgedBy ?? label
      ledger.enrolment.alerts[id] = alert
      room.noteChange()
      ledger.lastTicket = store.enqueue([
        .document(room.tenant, StoredDocument(.alert, id: String(id), alert.document)),
        note(
          .alert, "\(label) looked at alert \(id)",
          of: DeviceKey(tenant: room.tenant, device: alert.device)),
      ])
      return (alert, ledger.lastTicket)
    }
  }
}
