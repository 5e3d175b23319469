// LogShelf: the logs that devices upload, as files below one folder, within limits.

import Crypto
import Dispatch
import Glibc
import ImagePipeline
public import UpdateModel

/// A log of a device.
public struct StoredLog: Equatable, Sendable {
  /// Its name, one per device.
  public let name: Name
  /// Bytes.
  public let size: Int64
  /// When it was uploaded.
  public let at: Instant
}

/// Logs by tenant and device: `TENANT/DEVICE/NAME`. Only `list` may run on an event loop.
///
/// What is there is in memory, read once at the start; files come and go one after the other.
public final class LogShelf: Sendable {
  private let root: String
  private let index = Lock<[Name: TenantLogs]>([:])
  private let changes = DispatchQueue(label: "log-shelf")

  /// Bytes of one log.
  public static let logBytesMax: Int64 = 8 << 20
  /// Bytes of all logs of a device; the oldest make room.
  public static let deviceBytesMax: Int64 = 64 << 20
  /// Logs of a device; the oldest make room.
  public static let deviceLogsMax = 64
  /// Bytes of all logs of a tenant; beyond it new ones are refused.
  public static let tenantBytesMax: Int64 = 16 << 30
  /// Older logs are removed.
  public static let ageMax = Interval.days(90)

  private struct TenantLogs {
    var folders: [String: [StoredLog]] = [:]
    var bytes: Int64 = 0
  }

