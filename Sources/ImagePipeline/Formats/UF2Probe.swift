// UF2 (microsoft/uf2, README): every 512-byte block stands for itself and must be whole.

enum UF2Probe: FormatProbe {
  static let kind = ImageFormat.Kind.uf2

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard let first = try reader.bytes(at: 0, 512), hasMagics(first) else { return .foreign }
    guard reader.size.isMultiple(of: 512) else { return .damaged("its last block is cut off") }
    var broken: Int64?
    var number: Int64 = 0
    // Pieces are multiples of 512 because the file is.
    try reader.stream(from: 0, reader.size) { piece in
      for start in stride(from: 0, to: piece.count, by: 512) {
        if broken == nil, !isWhole([UInt8](piece[start..<(start + 512)])) { broken = number }
        number += 1
      }
    }
    if let broken { return .damaged("block \(broken) is malformed") }
    return .found(ImageFormat(.uf2, version: version(in: first)))
  }

  private static func hasMagics(_ block: [UInt8]) -> Bool {
    block.little32(0) == 0x0A32_4655 && block.little32(4) == 0x9E5D_5157
      && block.little32(508) == 0x0AB1_6F30
  }

  private static func isWhole(_ block: [UInt8]) -> Bool {
    hasMagics(block) && block.little32(16) <= 476 && block.little32(20) < block.little32(24)
  }

  /// Extension tags follow the payload when flag 0x8000 is set: size, 24-bit type, data.
  private static func version(in block: [UInt8]) -> String? {
    guard block.little32(8) & 0x8000 != 0 else { return nil }
    var position = 32 + Int(aligned(Int64(block.little32(16)), to: 4))
    while position + 4 <= 508 {
      let length = Int(block[position])
      guard length >= 4, position + length <= 508 else { return nil }
      if block.little32(position) >> 8 == 0x9FC7BC {
        return block.text((position + 4)..<(position + length))
      }
      position += Int(aligned(Int64(length), to: 4))
    }
    return nil
  }
}
