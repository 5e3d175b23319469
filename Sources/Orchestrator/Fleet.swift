// Fleet: all devices of one tenant in memory, in shards, so that a poll takes one short lock.

import Crypto
import UpdateModel

/// The devices of one tenant.
final class Fleet: Sendable {
  private static let shardCount = 64
  let shards: [Lock<DeviceTable>]
  let texts = Lock(SharedTexts())
  /// Fields that have columns, the one that was used last at the end.
  let columnFields = Lock<[QueryField]>([])

  struct SharedTexts {
    var hardware = Interner()
    var versions = Interner()
  }

  init() {
    shards = (0..<Fleet.shardCount).map { _ in Lock(DeviceTable()) }
  }

  // MARK: The hot path

  /// Judges the digest of a token, the device's own or one of a session, or the fingerprint of the
  /// key that a TLS handshake proved; when one is right, notes that the device was heard.
  ///
  /// The greeting holds what the caller needs to answer without looking further.
  func greet(
    _ id: UnsafeRawBufferPointer, token: SHA256.Value?, key: SHA256.Value? = nil, now: Instant
  ) -> Greeting {
    let hash = DeviceTable.hash(id)
    return shard(hash).withLock { table in
      guard let index = table.find(id, hash: hash) else { return Greeting(.unknownDevice) }
      var news = AccessNews.nothing
      if let expected = table.records[index].token, let token,
        token.matchesInConstantTime(expected)
      {
        if table.records[index].flags.contains(.isFresh) { news = .firstWord }
      } else if let found = table[index].accepts(token: token, key: key, at: now) {
        news = found
      } else {
        return Greeting(.wrongToken)
      }
      Fleet.touch(&table, index, now)
      return Greeting(
        .accepted, idleEpoch: table.records[index].idleEpoch,
        wantsAttributes: table.records[index].flags.contains(.wantsAttributes),
        briefing: table.records[index].briefing, news: news)
    }
  }

  /// Opens a session for a credential; false when that does not count, or when the challenge was
  /// answered before.
  func open(_ session: SessionProof, for device: DeviceID, at now: Instant) -> Bool {
    var isOpen = false
    update(device) { isOpen = $0.open(session, at: now) }
    return isOpen
  }

  /// The epoch at which a device was last looked at, or `waits`; 0 when it is to be looked at.
  func idleEpoch(of device: DeviceID) -> UInt32 { record(device)?.idleEpoch ?? 0 }

  /// Stands for the epoch of a device that was looked at and has something to wait for: it is
  /// looked at again at its next poll.
  static let waits = UInt32.max

  /// Whether a device was told anything by the native protocol since the start.
  func wasBriefed(_ device: DeviceID) -> Bool { record(device).map { $0.briefing != 0 } ?? false }

  /// Keeps the name of what a device was told.
  func noteBriefing(_ device: DeviceID, _ tag: UInt32) { update(device) { $0.briefing = tag } }

  private static func touch(_ table: inout DeviceTable, _ index: Int, _ now: Instant) {
    table[index].lastSeen = now
    if !table.records[index].flags.contains(.isUnsaved) {
      table[index].flags.insert(.isUnsaved)
      table.unsaved.append(UInt32(index))
    }
  }

  /// Notes at which epoch a device had nothing to do.
  func markIdle(_ device: DeviceID, epoch: UInt32) {
    update(device) { $0.idleEpoch = epoch }
  }

  // MARK: Reading

  /// What is known about a device; nil when there is none.
  func view(_ device: DeviceID) -> DeviceView? {
    guard let record = record(device) else { return nil }
    let (hardware, version) = texts.withLock {
      ($0.hardware.text(record.hardware), $0.versions.text(record.version))
    }
    return DeviceView(
      device: device, hardware: hardware, version: version,
      versionReportedAt: record.versionReportedAt, lastSeen: record.lastSeen,
      wantsAttributes: record.flags.contains(.wantsAttributes),
      isQuarantined: record.flags.contains(.isQuarantined),
      isPatient: record.flags.contains(.isPatient))
  }

  /// Whether a device can wait with the images at hand until it may install.
  func isPatient(_ device: DeviceID) -> Bool {
    record(device)?.flags.contains(.isPatient) ?? false
  }

  /// When a device was last heard, the epoch for never; nil when there is no such device.
  func lastSeen(_ device: DeviceID) -> Instant? { record(device)?.lastSeen }

  /// Whether a device is registered.
  func contains(_ device: DeviceID) -> Bool {
    withBytes(of: device) { bytes, hash in
      shard(hash).withLock { $0.find(bytes, hash: hash) != nil }
    }
  }