  /// Opens the folder, makes it if only its last part is missing, and reads what is there; uploads
  /// that never ended are removed.
  public init(root: String) throws(Problem) {
    self.root = root
    for path in [root, LogShelf.incoming(root)] where mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw LogShelf.failure("make", path)
    }
    for name in LogShelf.entries(LogShelf.incoming(root)) {
      unlink("\(LogShelf.incoming(root))/\(name)")
    }
    var found: [Name: TenantLogs] = [:]
    for text in LogShelf.entries(root) {
      guard let tenant = try? Name(text) else { continue }  // ours are names
      found[tenant] = LogShelf.read("\(root)/\(text)")
    }
    let all = found
    index.withLock { $0 = all }
  }

  // No tenant has such a name.
  private static func incoming(_ root: String) -> String { "\(root)/.incoming" }

  private static func read(_ path: String) -> TenantLogs {
    var logs = TenantLogs()
    for folder in entries(path) {
      var list: [StoredLog] = []
      for file in entries("\(path)/\(folder)") {
        var facts = stat()
        guard let name = try? Name(file),  // ours are names
          lstat("\(path)/\(folder)/\(file)", &facts) == 0, facts.st_mode & S_IFMT == S_IFREG
        else { continue }
        let at = Int64(facts.st_mtim.tv_sec) * 1000 + Int64(facts.st_mtim.tv_nsec) / 1_000_000
        list.append(
          StoredLog(name: name, size: Int64(facts.st_size), at: Instant(milliseconds: at)))
        logs.bytes += Int64(facts.st_size)
      }
      if !list.isEmpty { logs.folders[folder] = list.sorted { $0.at < $1.at } }
    }
    return logs
  }

  // MARK: Reading

  /// The logs of a device, the newest first.
  func list(_ device: DeviceKey) -> [StoredLog] {
    index.withLock { $0[device.tenant]?.folders[LogShelf.folder(of: device.device)] ?? [] }
      .reversed()
  }

  /// Where a log is; nil when there is none of this name.
  func path(_ name: Name, of device: DeviceKey) -> String? {
    guard list(device).contains(where: { $0.name == name }) else { return nil }
    return "\(path(device))/\(name)"
  }

  private func path(_ device: DeviceKey) -> String {
    "\(root)/\(device.tenant)/\(LogShelf.folder(of: device.device))"
  }

  /// The name of a device's folder: its id where that is a plain word, a digest of it otherwise, so
  /// that no id leads anywhere else.
  static func folder(of device: DeviceID) -> String {
    if device.text.utf8.count <= 64, let name = try? Name(device.text) { return name.text }
    // No name starts with an equals sign.
    return "=" + SHA256.value(of: device.text).hex
  }

  // MARK: Changing

  /// Starts an upload.
  func begin() throws(Problem) -> ArtifactUpload {
    do {
      return ArtifactUpload(
        try ImageWriter(
          directory: LogShelf.incoming(root), byteCountMax: LogShelf.logBytesMax))
    } catch { throw Problem(error) }
  }

  /// Keeps an upload under its name, in place of one of the same name; the oldest logs of the
  /// device make room. Throws `insufficientStorage` when the tenant has too many.
  func keep(
    _ upload: UploadedImage, as name: Name, of device: DeviceKey, at now: Instant
  ) throws(Problem) {
    try inOrder { () throws(Problem) in
      let log = StoredLog(name: name, size: upload.size, at: now)
      let old = list(device).reversed().filter { $0.name != name }
      let dropped = LogShelf.toDrop(from: Array(old), for: log)
      let kept = old.filter { !dropped.contains($0) } + [log]
      let total = index.withLock { $0[device.tenant]?.bytes ?? 0 }
      let growth = LogShelf.bytes(kept) - LogShelf.bytes(list(device))
      guard total + growth <= LogShelf.tenantBytesMax else {
        throw Problem(
          .insufficientStorage,
          "the logs of the tenant take \(total) bytes; at most \(LogShelf.tenantBytesMax) are kept")
      }
      let folder = path(device)
      try LogShelf.make("\(root)/\(device.tenant)", in: root)
      try LogShelf.make(folder, in: "\(root)/\(device.tenant)")
      do throws(ImageError) { try upload.keep(as: name.text, in: folder) } catch {
        throw Problem(error)
      }
      for log in dropped { unlink("\(folder)/\(log.name)") }
      replace(device, with: kept)
    }
  }

  private static func bytes(_ logs: [StoredLog]) -> Int64 { logs.reduce(0) { $0 + $1.size } }

  private static func toDrop(from logs: [StoredLog], for new: StoredLog) -> [StoredLog] {
    var rest = logs[...]
    var bytes = logs.reduce(new.size) { $0 + $1.size }
    while rest.count >= deviceLogsMax || bytes > deviceBytesMax, let oldest = rest.popFirst() {
      bytes -= oldest.size
    }
    return Array(logs.prefix(logs.count - rest.count))
  }

  /// Removes a log; false when there is none of this name.
  func remove(_ name: Name, of device: DeviceKey) throws(Problem) -> Bool {
    try inOrder { () throws(Problem) in
      guard let path = path(name, of: device) else { return false }
      guard unlink(path) == 0 || errno == ENOENT else { throw LogShelf.failure("remove", path) }
      replace(device, with: list(device).reversed().filter { $0.name != name })
      return true
    }
  }

  /// Removes all logs of a device.
  func removeAll(of device: DeviceKey) throws(Problem) {
    for log in list(device) { _ = try remove(log.name, of: device) }
  }

  /// Removes logs that are too old; to be called now and then.
  func removeOld(at now: Instant) {
    let limit = Instant(milliseconds: now.milliseconds - LogShelf.ageMax.milliseconds)
    let old = index.withLock { tenants in
      tenants.flatMap { tenant, logs in
        logs.folders.flatMap { folder, list in
          list.filter { $0.at < limit }.map { (tenant, folder, $0) }
        }
      }
    }
    changes.sync {
      for (tenant, folder, log) in old {
        unlink("\(root)/\(tenant)/\(folder)/\(log.name)")
        index.withLock { tenants in
          let list = tenants[tenant]?.folders[folder] ?? []
          guard list.contains(log) else { return }
          tenants[tenant]?.bytes -= log.size
          tenants[tenant]?.folders[folder] = list.filter { $0 != log }
        }
      }
    }
  }

  private func replace(_ device: DeviceKey, with logs: [StoredLog]) {
    let folder = LogShelf.folder(of: device.device)
    index.withLock { tenants in
      var known = tenants[device.tenant] ?? TenantLogs()
      known.bytes += LogShelf.bytes(logs) - LogShelf.bytes(known.folders[folder] ?? [])
      known.folders[folder] = logs.isEmpty ? nil : logs
      tenants[device.tenant] = known
    }
  }

  // Typed throws do not pass through `sync`.
  private func inOrder<Value>(_ body: () throws(Problem) -> Value) throws(Problem) -> Value {
    let result = changes.sync { () -> Result<Value, Problem> in
      do throws(Problem) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  // A new folder is durable with the one that it lies in.
  private static func make(_ path: String, in parent: String) throws(Problem) {
    guard mkdir(path, 0o700) == 0 else {
      if errno == EEXIST { return }
      throw failure("make", path)
    }
    let folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { if folder >= 0 { close(folder) } }
    guard folder >= 0, fsync(folder) == 0 else { throw failure("make", path) }
  }

  private static func entries(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  private static func failure(_ what: String, _ path: String) -> Problem {
    let kind: Problem.Kind = errno == ENOSPC ? .insufficientStorage : .internalError
    return Problem(kind, "cannot \(what) \(path): \(String(cString: strerror(errno)))")
  }
}
