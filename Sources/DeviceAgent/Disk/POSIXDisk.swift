// POSIXDisk: the door to the real files and block devices of the device.

internal import Glibc

/// The disk of the operating system.
public struct POSIXDisk: AgentDisk {
  /// Names in one folder; more are not listed.
  static let namesMax = 10_000

  /// The real disk.
  public init() {}

  /// Opens with close-on-exec; makes files readable by their owner only.
  public func open(_ path: String, _ mode: DiskMode) throws(AgentError) -> any DiskFile {
    let number =
      switch mode {
      case .read: Glibc.open(path, O_RDONLY | O_CLOEXEC)
      case .write: Glibc.open(path, O_RDWR | O_CLOEXEC)
      // Without O_CREAT this asks the kernel whether the block device is in use (open(2)).
      case .exclusive: Glibc.open(path, O_RDWR | O_EXCL | O_CLOEXEC)
      case .create: Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      case .createProgram: Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o755)
      }
    guard number >= 0 else { throw Self.error("open", path) }
    return POSIXFile(owning: number, path: path)
  }

  /// Follows links; a dangling one is nothing.
  public func exists(_ path: String) throws(AgentError) -> Bool {
    try status(path) != nil
  }

  /// Follows links, as names below `/dev/disk` are.
  public func isBlockDevice(_ path: String) throws(AgentError) -> Bool {
    guard let status = try status(path) else { return false }
    return status.st_mode & S_IFMT == S_IFBLK
  }

  /// Atomic within a file system (rename(2)).
  public func rename(_ path: String, to target: String) throws(AgentError) {
    guard Glibc.rename(path, target) == 0 else { throw Self.error("rename", path) }
  }

  /// Removes empty folders too.
  public func remove(_ path: String) throws(AgentError) {
    guard Glibc.remove(path) == 0 || errno == ENOENT else { throw Self.error("remove", path) }
  }

  /// fsync(2) of the folder itself.
  public func syncDirectory(_ path: String) throws(AgentError) {
    let number = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw Self.error("open", path) }
    defer { close(number) }
    guard fsync(number) == 0 else { throw Self.error("force to the medium", path) }
  }

  /// Makes missing folders from the top, each durable in the one above it.
  public func makeDirectory(_ path: String) throws(AgentError) {
    if try exists(path) { return }
    let above = SlotPair.folder(of: path)
    if above != path { try makeDirectory(above) }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Self.error("make", path) }
    try syncDirectory(above)
  }

  /// In byte order, without `.` and `..`.
  public func names(in path: String) throws(AgentError) -> [String] {
    guard let directory = opendir(path) else {
      if errno == ENOENT { return [] }
      throw Self.error("list", path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while names.count < Self.namesMax, let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// symlink(2).
  public func link(_ path: String, to target: String) throws(AgentError) {
    guard symlink(target, path) == 0 else { throw Self.error("link", path) }
  }

  /// readlink(2).
  public func target(ofLink path: String) throws(AgentError) -> String? {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { buffer in
      buffer.withMemoryRebound(to: CChar.self) { characters in
        characters.baseAddress.map { readlink(path, $0, characters.count) } ?? -1
      }
    }
    if count < 0, errno == ENOENT { return nil }
    guard count >= 0 else { throw Self.error("follow", path) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }

  /// What an ordinary user may still write (statvfs(3)).
  public func freeBytes(at path: String) throws(AgentError) -> Int64 {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { throw Self.error("measure", path) }
    let (bytes, isTooMuch) = UInt64(status.f_bavail).multipliedReportingOverflow(
      by: UInt64(status.f_frsize))
    return isTooMuch ? .max : Int64(clamping: bytes)
  }

  private func status(_ path: String) throws(AgentError) -> stat? {
    var status = stat()
    if stat(path, &status) == 0 { return status }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw Self.error("look at", path)
  }

  fileprivate static func error(_ operation: String, _ path: String) -> AgentError {
    .system(operation: operation, path: path, code: errno)
  }
}

/// An open descriptor.
final class POSIXFile: DiskFile {
  private let number: Int32
  private let path: String

  init(owning number: Int32, path: String) {
    self.number = number
    self.path = path
  }

  deinit { close(number) }

  /// The end of the file is also the size of a block device (lseek(2)).
  func size() throws(AgentError) -> Int64 {
    let end = lseek(number, 0, SEEK_END)
    guard end >= 0 else { throw POSIXDisk.error("measure", path) }
    return Int64(end)
  }

  func read(at offset: Int64, count: Int) throws(AgentError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var filled = 0
    while filled < count {
      let result = bytes.withUnsafeMutableBytes { buffer in
        pread(
          number, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset) + filled)
      }
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw POSIXDisk.error("read", path) }
      if result == 0 { break }
      filled += result
    }
    bytes.removeSubrange(filled...)
    return bytes
  }

  func write(_ bytes: [UInt8], at offset: Int64) throws(AgentError) {
    var written = 0
    while written < bytes.count {
      let result = bytes.withUnsafeBytes { buffer in
        pwrite(
          number, buffer.baseAddress.map { $0 + written }, bytes.count - written,
          off_t(offset) + written)
      }
      if result < 0 && errno == EINTR { continue }
      guard result >= 0 else { throw POSIXDisk.error("write", path) }
      written += result
    }
  }

  func truncate(to size: Int64) throws(AgentError) {
    guard ftruncate(number, off_t(size)) == 0 else { throw POSIXDisk.error("cut", path) }
  }

  func sync() throws(AgentError) {
    guard fsync(number) == 0 else { throw POSIXDisk.error("force to the medium", path) }
  }

  /// Only an advice; where it is not followed the read back proves less, and nothing breaks.
  func dropCache() { _ = posix_fadvise(number, 0, 0, POSIX_FADV_DONTNEED) }
}
