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
    let open = ledger.enrolment.alerts.values.first {
      $0.device == device && $0.kind == kind && $0.acknowledgedBy == nil
    }
    if let open {
      // Only counted in memory: a device that goes on must not fill the disk.
      ledger.enrolment.alerts[open.id]?.count += 1
      ledger.enrolment.alerts[open.id]?.lastSeen = now
      return
    }
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
    let key = DeviceKey(tenant: room.tenant, device: device)
    changes += [
      .document(room.tenant, StoredDocument(.alert, id: String(id), alert.document)),
      note(.alert, text, of: key),
    ]
    room.noteChange()
    ledger.lastTicket = store.enqueue(changes)
    guard kind == .clone, ledger.enrolment.settings.quarantinesClones,
      let known = room.fleet.device(key)?.device, let state = known.state.after(.quarantine)
    else { return }
    var device = known
    device.enrolment.state = state
    keep(
      device, before: known, .lifecycle, "quarantined, because it seems to exist twice", in: room,
      &ledger)
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
