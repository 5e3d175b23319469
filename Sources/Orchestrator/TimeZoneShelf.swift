// TimeZoneShelf: the time zone database of the system, one zone at a time, when it is asked for.

import Glibc
import UpdateModel

/// The rules of time zones by name, read from TZif files and kept for a day, so that an updated
/// database is noticed.
public final class TimeZoneShelf: Sendable {
  /// What is known about a name.
  enum Entry: Equatable {
    /// Its rules.
    case rules(TimeZoneRules)
    /// There is no such zone.
    case unknown
    /// There may be one, but its file cannot be read now.
    case unreadable
  }

  private struct Kept {
    let entry: Entry
    let since: Instant
  }

  // Zones that exist apart from names that do not, so that these never push out those.
  private struct Contents {
    var zones: [TimeZoneName: Kept] = [:]
    var others: [TimeZoneName: Kept] = [:]
  }

  private let directory: String
  private let contents = Lock(Contents())
  /// Names kept of each kind; the database has about 600.
  private static let keptMax = 1024
  /// A zone that every database has.
  private static let probe = TimeZoneName("Etc/UTC")

  /// Looks into a directory of TZif files; on Linux that of the package tzdata.
  public init(directory: String = "/usr/share/zoneinfo") { self.directory = directory }

  /// What is known about a name without touching the disk; nil when it has to be loaded.
  func known(_ name: TimeZoneName, at now: Instant) -> Entry? {
    if name == .utc { return .rules(.utc) }
    return contents.withLock { contents in
      let kept = contents.zones[name] ?? contents.others[name]
      guard let kept, now - kept.since < TimeZoneShelf.age(of: kept.entry), now >= kept.since
      else { return nil }
      return kept.entry
    }
  }

  /// Reads a zone from the disk: not to be called with any lock held.
  @discardableResult
  func load(_ name: TimeZoneName, at now: Instant) -> Entry {
    if name == .utc { return .rules(.utc) }
    let found = read(name)
    return contents.withLock { contents in
      if case .unreadable = found, let old = contents.zones[name] {
        // Rules of yesterday are better than none.
        contents.zones[name] = Kept(entry: old.entry, since: now)
        return old.entry
      }
      if case .rules = found {
        if contents.zones.count >= TimeZoneShelf.keptMax { contents.zones = [:] }
        contents.zones[name] = Kept(entry: found, since: now)
        contents.others[name] = nil
      } else {
        if contents.others.count >= TimeZoneShelf.keptMax { contents.others = [:] }
        contents.others[name] = Kept(entry: found, since: now)
        contents.zones[name] = nil
      }
      return found
    }
  }

  /// Throws when the zones that a schedule cannot do without are not there.
  func require(_ schedule: MaintenanceSchedule?, at now: Instant) throws(Problem) {
    guard let schedule else { return }
    if case .device = schedule.zone, let probe = TimeZoneShelf.probe {
      guard case .rules = load(probe, at: now) else {
        throw Problem(
          .unprocessable,
          "windows.zone: there is no time zone database in \(directory), and windows in devices' "
            + "own zones need one; install the package tzdata")
      }
    }
    let name = schedule.zone.required
    switch load(name, at: now) {
    case .rules: return
    case .unknown:
      throw Problem(
        .unprocessable,
        "windows: \(directory) has no time zone '\(name)'; write its IANA name, such as "
          + "Europe/Paris, or install the package tzdata")
    case .unreadable:
      throw Problem(
        .unprocessable,
        "windows: the time zone '\(name)' cannot be read from \(directory); install the package "
          + "tzdata again")
    }
  }

  private static func age(of entry: Entry) -> Interval {
    switch entry {
    case .rules: .days(1)
    case .unknown: .hours(1)
    case .unreadable: .minutes(1)
    }
  }

  private func read(_ name: TimeZoneName) -> Entry {
    let file = open("\(directory)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else {
      // A missing name in a database that is there; without one, nobody knows.
      let isMissing = errno == ENOENT || errno == ENOTDIR
      return isMissing && access(directory, R_OK | X_OK) == 0 ? .unknown : .unreadable
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { return .unreadable }
    guard status.st_mode & S_IFMT == S_IFREG else { return .unknown }
    var bytes = [UInt8](repeating: 0, count: TimeZoneRules.fileBytesMax + 1)
    var count = 0
    while count < bytes.count {
      let taken = bytes[count...].withUnsafeMutableBytes {
        Glibc.read(file, $0.baseAddress, $0.count)
      }
      if taken < 0, errno == EINTR { continue }
      guard taken >= 0 else { return .unreadable }
      if taken == 0 { break }
      count += taken
    }
    bytes.removeLast(bytes.count - count)
    // Lists and tables of the database lie beside its zones.
    guard bytes.starts(with: "TZif".utf8) else { return .unknown }
    do { return .rules(try TimeZoneRules(tzif: bytes)) } catch { return .unreadable }
  }
}
