// ESP-IDF application (esptool bin_image.py). Its magic is a single byte, so the segment checksum
// decides. ESP8266 images share the byte but have a shorter header, and are left as raw.
import Crypto

enum ESP32Probe: FormatProbe {
  static let kind = ImageFormat.Kind.esp32

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard reader.head.first == 0xE9, let head = try reader.bytes(at: 0, 24),
      (1...16).contains(head[1]), head[23] <= 1
    else { return .foreign }
    let description = try applicationDescription(reader)
    // With the description's magic as well, a failing checksum is damage and not chance.
    func broken(_ reason: String) -> Finding {
      description == nil ? .foreign : .damaged(reason)
    }
    var position: Int64 = 24
    var sum: UInt8 = 0xEF
    for _ in 0..<head[1] {
      guard let segment = try reader.bytes(at: position, 8) else {
        return broken("it ends inside its segments")
      }
      let length = Int64(segment.little32(4))
      guard reader.holds(position + 8, length) else {
        return broken("it ends inside its segments")
      }
      try reader.stream(from: position + 8, length) { piece in
        for byte in piece { sum ^= byte }
      }
      position += 8 + length
    }
    // The checksum is the last byte of a 16-byte block.
    let checksumAt = position | 15
    guard let stored = try reader.bytes(at: checksumAt, 1), stored[0] == sum else {
      return broken("its checksum does not match")
    }
    if head[23] == 1 {
      guard let digest = try reader.bytes(at: checksumAt + 1, 32),
        try reader.file.sha256(count: checksumAt + 1).bytes == digest
      else { return .damaged("its SHA-256 does not match") }
    }
    return .found(
      ImageFormat(.esp32, version: description?.text(16..<48), label: description?.text(48..<80)))
  }

  /// `esp_app_desc_t`, which starts the first segment of an application.
  private static func applicationDescription(
    _ reader: FormatReader
  ) throws(ImageError) -> [UInt8]? {
    guard let description = try reader.bytes(at: 32, 256),
      description.little32(0) == 0xABCD_5432
    else { return nil }
    return description
  }
}