  /// The full registration of a device and when it was last heard; nil when there is none.
  func device(_ key: DeviceKey) -> (device: Device, lastSeen: Instant)? {
    guard let record = record(key.device) else { return nil }
    return (registration(record, key), record.lastSeen)
  }

  /// Devices of the tenant.
  var count: Int { shards.reduce(0) { $0 + $1.withLock { $0.count } } }

  /// Devices by version; nil stands for those that never reported one.
  var versions: [(version: String?, count: Int)] {
    texts.withLock { $0.versions.counts }.map { ($0.text, $0.count) }
  }

  /// Devices heard at or after an instant.
  func heard(since instant: Instant) -> Int {
    shards.reduce(0) { sum, shard in
      sum
        + shard.withLock { table in
          table.records.count { $0.flags.contains(.live) && $0.lastSeen >= instant }
        }
    }
  }

  /// Calls `body` with every device, shard by shard; each shard is copied out before. With a
  /// selection, devices come with no other tags and attributes, and without their credentials;
  /// those of which there is no unit are left out.
  func forEach(
    in tenant: Name, reading selection: DetailSelection? = nil,
    _ body: (Device, _ lastSeen: Instant) -> Void
  ) {
    var names: [UInt32: Name] = [:]
    for shard in shards {
      let rows = shard.withLock { table in
        table.records.indices.compactMap { index -> (String, DeviceRecord)? in
          let record = table.records[index]
          guard record.flags.contains(.live) else { return nil }
          if selection != nil, record.flags.contains(.isAbsent) { return nil }
          return (table.id(index), record)
        }
      }
      for (text, record) in rows {
        // Ids in the table were checked when they were put there.
        guard let id = try? DeviceID(text) else { continue }
        let key = DeviceKey(tenant: tenant, device: id)
        guard let selection else {
          body(registration(record, key), record.lastSeen)
          continue
        }
        if names[record.hardware] == nil {
          names[record.hardware] = texts.withLock { $0.hardware.text(record.hardware) }.flatMap {
            try? Name($0)  // was a name when it was interned
          }
        }
        body(selection.device(record, key, hardware: names[record.hardware]), record.lastSeen)
      }
    }
  }

  private func registration(_ record: DeviceRecord, _ key: DeviceKey) -> Device {
    let details = DeviceDetails(record.details)
    let hardware = texts.withLock { $0.hardware.text(record.hardware) }
    return Device(
      key: key,
      hardware: hardware.flatMap { try? Name($0) },  // was a name when it was interned
      tokenDigest: record.token.flatMap { Digest(bytes: $0.bytes) },
      twin: details.twin, createdAt: record.createdAt, ran: details.ran,
      enrolment: details.enrolment)
  }

  /// What is kept of a device; nil when there is none.
  func record(_ device: DeviceID) -> DeviceRecord? {
    withBytes(of: device) { bytes, hash in
      shard(hash).withLock { table in
        table.find(bytes, hash: hash).map { table.records[$0] }
      }
    }
  }

  // MARK: Changing

  /// A device in the form that is kept; made where nobody waits for a lock.
  struct Entry {
    fileprivate let device: Device
    fileprivate let details: [UInt8]?
    fileprivate let token: SHA256.Value?
    fileprivate let proofs: [CredentialProof]
    fileprivate let life: DeviceRecord.Flags

    init(_ device: Device) {
      self.device = device
      details =
        DeviceDetails(twin: device.twin, ran: device.ran, enrolment: device.enrolment).encoded
      proofs = device.enrolment.credentials.compactMap(CredentialProof.init)
      life = DeviceRecord.Flags(device.state)
      token = device.tokenDigest.flatMap { SHA256.Value($0.bytes) }
    }

    // A token that has a successor counts on among the others.
    fileprivate func keeps(_ token: SHA256.Value) -> Bool {
      proofs.contains { $0.digest == token }
    }
  }

  /// Adds a device, or replaces what was registered and reported about it.
  func put(_ device: Device, lastSeen: Instant?, wantsAttributes: Bool, versionReportedAt: Instant?)
  {
    put(
      Entry(device), lastSeen: lastSeen, wantsAttributes: wantsAttributes,
      versionReportedAt: versionReportedAt)
  }

