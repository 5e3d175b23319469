// SimulatedInode: the bytes of one file: as programs see them, and as a power failure leaves them.

/// Numbers by seed (splitmix64).
struct Draw {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func callAsFunction(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ mixed >> 31) % UInt64(bound))
  }
}

struct SimulatedInode {
  private enum Change {
    case bytes(at: Int, [UInt8])
    case length(Int)
  }

  /// What a reader sees.
  private(set) var content: [UInt8]
  /// Smallest piece that is written as a whole: 1 is the worst medium, 512 an ordinary one.
  let atomicBytes: Int
  private var durable: [UInt8]
  private var pending: [Change] = []

  init(_ content: [UInt8] = [], atomicBytes: Int = 1) {
    self.content = content
    self.atomicBytes = atomicBytes
    durable = content
  }

  mutating func write(_ bytes: [UInt8], at offset: Int) {
    Self.apply(.bytes(at: offset, bytes), to: &content)
    pending.append(.bytes(at: offset, bytes))
  }

  mutating func truncate(to length: Int) {
    Self.apply(.length(length), to: &content)
    pending.append(.length(length))
  }

  mutating func sync() {
    durable = content
    pending = []
  }

  /// Of what was not forced, all, nothing or any part is on the medium, in any order, and of a
  /// write any number of its first bytes, or only its length.
  mutating func crash(_ draw: inout Draw) {
    let mood = draw(4)
    for change in pending where mood != 0 {
      guard mood == 1 || draw(2) == 0 else { continue }
      guard mood > 1, case .bytes(let offset, let bytes) = change else {
        Self.apply(change, to: &durable)
        continue
      }
      switch draw(3) {
      case 0: Self.apply(change, to: &durable)
      case 1:
        let kept = draw(bytes.count + 1) / atomicBytes * atomicBytes
        Self.apply(.bytes(at: offset, Array(bytes.prefix(kept))), to: &durable)
      default:
        // The file system knew the new length and had not written the bytes.
        let end = offset + bytes.count
        if end > durable.count { Self.apply(.length(end), to: &durable) }
      }
    }
    content = durable
    pending = []
  }

  private static func apply(_ change: Change, to image: inout [UInt8]) {
    switch change {
    case .length(let length):
      if length < image.count {
        image.removeSubrange(length...)
      } else {
        image += [UInt8](repeating: 0, count: length - image.count)
      }
    case .bytes(let offset, let bytes):
      let end = offset + bytes.count
      if image.count < end { image += [UInt8](repeating: 0, count: end - image.count) }
      image.replaceSubrange(offset..<end, with: bytes)
    }
  }
}
