// SimulatedVFS: lets SQLite use a simulated disk: a file system under a name that only stores ask
// for which are opened on that disk.

internal import CSQLite
internal import Glibc
internal import Synchronization

/// A registered file system of SQLite; taken out again when its disk goes.
///
/// Unchecked, because nothing here changes once it is made.
final class SimulatedVFS: @unchecked Sendable {
  private static let count = Atomic<UInt64>(0)

  let name: String
  private let table: UnsafeMutablePointer<sqlite3_vfs>
  private let nameBytes: UnsafeMutablePointer<CChar>

  // The disk owns this and outlives it, so the table's pointer to it stays good.
  init(_ disk: SimulatedDisk) {
    let number = SimulatedVFS.count.add(1, ordering: .relaxed).newValue
    name = "groundswell-simulated-\(number)"
    guard let bytes = strdup(name) else { preconditionFailure("there is memory for a name") }
    nameBytes = bytes
    table = .allocate(capacity: 1)
    table.initialize(to: sqlite3_vfs())
    table.pointee.iVersion = 2
    table.pointee.szOsFile = Int32(MemoryLayout<OpenSimulatedFile>.size)
    table.pointee.mxPathname = 512
    table.pointee.zName = UnsafePointer(bytes)
    table.pointee.pAppData = Unmanaged.passUnretained(disk).toOpaque()
    SimulatedVFS.fill(&table.pointee)
    let code = sqlite3_vfs_register(table, 0)
    precondition(code == SQLITE_OK, "a file system with a name of its own is registered")
  }

  deinit {
    // It was registered, and that is all that could be wrong.
    _ = sqlite3_vfs_unregister(table)
    table.deinitialize(count: 1)
    table.deallocate()
    free(nameBytes)
  }

  private static func disk(_ vfs: UnsafeMutablePointer<sqlite3_vfs>?) -> SimulatedDisk? {
    vfs?.pointee.pAppData.map { Unmanaged<SimulatedDisk>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func fill(_ table: inout sqlite3_vfs) {
    table.xOpen = { vfs, path, file, flags, outFlags in
      guard let disk = SimulatedVFS.disk(vfs), let file else { return SQLITE_CANTOPEN }
      let place = UnsafeMutableRawPointer(file).assumingMemoryBound(to: OpenSimulatedFile.self)
      place.initialize(to: OpenSimulatedFile())
      // A file without a name is a temporary one; the store's statements need none.
      guard let path else { return SQLITE_CANTOPEN }
      let creating = flags & SQLITE_OPEN_CREATE != 0
      guard let handle = disk.open(String(cString: path), creating: creating) else {
        return SQLITE_CANTOPEN
      }
      place.pointee.handle = Unmanaged.passRetained(handle)
      place.pointee.base.pMethods = UnsafePointer(SimulatedMethods.shared.table)
      outFlags?.pointee = flags
      return SQLITE_OK
    }
    table.xDelete = { vfs, path, _ in
      guard let disk = SimulatedVFS.disk(vfs), let path else { return DiskFault.delete }
      let name = String(cString: path)
      guard disk.exists(name) else { return DiskFault.deleteMissing }
      return disk.delete(name) == .done ? SQLITE_OK : DiskFault.delete
    }
    table.xAccess = { vfs, path, _, result in
      guard let disk = SimulatedVFS.disk(vfs), let path else { return DiskFault.access }
      result?.pointee = disk.exists(String(cString: path)) ? 1 : 0
      return SQLITE_OK
    }
    table.xFullPathname = { _, path, size, output in
      guard let path, let output, strlen(path) < Int(size) else { return SQLITE_CANTOPEN }
      strcpy(output, path)
      return SQLITE_OK
    }
    table.xRandomness = { vfs, count, bytes in
      guard let disk = SimulatedVFS.disk(vfs), let bytes else { return 0 }
      disk.random(into: UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
      return count
    }
    // Nobody waits here: whoever could give a lock back is on this very thread.
    table.xSleep = { _, microseconds in microseconds }
    // No statement of the store asks for the time; it always gets noon of the first Julian day.
    table.xCurrentTime = { _, result in
      result?.pointee = 0
      return SQLITE_OK
    }
    table.xCurrentTimeInt64 = { _, result in
      result?.pointee = 0
      return SQLITE_OK
    }
    table.xGetLastError = { _, _, _ in 0 }
  }
}

/// What SQLite keeps for an open file: its own part first.
struct OpenSimulatedFile {
  var base = sqlite3_file()
  var handle: Unmanaged<SimulatedDisk.Handle>?
}

/// SQLite's extended codes for what a disk can refuse (sqlite3.h, SQLITE_IOERR_...); their macros
/// are not imported.
enum DiskFault {
  static let read = SQLITE_IOERR | 1 << 8
  static let shortRead = SQLITE_IOERR | 2 << 8
  static let write = SQLITE_IOERR | 3 << 8
  static let sync = SQLITE_IOERR | 4 << 8
  static let truncate = SQLITE_IOERR | 6 << 8
  static let size = SQLITE_IOERR | 7 << 8
  static let unlock = SQLITE_IOERR | 8 << 8
  static let delete = SQLITE_IOERR | 10 << 8
  static let access = SQLITE_IOERR | 13 << 8
  static let checkReserved = SQLITE_IOERR | 14 << 8
  static let lock = SQLITE_IOERR | 15 << 8
  static let memoryLock = SQLITE_IOERR | 20 << 8
  static let memoryMap = SQLITE_IOERR | 21 << 8
  static let deleteMissing = SQLITE_IOERR | 23 << 8
}
