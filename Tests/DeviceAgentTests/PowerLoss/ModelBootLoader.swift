// ModelBootLoader: does what the boot script of a U-Boot board does, with its own reading of the
// record: nothing of the agent's code is used here.

@testable import DeviceAgent

/// A boot loader on a disk.
struct ModelBootLoader {
  /// Where the record is.
  enum Record {
    /// `boot.0` and `boot.1` in a folder.
    case copies(folder: String)
    /// An environment of this size with a checksum; a second copy means counters.
    case environment(paths: [(path: String, offset: Int)], size: Int)

    /// Whether there is nothing to fall back to when a write of the boot loader is torn.
    var hasOneCopy: Bool {
      switch self {
      case .copies: false
      case .environment(let paths, _): paths.count == 1
      }
    }
  }

  /// Why nothing was started.
  struct Brick: Error, CustomStringConvertible {
    let description: String
  }

  let disk: any AgentDisk
  let record: Record

  /// Chooses a slot as the script does: counts a trial, saves, falls back over the limit.
  func choose() throws -> String {
    var variables = try load()
    if variables["upgrade_available"] == "1" {
      let count = (Int(variables["bootcount"] ?? "") ?? 0) + 1
      variables["bootcount"] = "\(count)"
      try save(variables)
      if count > Int(variables["bootlimit"] ?? "") ?? 0 {
        variables["slot"] = variables["previous"]
        variables["upgrade_available"] = "0"
        variables["bootcount"] = "0"
        variables["ustate"] = "3"
        try save(variables)
      }
    }
    guard let slot = variables["slot"] else { throw Brick(description: "the record has no slot") }
    return slot
  }

  func load() throws -> [String: String] {
    guard let newest = try candidates().max(by: { $0.number < $1.number }) else {
      throw Brick(description: "the boot record cannot be read")
    }
    return newest.variables
  }

  // MARK: Reading

  private struct Candidate {
    let index: Int
    let number: Int
    let variables: [String: String]
  }

  private func candidates() throws -> [Candidate] {
    switch record {
    case .copies(let folder):
      return try (0...1).compactMap { index in
        try content("\(folder)/boot.\(index)").flatMap { text($0, index) }
      }
    case .environment(let paths, let size):
      return try paths.indices.compactMap { index in
        let content = try content(paths[index].path) ?? []
        let bytes = Array(content.dropFirst(paths[index].offset).prefix(size))
        return environment(bytes, index, isRedundant: paths.count > 1)
      }
    }
  }

  private func content(_ path: String) throws -> [UInt8]? {
    guard try disk.exists(path) else { return nil }
    let file = try disk.open(path, .read)
    return try file.read(at: 0, count: Int(try file.size()))
  }

  private func text(_ bytes: [UInt8], _ index: Int) -> Candidate? {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard let last = lines.last, last.hasPrefix("sha256="), bytes.last == 10 else { return nil }
    let body = Array(bytes.dropLast(last.utf8.count + 1))
    guard last.dropFirst(7) == ReferenceDigest.hex(body) else { return nil }
    let variables = pairs(lines)
    guard let number = variables["generation"].flatMap({ Int($0) }) else { return nil }
    return Candidate(index: index, number: number, variables: variables)
  }

  private func environment(_ bytes: [UInt8], _ index: Int, isRedundant: Bool) -> Candidate? {
    let start = isRedundant ? 5 : 4
    guard bytes.count > start else { return nil }
    let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
    guard stored == ReferenceDigest.crc32(bytes.dropFirst(start)) else { return nil }
    let texts = bytes.dropFirst(start).split(separator: 0).map {
      String(decoding: $0, as: UTF8.self)
    }
    // Tests never come near the end of the counter's range.
    return Candidate(
      index: index, number: isRedundant ? Int(bytes[4]) : 0, variables: pairs(texts))
  }

  private func pairs(_ lines: [some StringProtocol]) -> [String: String] {
    var pairs: [String: String] = [:]
    for line in lines {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { pairs[String(parts[0])] = String(parts[1]) }
    }
    return pairs
  }

  // MARK: Writing

  /// Overwrites the older copy in place, as `fatwrite` does; the power may fail in it.
  private func save(_ variables: [String: String]) throws {
    let all = try candidates()
    let newest = all.max { $0.number < $1.number }
    let number = (newest?.number ?? 0) + 1
    let names = ["slot", "previous", "upgrade_available", "bootcount", "bootlimit", "ustate"]
    let lines = names.map { "\($0)=\(variables[$0] ?? "")" }
    switch record {
    case .copies(let folder):
      let body = (["groundswell-durable 1", "generation=\(number)"] + lines)
        .map { "\($0)\n" }.joined()
      let text = body + "sha256=\(ReferenceDigest.hex(Array(body.utf8)))\n"
      let file = try disk.open("\(folder)/boot.\(newest?.index == 0 ? 1 : 0)", .create)
      try file.truncate(to: 0)
      try file.write(Array(text.utf8), at: 0)
      try file.sync()
      try disk.syncDirectory(folder)
    case .environment(let paths, let size):
      let isRedundant = paths.count > 1
      let index = isRedundant ? (newest?.index == 0 ? 1 : 0) : 0
      var body: [UInt8] = lines.flatMap { (line: String) -> [UInt8] in Array(line.utf8) + [0] }
      body.append(0)
      body += [UInt8](repeating: 0, count: size - (isRedundant ? 5 : 4) - body.count)
      let sum = ReferenceDigest.crc32(body)
      var bytes = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
      if isRedundant { bytes.append(UInt8(number)) }
      bytes += body
      // One copy has no older one; its board must trust a sector to be written as a whole.
      let file = try disk.open(paths[index].path, .write)
      try file.write(Array(bytes.prefix(512)), at: Int64(paths[index].offset))
      let old = Array((try content(paths[index].path) ?? []).dropFirst(paths[index].offset + 512))
      if Array(bytes.dropFirst(512)) != Array(old.prefix(size - 512)) {
        try file.write(Array(bytes.dropFirst(512)), at: Int64(paths[index].offset + 512))
      }
      try file.sync()
    }
  }
}
