// DeviceTable: the devices of one shard in flat memory, found by the bytes of their id.
//
// A record is about a hundred bytes, an id lies in a shared arena, and hash slots are four bytes
// wide, so an idle device costs well under 400 bytes. Its twin, which polls never read, is kept as
// one compact JSON text per device. Removed records are reused; their arena bytes are
// reclaimed when the process restarts.

import Crypto
import Glibc
import UpdateModel

/// One device in memory.
struct DeviceRecord {
  var idOffset: UInt32
  var idLength: UInt16
  var flags: Flags
  var hardware: UInt32
  var version: UInt32
  var token: SHA256.Value?
  var lastSeen: Instant
  var versionReportedAt: Instant
  var createdAt: Instant
  /// The ledger's epoch at which the device was found to have nothing to do; 0 for never.
  var idleEpoch: UInt32
  /// Names what the device was last told, for protocols that answer "nothing new"; 0 for nothing.
  var briefing: UInt32 = 0
  /// Another number whenever something was taken from the device by which it has access.
  var accessMark: UInt32 = 0
  /// Its twin, see `DeviceDetails`; nil when nothing is known.
  var details: [UInt8]?
  /// Credentials beside the token; empty for devices that have nothing else.
  var proofs: [CredentialProof] = []
  /// What was given out for such credentials.
  var sessions: [SessionProof] = []

  struct Flags: OptionSet {
    let rawValue: UInt16
    /// The slot holds a device.
    static let live = Flags(rawValue: 1)
    /// The device is asked for its attributes at its next poll.
    static let wantsAttributes = Flags(rawValue: 2)
    /// `lastSeen` is newer than in the store.
    static let isUnsaved = Flags(rawValue: 4)
    /// The device was asked for its attributes since the server started.
    static let wasAsked = Flags(rawValue: 8)
    /// The device has credentials and did not speak with them yet.
    static let isFresh = Flags(rawValue: 16)
    /// The device gets recovery releases only.
    static let isQuarantined = Flags(rawValue: 32)
    /// There is no such unit: it is not there yet, or not any more.
    static let isAbsent = Flags(rawValue: 64)
    /// The unit is gone for good.
    static let isRetired = Flags(rawValue: 128)
    /// What follows from where the device is in its life.
    static let ofLife: Flags = [.isFresh, .isQuarantined, .isAbsent, .isRetired]
    /// It can wait with the images at hand until it may install.
    static let isPatient = Flags(rawValue: 256)
  }
}

/// The devices of one shard.
struct DeviceTable {
  private(set) var records: ContiguousArray<DeviceRecord> = []
  private var arena: ContiguousArray<UInt8> = []
  private var slots = ContiguousArray<UInt32>(repeating: 0, count: 16)
  private var free: [UInt32] = []
  /// Records whose `lastSeen` has to be saved.
  var unsaved: [UInt32] = []
  /// Devices in the table.
  private(set) var count = 0
  /// What queries look at; see `TableColumns`.
  private(set) var columns = TableColumns()

  /// The record number of a device; nil when there is none.
  func find(_ id: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot] &- 1)
      if matches(index, id) { return index }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Adds a device that is not there yet and returns its record number.
  mutating func insert(_ id: UnsafeRawBufferPointer, hash: UInt64, _ record: DeviceRecord) -> Int {
    if (count + 1) * 4 > slots.count * 3 { grow() }
    var record = record
    record.idOffset = UInt32(arena.count)
    record.idLength = UInt16(id.count)
    record.flags.insert(.live)
    arena.append(contentsOf: id)
    let index: Int
    if let reused = free.popLast() {
      index = Int(reused)
      records[index] = record
    } else {
      index = records.count
      records.append(record)
    }
    place(index, hash: hash)
    count += 1
    columns.note(index, record.details)
    return index
  }

  /// Replaces the twin of a record.
  mutating func setDetails(_ details: [UInt8]?, at index: Int) {
    records[index].details = details
    columns.note(index, details)
  }

  /// Removes a device.
  mutating func remove(_ index: Int) {
    records[index].flags = []
    records[index].details = nil
    records[index].proofs = []
    records[index].sessions = []
    columns.clear(index)
    free.append(UInt32(index))
    count -= 1
    rebuild(slotCount: slots.count)
  }

  /// The id of a record.
  func id(_ index: Int) -> String {
    let record = records[index]
    let start = Int(record.idOffset)
    return String(decoding: arena[start..<start + Int(record.idLength)], as: UTF8.self)
  }

  /// Reads and writes a record in place.
  subscript(index: Int) -> DeviceRecord {
    get { records[index] }
    _modify { yield &records[index] }
  }

  // MARK: Queries

  /// Prepares columns for fields, and reads on in them; true when they are complete.
  mutating func extendColumns(_ fields: Set<QueryField>, bytesMax: Int) -> Bool {
    columns.open(fields.sorted { $0.description < $1.description })
    return columns.extend(fields, over: records, bytesMax: bytesMax)
  }

  /// Forgets all columns but those of some fields.
  mutating func keepColumns(_ fields: Set<QueryField>) { columns.keep(fields) }

  /// The ids, as bytes and as where each record's bytes lie.
  func idBytes() -> (arena: ContiguousArray<UInt8>, places: ContiguousArray<IDPlace>) {
    let places = records.withUnsafeBufferPointer { records in
      var places: ContiguousArray<IDPlace> = []
      places.reserveCapacity(records.count)
      for index in 0..<records.count {
        places.append(
          IDPlace(offset: records[index].idOffset, length: records[index].idLength))
      }
      return places
    }
    return (arena, places)
  }

  /// Where the bytes of an id lie.
  struct IDPlace {
    let offset: UInt32
    let length: UInt16
  }

  private func matches(_ index: Int, _ id: UnsafeRawBufferPointer) -> Bool {
    let offset = Int(records[index].idOffset)
    let length = Int(records[index].idLength)
    guard length == id.count else { return false }
    return arena.withUnsafeBytes { bytes in
      // An id of no bytes has no address; none is registered.
      guard let known = bytes.baseAddress, let asked = id.baseAddress else { return false }
      return memcmp(known + offset, asked, length) == 0
    }
  }

  private mutating func place(_ index: Int, hash: UInt64) {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = UInt32(index + 1)
  }

  private mutating func grow() { rebuild(slotCount: slots.count * 2) }

  private mutating func rebuild(slotCount: Int) {
    slots = ContiguousArray(repeating: 0, count: slotCount)
    for index in records.indices where records[index].flags.contains(.live) {
      let start = Int(records[index].idOffset)
      let end = start + Int(records[index].idLength)
      let hash = arena.withUnsafeBytes {
        DeviceTable.hash(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
      }
      place(index, hash: hash)
    }
  }

  /// A hash of an id's bytes: FNV-1a by words with a final mix; only spreads, protects nothing.
  static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var position = 0
    while position + 8 <= bytes.count {
      hash =
        (hash ^ bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)) &* 0x100_0000_01b3
      hash ^= hash >> 29
      position += 8
    }
    while position < bytes.count {
      hash = (hash ^ UInt64(bytes[position])) &* 0x100_0000_01b3
      position += 1
    }
    hash ^= hash >> 32
    hash = hash &* 0xd6e8_feb8_6659_fd93
    return hash ^ (hash >> 32)
  }
}
