// UBootEnvironment: the format in which U-Boot stores variables: CRC-32 in little endian, a counter
// when there are two copies, then `name=value` texts, each ended by a zero byte.

internal import UpdateModel

/// One copy of an environment as bytes and back (U-Boot's env/common.c, `env_import`).
enum UBootEnvironment {
  /// The variables, and the counter of a copy that has one.
  struct Copy {
    let variables: BootVariables
    let counter: UInt8
  }

  /// Bytes before the variables.
  private static func headerCount(isRedundant: Bool) -> Int { isRedundant ? 5 : 4 }

  /// Reads a copy; nil when its checksum is wrong or its texts are none.
  static func decode(_ bytes: [UInt8], isRedundant: Bool) -> Copy? {
    let start = headerCount(isRedundant: isRedundant)
    guard bytes.count > start + 1 else { return nil }
    let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
    let body = bytes[start...]
    guard CRC32.value(of: body) == stored else { return nil }
    var entries: [String] = []
    var rest = body
    // An empty text ends the list.
    while let end = rest.firstIndex(of: 0), end > rest.startIndex {
      guard let text = String(validating: rest[rest.startIndex..<end], as: UTF8.self) else {
        return nil
      }
      entries.append(text)
      rest = rest[(end + 1)...]
    }
    guard let variables = BootVariables(entries: entries) else { return nil }
    return Copy(variables: variables, counter: isRedundant ? bytes[4] : 0)
  }

  /// Writes a copy of exactly `size` bytes.
  static func encode(
    _ variables: BootVariables, size: Int, counter: UInt8?
  ) throws(AgentError) -> [UInt8] {
    var body: [UInt8] = []
    for entry in variables.entries {
      body += entry.utf8
      body.append(0)
    }
    body.append(0)
    let room = size - headerCount(isRedundant: counter != nil)
    guard body.count <= room else {
      throw .malformed(
        subject: "the environment of U-Boot",
        reason: "would have \(body.count) bytes and there is room for \(room)")
    }
    body += [UInt8](repeating: 0, count: room - body.count)
    let sum = CRC32.value(of: body)
    let header = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt32($0))) }
    return header + (counter.map { [$0] } ?? []) + body
  }

  /// Which of two copies is in use: the one with the later counter, which wraps from 255 to 0
  /// (`env_import_redund`).
  static func isFirstNewer(_ first: UInt8, _ second: UInt8) -> Bool {
    if first == 255, second == 0 { return false }
    if second == 255, first == 0 { return true }
    return first >= second
  }
}