  func put(_ entry: Entry, lastSeen: Instant?, wantsAttributes: Bool, versionReportedAt: Instant?) {
    let (device, details, token) = (entry.device, entry.details, entry.token)
    let (hardware, version) = texts.withLock {
      (
        $0.hardware.number(of: device.hardware?.text),
        $0.versions.number(of: device.reportedVersion)
      )
    }
    let oldVersion: UInt32? = withBytes(of: device.key.device) { bytes, hash in
      shard(hash).withLock { table in
        if let index = table.find(bytes, hash: hash) {
          let old = table.records[index].version
          table[index].hardware = hardware
          table[index].version = version
          if let old = table.records[index].token, old != token, !entry.keeps(old) {
            table[index].accessMark &+= 1
          }
          table[index].token = token
          table.setDetails(details, at: index)
          table[index].take(entry.proofs, life: entry.life)
          table[index].idleEpoch = 0
          if let versionReportedAt { table[index].versionReportedAt = versionReportedAt }
          if let lastSeen { table[index].lastSeen = max(lastSeen, table.records[index].lastSeen) }
          if wantsAttributes {
            table[index].flags.insert(.wantsAttributes)
          } else {
            table[index].flags.remove(.wantsAttributes)
          }
          return old
        }
        var record = DeviceRecord(
          idOffset: 0, idLength: 0, flags: wantsAttributes ? .wantsAttributes : [],
          hardware: hardware, version: version, token: token, lastSeen: lastSeen ?? .epoch,
          versionReportedAt: versionReportedAt ?? .epoch, createdAt: device.createdAt,
          idleEpoch: 0, details: details)
        record.take(entry.proofs, life: entry.life)
        _ = table.insert(bytes, hash: hash, record)
        return nil
      }
    }
    texts.withLock { $0.versions.move(from: oldVersion, to: version) }
  }

  /// Asks a device for its attributes at its next poll, or stops asking.
  func askForAttributes(_ device: DeviceID, _ wanted: Bool) {
    update(device) { record in
      if wanted {
        record.flags.insert(.wantsAttributes)
      } else {
        record.flags.remove(.wantsAttributes)
      }
    }
  }

  /// Notes that a device is being asked for its attributes; true the first time.
  func noteFirstQuestion(to device: DeviceID) -> Bool {
    var isFirst = false
    update(device) { record in
      isFirst = record.flags.contains(.wantsAttributes) && !record.flags.contains(.wasAsked)
      record.flags.insert(.wasAsked)
    }
    return isFirst
  }

  /// Notes that a device can wait with the images at hand until it may install.
  func notePatience(of device: DeviceID) { update(device) { $0.flags.insert(.isPatient) } }

  /// Makes the device look at the rollouts again at its next poll.
  func wake(_ device: DeviceID) { update(device) { $0.idleEpoch = 0 } }

  /// What says that a device has the access that it had; nil when there is no such device.
  func accessMark(of device: DeviceID) -> UInt32? {
    withBytes(of: device) { bytes, hash in
      shard(hash).withLock { table in
        table.find(bytes, hash: hash).map { table.records[$0].accessMark }
      }
    }
  }

  /// Removes a device; false when there is none.
  func remove(_ device: DeviceID) -> Bool {
    let version: UInt32? = withBytes(of: device) { bytes, hash in
      shard(hash).withLock { table in
        guard let index = table.find(bytes, hash: hash) else { return nil }
        let version = table.records[index].version
        table.remove(index)
        return version
      }
    }
    if let version { texts.withLock { $0.versions.move(from: version, to: nil) } }
    return version != nil
  }

  /// Takes the devices whose `lastSeen` has to be saved, at most `limit` from each shard.
  func takeUnsaved(limit: Int) -> [(String, Instant)] {
    shards.flatMap { shard in
      shard.withLock { table in
        let batch = table.unsaved.suffix(limit)
        table.unsaved.removeLast(batch.count)
        return batch.compactMap { number -> (String, Instant)? in
          let index = Int(number)
          guard table.records[index].flags.contains(.live) else { return nil }
          table[index].flags.remove(.isUnsaved)
          return (table.id(index), table.records[index].lastSeen)
        }
      }
    }
  }

  private func update(_ device: DeviceID, _ body: (inout DeviceRecord) -> Void) {
    withBytes(of: device) { bytes, hash in
      shard(hash).withLock { table in
        if let index = table.find(bytes, hash: hash) { body(&table[index]) }
      }
    }
  }

  private func withBytes<Result>(
    of device: DeviceID, _ body: (UnsafeRawBufferPointer, UInt64) -> Result
  ) -> Result {
    var text = device.text
    return text.withUTF8 { utf8 in
      let bytes = UnsafeRawBufferPointer(utf8)
      return body(bytes, DeviceTable.hash(bytes))
    }
  }

  private func shard(_ hash: UInt64) -> Lock<DeviceTable> {
    shards[Fleet.shardNumber(hash)]
  }
}
