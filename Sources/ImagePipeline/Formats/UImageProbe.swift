// U-Boot legacy image (u-boot include/image.h): both CRCs must be right.

enum UImageProbe: FormatProbe {
  static let kind = ImageFormat.Kind.uImage

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.starts(with: [0x27, 0x05, 0x19, 0x56]), var head = try reader.bytes(at: 0, 64)
    else { return .foreign }
    let headerSum = head.big32(4)
    head.replaceSubrange(4..<8, with: [0, 0, 0, 0])
    var sum = CRC32()
    head.withUnsafeBytes { sum.update($0) }
    guard sum.value == headerSum else { return .damaged("its header checksum does not match") }
    let size = Int64(head.big32(12))
    guard reader.holds(64, size) else { return .damaged("it is shorter than its header says") }
    var dataSum = CRC32()
    try reader.stream(from: 64, size) { piece in dataSum.update(piece) }
    guard dataSum.value == head.big32(24) else {
      return .damaged("its data checksum does not match")
    }
    return .found(ImageFormat(.uImage, label: head.text(32..<64)))
  }
}

/// CRC-32 as in zlib and U-Boot (reflected polynomial 0xEDB88320).
struct CRC32 {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
  }

  private var state: UInt32 = ~0

  var value: UInt32 { ~state }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var sum = state
    Self.table.withUnsafeBufferPointer { table in
      for byte in bytes { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
    }
    state = sum
  }
}
