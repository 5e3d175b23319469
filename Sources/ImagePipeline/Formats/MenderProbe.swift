// Mender artifact (mender-artifact Documentation/artifact-format-v3.md): a tar that starts with
// `version` and holds a header and payloads. Manifests and signatures are the device's business.

enum MenderProbe: FormatProbe {
  static let kind = ImageFormat.Kind.mender
  private static let memberCountMax = 4096

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard let first = try member(at: 0, reader), first.name == "version", first.size <= 4096,
      let text = try reader.bytes(at: 512, Int(first.size)), let number = formatNumber(text)
    else { return .foreign }
    var position: Int64 = 0
    var hasHeader = false
    var hasData = false
    for _ in 0..<memberCountMax {
      guard let block = try reader.bytes(at: position, 512) else {
        return .damaged("it ends before its end mark")
      }
      // Two zero blocks end a tar; one is enough to know that no member follows.
      if block.allSatisfy({ $0 == 0 }) {
        guard hasHeader, hasData else { return .damaged("it has no header or no payload") }
        return .found(ImageFormat(.mender, label: "artifact format \(number)"))
      }
      guard let member = try member(at: position, reader) else {
        return .damaged("its member at byte \(position) is malformed")
      }
      guard reader.holds(position + 512, member.size) else {
        return .damaged("it ends inside \(member.name)")
      }
      hasHeader = hasHeader || member.name.hasPrefix("header.tar")
      hasData = hasData || member.name.hasPrefix("data/")
      position += 512 + aligned(member.size, to: 512)
    }
    return .damaged("it has more than \(memberCountMax) members")
  }

  /// The number in `{"format":"mender","version":3}`, whatever the spacing.
  private static func formatNumber(_ text: [UInt8]) -> Int? {
    let dense = String(decoding: text.filter { $0 > 32 }, as: UTF8.self)
    guard dense.contains("\"format\":\"mender\"") else { return nil }
    return (1...9).first { dense.contains("\"version\":\($0)") }
  }

  /// A POSIX tar header (IEEE Std 1003.1, pax, ustar): the checksum must be right.
  private static func member(
    at offset: Int64, _ reader: FormatReader
  ) throws(ImageError) -> (name: String, size: Int64)? {
    guard let head = try reader.bytes(at: offset, 512),
      head[257..<262].elementsEqual("ustar".utf8),
      let name = head.text(0..<100), let size = octal(head[124..<136]),
      let expected = octal(head[148..<156])
    else { return nil }
    // The checksum counts itself as eight spaces.
    let sum = head.enumerated().reduce(Int64(0)) { sum, entry in
      sum + ((148..<156).contains(entry.offset) ? 32 : Int64(entry.element))
    }
    return sum == expected ? (name, size) : nil
  }

  /// Octal digits, up to 11, ended by a space or zero byte.
  private static func octal(_ field: ArraySlice<UInt8>) -> Int64? {
    let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
    guard !digits.isEmpty, digits.allSatisfy({ (48...55).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int64($1 - 48) }
  }
}
