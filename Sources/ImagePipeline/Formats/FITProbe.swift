// U-Boot FIT: a flattened device tree (Devicetree Specification 0.4, chapter 5) with /images and
// /configurations. A plain device tree is not an image.

enum FITProbe: FormatProbe {
  static let kind = ImageFormat.Kind.fit
  /// A large FIT has some hundred tokens; more than this is no FIT.
  private static let tokenCountMax = 16384

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.starts(with: [0xD0, 0x0D, 0xFE, 0xED]), let head = try reader.bytes(at: 0, 40)
    else { return .foreign }
    let total = Int64(head.big32(4))
    let structure = Int64(head.big32(8))
    let strings = Int64(head.big32(12))
    let (stringsSize, structureSize) = (Int64(head.big32(32)), Int64(head.big32(36)))
    guard (16...17).contains(head.big32(20)) else { return .foreign }
    guard total <= reader.size else { return .damaged("it is shorter than its header says") }
    // Version 16 has no structure size field.
    let end = head.big32(20) == 16 ? total : structure + structureSize
    guard end <= total, strings + stringsSize <= total else {
      return .damaged("its blocks lie outside it")
    }
    var walk = TreeWalk(
      reader: reader, position: structure, end: end, strings: strings,
      stringsEnd: strings + stringsSize)
    for _ in 0..<tokenCountMax {
      switch try walk.step() {
      case .more: continue
      case .broken: return .damaged("its tree is malformed")
      case .end:
        // A device tree without these nodes is sound, but no firmware image.
        guard walk.rootNodes.isSuperset(of: ["images", "configurations"]) else { return .foreign }
        return .found(ImageFormat(.fit, label: walk.description))
      }
    }
    return .damaged("its tree has more than \(tokenCountMax) parts")
  }
}

/// Walks the structure block token by token and keeps what the root says.
private struct TreeWalk {
  enum Step { case more, end, broken }

  let reader: FormatReader
  var position: Int64
  let end: Int64
  let strings: Int64
  let stringsEnd: Int64
  var depth = 0
  var rootNodes: Set<String> = []
  var description: String?

  mutating func step() throws(ImageError) -> Step {
    guard position + 4 <= end, let token = try reader.bytes(at: position, 4) else { return .broken }
    position += 4
    switch token.big32(0) {
    case 1: return try beginNode()
    case 2:
      depth -= 1
      return depth >= 0 ? .more : .broken
    case 3: return try property()
    case 4: return .more
    case 9: return depth == 0 ? .end : .broken
    default: return .broken
    }
  }

  private mutating func beginNode() throws(ImageError) -> Step {
    // Node names have at most 31 characters, plus unit address; 256 is generous.
    let room = Int(min(256, end - position))
    guard depth < 32, let bytes = try reader.bytes(at: position, room),
      let length = bytes.firstIndex(of: 0)
    else { return .broken }
    if depth == 1 { rootNodes.insert(String(decoding: bytes[..<length], as: UTF8.self)) }
    depth += 1
    position += aligned(Int64(length) + 1, to: 4)
    return .more
  }

  private mutating func property() throws(ImageError) -> Step {
    guard depth > 0, position + 8 <= end, let head = try reader.bytes(at: position, 8) else {
      return .broken
    }
    let length = Int64(head.big32(0))
    let name = strings + Int64(head.big32(4))
    position += 8
    guard length <= end - position, name < stringsEnd else { return .broken }
    if depth == 1, description == nil, length <= 128 {
      let wanted = Array("description\0".utf8)
      if try reader.bytes(at: name, wanted.count) == wanted,
        let value = try reader.bytes(at: position, Int(length))
      {
        description = value.text(0..<value.count)
      }
    }
    position += aligned(length, to: 4)
    return .more
  }
}
