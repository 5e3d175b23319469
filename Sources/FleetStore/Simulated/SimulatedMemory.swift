// SimulatedMemory: the locks of a simulated file and the memory that its connections share.

/// The locks of one database file, as SQLite names them: shared for readers, then reserved,
/// pending and exclusive for the one writer.
struct SimulatedLocks {
  private var shared: Set<ObjectIdentifier> = []
  private var writer: ObjectIdentifier?
  private var isExclusive = false

  /// Raises the lock of a holder; false when another one is in the way.
  mutating func raise(_ holder: ObjectIdentifier, to level: Int32) -> Bool {
    guard level > 0 else { return true }
    if isExclusive, writer != holder { return false }
    if level == 1 {
      shared.insert(holder)
      return true
    }
    if let writer, writer != holder { return false }
    writer = holder
    guard level == 4 else { return true }
    guard shared.subtracting([holder]).isEmpty else { return false }
    isExclusive = true
    return true
  }

  /// Lowers the lock of a holder to shared (1) or nothing (0).
  mutating func lower(_ holder: ObjectIdentifier, to level: Int32) {
    if writer == holder {
      writer = nil
      isExclusive = false
    }
    if level == 0 { shared.remove(holder) }
  }

  /// Whether somebody means to write.
  var isReserved: Bool { writer != nil }
}

/// The index of the write-ahead log: regions of memory and eight locks.
///
/// Its regions stay while a connection refers to it, also after a crash cut that connection off.
final class SimulatedMemory {
  private var regions: [UnsafeMutableRawPointer] = []
  private var readers = [Set<ObjectIdentifier>](repeating: [], count: 8)
  private var writers = [ObjectIdentifier?](repeating: nil, count: 8)

  deinit { for region in regions { region.deallocate() } }

  /// A region; nil when there is none and none is to be made.
  func region(_ index: Int, bytes: Int, extend: Bool) -> UnsafeMutableRawPointer? {
    while regions.count <= index {
      guard extend else { return nil }
      let region = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
      region.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      regions.append(region)
    }
    return regions[index]
  }

  /// Takes locks; false, and none taken, when another holder is in the way.
  func lock(_ slots: Range<Int>, exclusive: Bool, _ holder: ObjectIdentifier) -> Bool {
    for slot in slots {
      if let writer = writers[slot], writer != holder { return false }
      if exclusive, !readers[slot].subtracting([holder]).isEmpty { return false }
    }
    for slot in slots {
      if exclusive { writers[slot] = holder } else { readers[slot].insert(holder) }
    }
    return true
  }

  func unlock(_ slots: Range<Int>, exclusive: Bool, _ holder: ObjectIdentifier) {
    for slot in slots {
      if !exclusive {
        readers[slot].remove(holder)
      } else if writers[slot] == holder {
        writers[slot] = nil
      }
    }
  }

  /// Gives back all that a holder has.
  func leave(_ holder: ObjectIdentifier) {
    for slot in readers.indices {
      readers[slot].remove(holder)
      if writers[slot] == holder { writers[slot] = nil }
    }
  }
}
