// PreauthoriseDevices: an operator names the keys of devices before they first call.

public import Crypto
import FleetStore
public import UpdateModel

/// A device whose key is known beforehand, such as from the maker of its secure element.
public struct Preauthorisation: Sendable {
  /// The id it will have.
  public let device: DeviceID
  /// Its hardware model, when known.
  public let hardware: Name?
  /// Its key.
  public let key: CredentialKey

  /// Joins the facts.
  public init(device: DeviceID, hardware: Name?, key: CredentialKey) {
    self.device = device
    self.hardware = hardware
    self.key = key
  }
}

extension ControlPlane {
  /// Devices in one upload.
  public static let preauthorisedMax = 5000

  /// Makes places that wait for certain keys, all or none. Places without credentials that are
  /// there already wait for the key from then on.
  public func preauthorise(
    _ list: [Preauthorisation], by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    guard (1...ControlPlane.preauthorisedMax).contains(list.count) else {
      throw Problem(
        .invalidRequest,
        "found \(list.count) devices; send 1 to \(ControlPlane.preauthorisedMax) at a time")
    }
    guard Set(list.map(\.device)).count == list.count,
      Set(list.map(\.key.digest)).count == list.count
    else { throw Problem(.conflict, "a device or a key is in the list twice; nothing was done") }
    return try room.ledger.withLock { ledger throws(Problem) in
      var places: [(device: Device, before: Device?)] = []
      for (position, item) in list.enumerated() {
        let key = DeviceKey(tenant: room.tenant, device: item.device)
        let before = room.fleet.device(key)?.device
        let owner = ledger.enrolment.keys[item.key.digest]
        guard before.map({ $0.state == .provisioned }) ?? true, owner == nil else {
          let reason =
            owner.map { "its key is known as \($0) already" } ?? "\(item.device) exists already"
          throw Problem(
            .conflict, "device \(position + 1): \(reason); nothing was done",
            faults: [Problem.Fault(line: position + 1, field: "id", reason: reason)])
        }
        var device =
          before
          ?? Device(
            key: key, hardware: item.hardware, tokenDigest: nil, twin: Twin(), createdAt: now,
            enrolment: Enrolment(state: .provisioned))
        var credential = item.key.credential(at: now)
        credential.status = .expected
        device.enrolment[credential.fingerprint] = credential
        places.append((device, before))
      }
      var changes: [Change] = []
      for (device, before) in places {
        changes += changesKeeping(
          device, before: before, .credential,
          "\(label) named its key \(device.enrolment.credentials.last?.fingerprint.short ?? "")",
          in: room, &ledger)
      }
      ledger.lastTicket = store.enqueue(changes)
      return ledger.lastTicket
    }
  }

  /// Makes a place for a device that is not there yet: it may have tags and what it should be
  /// before its hardware exists.
  public func makePlace(
    for registration: Registration, by label: String, in room: Room
  ) throws(Problem) -> UInt64 {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      guard !room.fleet.contains(registration.device) else {
        throw Problem(.conflict, "device \(registration.device) exists")
      }
      var device = Device(
        key: DeviceKey(tenant: room.tenant, device: registration.device),
        hardware: registration.hardware, tokenDigest: nil, tags: registration.tags,
        attributes: [:], createdAt: now)
      device.enrolment = Enrolment(state: .provisioned)
      keep(device, before: nil, .lifecycle, "provisioned by \(label)", in: room, &ledger)
      return ledger.lastTicket
    }
  }
}
