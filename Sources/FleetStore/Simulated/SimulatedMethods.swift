// SimulatedMethods: reading, writing, syncing and locking of an open file on a simulated disk.

internal import CSQLite
internal import Glibc

/// The table of functions that SQLite calls.
///
/// Unchecked, because nothing in it changes once it is made.
final class SimulatedMethods: @unchecked Sendable {
  static let shared = SimulatedMethods()

  let table: UnsafeMutablePointer<sqlite3_io_methods>

  private init() {
    table = .allocate(capacity: 1)
    table.initialize(to: sqlite3_io_methods())
    // Version 2 has shared memory and lacks memory mapping of the file itself.
    table.pointee.iVersion = 2
    SimulatedMethods.fillBytes(&table.pointee)
    SimulatedMethods.fillLocks(&table.pointee)
    SimulatedMethods.fillMemory(&table.pointee)
  }

  private typealias File = UnsafeMutablePointer<sqlite3_file>

  private static func place(_ file: File) -> UnsafeMutablePointer<OpenSimulatedFile> {
    UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenSimulatedFile.self)
  }

  private static func handle(_ file: File?) -> SimulatedDisk.Handle? {
    file.flatMap { place($0).pointee.handle?.takeUnretainedValue() }
  }

  private static func code(_ answer: SimulatedDisk.Answer, _ failure: Int32) -> Int32 {
    switch answer {
    case .done: SQLITE_OK
    case .full: SQLITE_FULL
    case .failed: failure
    }
  }

  // MARK: Bytes

  private static func fillBytes(_ table: inout sqlite3_io_methods) {
    table.xClose = { file in
      guard let file, let held = SimulatedMethods.place(file).pointee.handle else {
        return SQLITE_OK
      }
      let handle = held.takeUnretainedValue()
      _ = handle.disk.read(handle) { node in
        node.locks.lower(ObjectIdentifier(handle), to: 0)
        node.memory?.leave(ObjectIdentifier(handle))
      }
      SimulatedMethods.place(file).pointee.handle = nil
      held.release()
      return SQLITE_OK
    }
    table.xRead = { file, buffer, count, offset in
      guard let handle = SimulatedMethods.handle(file), let buffer else { return DiskFault.read }
      let copied = handle.disk.read(handle) { node -> Int in
        let content = node.file.content
        let available = max(0, min(Int(count), content.count - Int(offset)))
        content.withUnsafeBytes { bytes in
          guard available > 0, let start = bytes.baseAddress else { return }
          memcpy(buffer, start + Int(offset), available)
        }
        return available
      }
      guard let copied else { return DiskFault.read }
      if copied == Int(count) { return SQLITE_OK }
      memset(buffer + copied, 0, Int(count) - copied)
      return DiskFault.shortRead
    }
    table.xWrite = { file, buffer, count, offset in
      guard let handle = SimulatedMethods.handle(file), let buffer else { return DiskFault.write }
      let bytes = UnsafeRawBufferPointer(start: buffer, count: Int(count))
      let end = Int(offset) + Int(count)
      let answer = handle.disk.change(handle, .write(end: end)) { $0.write(bytes, at: Int(offset)) }
      return SimulatedMethods.code(answer, DiskFault.write)
    }
    table.xTruncate = { file, size in
      guard let handle = SimulatedMethods.handle(file) else { return DiskFault.truncate }
      let answer = handle.disk.change(handle, .truncate) { $0.truncate(to: Int(size)) }
      return SimulatedMethods.code(answer, DiskFault.truncate)
    }
    table.xSync = { file, _ in
      guard let handle = SimulatedMethods.handle(file) else { return DiskFault.sync }
      let answer = handle.disk.change(handle, .sync) { $0.sync() }
      return SimulatedMethods.code(answer, DiskFault.sync)
    }
    table.xFileSize = { file, size in
      guard let handle = SimulatedMethods.handle(file),
        let count = handle.disk.read(handle, { $0.file.content.count })
      else { return DiskFault.size }
      size?.pointee = Int64(count)
      return SQLITE_OK
    }
    table.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    table.xSectorSize = { _ in Int32(SimulatedFile.sectorBytes) }
    // A write changes no byte beside it, as SQLite assumes of every disk today.
    table.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
  }

  // MARK: Locks

  private static func fillLocks(_ table: inout sqlite3_io_methods) {
    table.xLock = { file, level in
      guard let handle = SimulatedMethods.handle(file),
        let isRaised = handle.disk.read(
          handle, { $0.locks.raise(ObjectIdentifier(handle), to: level) })
      else { return DiskFault.lock }
      return isRaised ? SQLITE_OK : SQLITE_BUSY
    }
    table.xUnlock = { file, level in
      guard let handle = SimulatedMethods.handle(file),
        handle.disk.read(handle, { $0.locks.lower(ObjectIdentifier(handle), to: level) }) != nil
      else { return DiskFault.unlock }
      return SQLITE_OK
    }
    table.xCheckReservedLock = { file, result in
      guard let handle = SimulatedMethods.handle(file),
        let isReserved = handle.disk.read(handle, { $0.locks.isReserved })
      else { return DiskFault.checkReserved }
      result?.pointee = isReserved ? 1 : 0
      return SQLITE_OK
    }
  }

  // MARK: Shared memory

  private static func fillMemory(_ table: inout sqlite3_io_methods) {
    table.xShmMap = { file, region, bytes, extend, result in
      guard let handle = SimulatedMethods.handle(file),
        let memory = handle.disk.read(
          handle,
          { node -> SimulatedMemory in
            let memory = node.memory ?? SimulatedMemory()
            node.memory = memory
            handle.memory = memory
            return memory
          })
      else { return DiskFault.memoryMap }
      result?.pointee = memory.region(Int(region), bytes: Int(bytes), extend: extend != 0)
      return SQLITE_OK
    }
    table.xShmLock = { file, first, count, flags in
      guard let handle = SimulatedMethods.handle(file) else { return DiskFault.memoryLock }
      let slots = Int(first)..<Int(first + count)
      let exclusive = flags & SQLITE_SHM_EXCLUSIVE != 0
      let isDone = handle.disk.read(handle) { node -> Bool in
        guard let memory = node.memory else { return false }
        if flags & SQLITE_SHM_LOCK != 0 {
          return memory.lock(slots, exclusive: exclusive, ObjectIdentifier(handle))
        }
        memory.unlock(slots, exclusive: exclusive, ObjectIdentifier(handle))
        return true
      }
      guard let isDone else { return DiskFault.memoryLock }
      return isDone ? SQLITE_OK : SQLITE_BUSY
    }
    // Whoever shares the memory shares the thread, or hands it over under a lock.
    table.xShmBarrier = { _ in }
    table.xShmUnmap = { file, deleting in
      guard let handle = SimulatedMethods.handle(file) else { return SQLITE_OK }
      _ = handle.disk.read(handle) { node in
        node.memory?.leave(ObjectIdentifier(handle))
        if deleting != 0 { node.memory = nil }
      }
      handle.memory = nil
      return SQLITE_OK
    }
  }
}
