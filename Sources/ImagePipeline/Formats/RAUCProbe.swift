// RAUC bundle (rauc src/bundle.c): squashfs, CMS signature, and the signature's size in the last
// eight bytes. The signature itself is not checked here: that needs the operator's certificates.

enum RAUCProbe: FormatProbe {
  static let kind = ImageFormat.Kind.rauc
  /// Object identifier signedData, 1.2.840.113549.1.7.2 (RFC 5652 section 5.1).
  private static let signedData: [UInt8] = [
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02,
  ]

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    // A squashfs 4.0 without a signature is a plain file system, not a damaged bundle.
    guard reader.starts(with: Array("hsqs".utf8)), let head = try reader.bytes(at: 0, 96),
      head.little16(28) == 4, head.little16(30) == 0,
      let tail = try reader.bytes(at: reader.size - 8, 8)
    else { return .foreign }
    let used = Int64(clamping: head.little64(40))
    let length = tail.big64(0)
    guard length >= 32, length <= UInt64(FormatReader.byteCountMax) else { return .foreign }
    let start = reader.size - 8 - Int64(length)
    guard used >= 96, used <= start, let message = try reader.bytes(at: start, Int(length)),
      isSignedMessage(message)
    else { return .foreign }
    let manifest = manifest(in: message)
    return .found(
      ImageFormat(.rauc, version: manifest["version"], label: manifest["compatible"]))
  }

  private static func isSignedMessage(_ message: [UInt8]) -> Bool {
    guard message[0] == 0x30 else { return false }
    // DER length in long form, or BER's indefinite one.
    let lengthBytes = message[1] == 0x80 ? 0 : Int(message[1]) - 0x80
    guard (0...4).contains(lengthBytes) else { return false }
    if lengthBytes > 0 {
      let length = message[2..<(2 + lengthBytes)].reduce(0) { $0 << 8 | Int($1) }
      guard length == message.count - 2 - lengthBytes else { return false }
    }
    return message[(2 + lengthBytes)...].starts(with: signedData)
  }

  /// The `[update]` section, which verity and crypt bundles carry inside the message; plain ones
  /// have it in the squashfs only.
  private static func manifest(in message: [UInt8]) -> [String: String] {
    guard let section = message.firstRange(of: "[update]\n") else { return [:] }
    var found: [String: String] = [:]
    for line in message[section.upperBound...].prefix(4096).split(separator: 10) {
      guard line.first != UInt8(ascii: "["), let equals = line.firstIndex(of: UInt8(ascii: "="))
      else { break }
      let value = Array(line[(equals + 1)...])
      found[String(decoding: line[..<equals], as: UTF8.self)] = value.text(0..<value.count)
    }
    return found
  }
}
