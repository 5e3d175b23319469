// SlotPair: the two places on the medium: written in pieces, read back, never while running.

internal import Crypto
internal import UpdateModel

/// Writes and checks slots.
struct SlotPair {
  /// Bytes between two forced writes, so that the dirty cache stays bounded.
  static let syncBytes: Int64 = 8 << 20

  let disk: any AgentDisk
  let setup: SlotSetup

  /// Bytes that fit into a slot.
  func capacity(of slot: Slot) throws(AgentError) -> Int64 {
    let path = setup.path(slot)
    guard try disk.isBlockDevice(path) else { return setup.fileBytesMax }
    return try disk.open(path, .read).size()
  }

  /// Copies a verified download to a slot, forces it to the medium, and reads it back from there.
  ///
  /// What is copied is digested on the way: a part file that changed since it was verified ends in
  /// `imageLost`. The rest of a block device is left as it is. `running` is what the system says at
  /// this moment: the machine chose the other slot, and this is the second look.
  func write(_ image: UpdateImage, from part: any DiskFile, to slot: Slot, running: Slot?)
    throws(AgentError) -> SlotOutcome
  {
    guard slot != running else { throw .slotIsRunning(slot) }
    // Two names for one device would defeat the check above.
    guard setup.pathA != setup.pathB else { throw .slotIsRunning(slot) }
    let capacity = try capacity(of: slot)
    guard image.size <= capacity else { throw .tooLarge(size: image.size, capacity: capacity) }
    let path = setup.path(slot)
    let isDevice = try disk.isBlockDevice(path)
    // The kernel's own word on whether the running system is on it.
    let file = try disk.open(path, isDevice ? .exclusive : .create)
    guard !isDevice else { return try fill(slot, with: image, from: part, file) }
    let outcome: SlotOutcome
    do throws(AgentError) {
      try file.truncate(to: image.size)
      outcome = try fill(slot, with: image, from: part, file)
    } catch {
      // Half an image is of no use and may fill the disk; the error of the copy is what is told.
      try? file.truncate(to: 0)
      throw error
    }
    if case .imageLost = outcome { try file.truncate(to: 0) }
    return outcome
  }

  private func fill(
    _ slot: Slot, with image: UpdateImage, from part: any DiskFile, _ file: any DiskFile
  ) throws(AgentError) -> SlotOutcome {
    let path = setup.path(slot)
    let copied = try copy(image, from: part, to: file)
    guard copied == image.sha256 else { return .imageLost }
    try file.sync()
    if try !disk.isBlockDevice(path) { try disk.syncDirectory(SlotPair.folder(of: path)) }
    file.dropCache()
    let found = try FileDigest.of(file, count: image.size)
    guard found == image.sha256 else {
      throw .wrongDigest(
        subject: "slot \(slot.rawValue), read back,", expected: image.sha256, found: found)
    }
    return .written
  }

  /// Whether the bytes of a slot are those of its content; true where nothing is known, and where
  /// they were others already when the slot ran well.
  func isIntact(_ slot: Slot, _ content: SlotContent?) throws(AgentError) -> Bool {
    guard setup.isReadOnly, let content, !content.isAltered else { return true }
    guard try disk.exists(setup.path(slot)) else { return false }
    let file = try disk.open(setup.path(slot), .read)
    file.dropCache()
    return try FileDigest.of(file, count: content.size) == content.sha256
  }

  private func copy(
    _ image: UpdateImage, from part: any DiskFile, to file: any DiskFile
  ) throws(AgentError) -> Digest {
    var digest = try FileDigest.start()
    var offset: Int64 = 0
    var unforced: Int64 = 0
    while offset < image.size {
      let wanted = Int(min(Int64(setup.pieceBytes), image.size - offset))
      let piece = try part.read(at: offset, count: wanted)
      if piece.isEmpty { break }
      try FileDigest.add(piece, to: &digest)
      try file.write(piece, at: offset)
      offset += Int64(piece.count)
      unforced += Int64(piece.count)
      if unforced >= SlotPair.syncBytes {
        try file.sync()
        unforced = 0
      }
    }
    return try FileDigest.finish(digest)
  }

  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }
}

/// What came of writing a slot.
enum SlotOutcome {
  /// It holds the image.
  case written
  /// The download was no longer what had been verified.
  case imageLost
}
