// SimulatedFile: one file in memory: as programs see it, and as a power failure would leave it.

/// The bytes of a file with everything that was written since they were last forced to the disk.
struct SimulatedFile {
  /// The unit in which a disk writes all or nothing, in bytes.
  static let sectorBytes = 512

  private enum Write {
    case bytes(at: Int, [UInt8])
    case length(Int)
  }

  /// What a reader sees.
  private(set) var content: [UInt8] = []
  // What is on the disk for certain, and what may or may not be.
  private var durable: [UInt8] = []
  private var pending: [Write] = []
  // A file that was never forced to the disk may be missing after a power failure.
  private var isRooted = false

  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    let copy = Array(bytes)
    SimulatedFile.apply(.bytes(at: offset, copy), to: &content)
    pending.append(.bytes(at: offset, copy))
  }

  mutating func truncate(to length: Int) {
    SimulatedFile.apply(.length(length), to: &content)
    pending.append(.length(length))
  }

  /// Everything written so far is on the disk.
  mutating func sync() {
    for write in pending { SimulatedFile.apply(write, to: &durable) }
    pending.removeAll(keepingCapacity: true)
    isRooted = true
  }

  /// The power failed: of what was not synced, all, nothing or any part has reached the disk, and
  /// of a write any number of its first sectors. `draw` gives a number below its argument.
  ///
  /// - Returns: Whether the file is still there.
  mutating func crash(draw: (Int) -> Int) -> Bool {
    let mood = draw(4)
    for write in pending where mood != 0 {
      guard mood == 1 || draw(2) == 0 else { continue }
      let isTorn = mood != 1 && draw(4) == 0
      SimulatedFile.apply(isTorn ? SimulatedFile.torn(write, draw) : write, to: &durable)
    }
    let isLost = !isRooted && (mood == 0 || draw(2) == 0)
    pending = []
    content = durable
    isRooted = true
    return !isLost
  }

  private static func torn(_ write: Write, _ draw: (Int) -> Int) -> Write {
    guard case .bytes(let offset, let bytes) = write else { return write }
    let firstEnd = sectorBytes - offset % sectorBytes
    guard bytes.count > firstEnd else { return write }
    let sectors = 1 + (bytes.count - firstEnd + sectorBytes - 1) / sectorBytes
    let kept = draw(sectors)
    let length = kept == 0 ? 0 : firstEnd + (kept - 1) * sectorBytes
    return .bytes(at: offset, Array(bytes.prefix(length)))
  }

  private static func apply(_ write: Write, to image: inout [UInt8]) {
    switch write {
    case .length(let length):
      if length < image.count {
        image.removeSubrange(length...)
      } else {
        image += [UInt8](repeating: 0, count: length - image.count)
      }
    case .bytes(let offset, let bytes):
      guard !bytes.isEmpty else { return }
      if offset == image.count {
        image += bytes
        return
      }
      let end = offset + bytes.count
      if image.count < end { image += [UInt8](repeating: 0, count: end - image.count) }
      image.withUnsafeMutableBytes { target in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyBytes(from: bytes)
      }
    }
  }
}
