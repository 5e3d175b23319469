// UBootFile: the environment of U-Boot on a medium: which copy counts, and how it is replaced.

internal import UpdateModel

/// Reads and writes the stored environment.
///
/// Two copies: the older one is overwritten, so a power failure leaves the newer one. One copy that
/// is a file of its own is replaced by rename. One copy inside a device is overwritten in place,
/// and of it only the sectors that differ: the record lies at the start, so this is mostly one
/// sector, which media write as a whole. Boards that can have two copies should.
struct UBootFile {
  /// What every medium writes as a whole, in bytes.
  static let sectorBytes = 512

  let disk: any AgentDisk
  let setup: UBootSetup

  private var places: [UBootSetup.Copy] {
    [UBootSetup.Copy(path: setup.path, offset: setup.offset)] + (setup.redundant.map { [$0] } ?? [])
  }

  private struct Found {
    let bytes: [UInt8]
    let copy: UBootEnvironment.Copy?
  }

  func read() throws(AgentError) -> BootVariables {
    let copies = try found()
    guard let index = newest(copies), let copy = copies[index].copy else {
      throw .malformed(
        subject: "the environment of U-Boot in \(setup.path)", reason: "has a wrong checksum")
    }
    return copy.variables
  }

  func write(_ variables: BootVariables) throws(AgentError) {
    let copies = try found()
    let present = newest(copies)
    guard setup.redundant != nil else {
      let bytes = try UBootEnvironment.encode(variables, size: setup.size, counter: nil)
      return try replace(copies[0].bytes, by: bytes, at: places[0])
    }
    let counter = present.flatMap { copies[$0].copy?.counter } ?? 0
    let target = present == 0 ? 1 : 0
    let bytes = try UBootEnvironment.encode(variables, size: setup.size, counter: counter &+ 1)
    try overwrite(copies[target].bytes, by: bytes, at: places[target])
  }

  private func found() throws(AgentError) -> [Found] {
    var copies: [Found] = []
    for place in places {
      let file = try disk.open(place.path, .read)
      let bytes = try file.read(at: place.offset, count: setup.size)
      let isRedundant = setup.redundant != nil
      let copy =
        bytes.count == setup.size
        ? UBootEnvironment.decode(bytes, isRedundant: isRedundant) : nil
      copies.append(Found(bytes: bytes, copy: copy))
    }
    return copies
  }

  private func newest(_ copies: [Found]) -> Int? {
    guard let first = copies.first?.copy else {
      return copies.count > 1 && copies[1].copy != nil ? 1 : nil
    }
    guard copies.count > 1, let second = copies[1].copy else { return 0 }
    return UBootEnvironment.isFirstNewer(first.counter, second.counter) ? 0 : 1
  }

  private func replace(
    _ old: [UInt8], by bytes: [UInt8], at place: UBootSetup.Copy
  ) throws(AgentError) {
    let size = try disk.open(place.path, .read).size()
    let isDevice = try disk.isBlockDevice(place.path)
    guard !isDevice, place.offset == 0, size == Int64(setup.size) else {
      return try overwrite(old, by: bytes, at: place)
    }
    let temporary = "\(place.path).new"
    let file = try disk.open(temporary, .create)
    try file.truncate(to: 0)
    try file.write(bytes, at: 0)
    try file.sync()
    try disk.rename(temporary, to: place.path)
    try disk.syncDirectory(SlotPair.folder(of: place.path))
  }

  private func overwrite(
    _ old: [UInt8], by bytes: [UInt8], at place: UBootSetup.Copy
  ) throws(AgentError) {
    let file = try disk.open(place.path, .write)
    for start in stride(from: 0, to: bytes.count, by: Self.sectorBytes) {
      let range = start..<min(start + Self.sectorBytes, bytes.count)
      let isSame = range.upperBound <= old.count && old[range] == bytes[range]
      if !isSame { try file.write(Array(bytes[range]), at: place.offset + Int64(start)) }
    }
    try file.sync()
  }
}
