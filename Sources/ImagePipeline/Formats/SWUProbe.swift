// SWUpdate package (swupdate core/cpio_utils.c): cpio "new ASCII" with or without checksums, whose
// first member is sw-description. A cpio with another first member is an initial ramdisk or such.

enum SWUProbe: FormatProbe {
  static let kind = ImageFormat.Kind.swu
  private static let memberCountMax = 4096

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    guard let first = try member(at: 0, reader), first.name == "sw-description" else {
      return .foreign
    }
    var version: String?
    if let text = try reader.bytes(at: first.dataStart, Int(first.dataSize)) {
      version = LibconfigScan(text).version
    }
    var position: Int64 = 0
    for _ in 0..<memberCountMax {
      guard let member = try member(at: position, reader) else {
        return .damaged("it has no member at byte \(position)")
      }
      if member.name == "TRAILER!!!" { return .found(ImageFormat(.swu, version: version)) }
      guard reader.holds(member.dataStart, member.dataSize) else {
        return .damaged("it ends inside \(member.name)")
      }
      if let expected = member.sum {
        var sum: UInt32 = 0
        try reader.stream(from: member.dataStart, member.dataSize) { piece in
          for byte in piece { sum &+= UInt32(byte) }
        }
        guard sum == expected else {
          return .damaged("the checksum of \(member.name) does not match")
        }
      }
      position = aligned(member.dataStart + member.dataSize, to: 4)
    }
    return .damaged("it has more than \(memberCountMax) members")
  }

  private struct Member {
    let name: String
    let dataStart: Int64
    let dataSize: Int64
    /// Sum of all bytes; only the "crc" variant has it.
    let sum: UInt32?
  }

  /// 110 ASCII bytes: magic, then 13 fields of 8 hexadecimal digits; name and data padded to 4.
  private static func member(
    at offset: Int64, _ reader: FormatReader
  ) throws(ImageError) -> Member? {
    guard let head = try reader.bytes(at: offset, 110) else { return nil }
    let hasSum = head.starts(with: Array("070702".utf8))
    guard hasSum || head.starts(with: Array("070701".utf8)),
      let size = field(6, head), let nameSize = field(11, head), let sum = field(12, head),
      (2...1024).contains(nameSize),
      let nameBytes = try reader.bytes(at: offset + 110, Int(nameSize)), nameBytes.last == 0,
      let name = nameBytes.text(0..<nameBytes.count)
    else { return nil }
    return Member(
      name: name, dataStart: aligned(offset + 110 + Int64(nameSize), to: 4),
      dataSize: Int64(size), sum: hasSum ? sum : nil)
  }

  private static func field(_ index: Int, _ head: [UInt8]) -> UInt32? {
    var value: UInt32 = 0
    for byte in head[(6 + index * 8)..<(14 + index * 8)] {
      guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}

/// Finds `version = "…";` directly under `software` in a libconfig text, nothing more.
struct LibconfigScan {
  private(set) var version: String?

  init(_ text: [UInt8]) {
    var depth = 0
    var word: [UInt8] = []
    // What the last words at this depth were: "version", then its assignment sign.
    var awaitsValue = false
    var position = 0
    while position < text.count, version == nil {
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "\""):
        let end = Self.endOfString(text, position + 1)
        if awaitsValue, depth == 1 { version = text.text((position + 1)..<end) }
        (word, awaitsValue) = ([], false)
        position = end
      case UInt8(ascii: "#"):
        position = Self.endOfLine(text, position)
      case UInt8(ascii: "/") where text[position...].starts(with: [47, 47]):
        position = Self.endOfLine(text, position)
      case UInt8(ascii: "/") where text[position...].starts(with: [47, 42]):
        position = (text.firstRange(of: "*/", from: position + 2)?.upperBound ?? text.count) - 1
      case UInt8(ascii: "{"), UInt8(ascii: "("), UInt8(ascii: "["):
        depth += 1
        (word, awaitsValue) = ([], false)
      case UInt8(ascii: "}"), UInt8(ascii: ")"), UInt8(ascii: "]"):
        depth -= 1
      case UInt8(ascii: "="), UInt8(ascii: ":"):
        awaitsValue = word == Array("version".utf8)
        word = []
      case UInt8(ascii: ";"), UInt8(ascii: ","):
        (word, awaitsValue) = ([], false)
      case 9, 10, 13, 32: break
      default: word.append(byte)
      }
      position += 1
    }
  }

  /// The position of the closing quote, or the end of the text.
  private static func endOfString(_ text: [UInt8], _ start: Int) -> Int {
    var position = start
    while position < text.count, text[position] != UInt8(ascii: "\"") {
      position += text[position] == UInt8(ascii: "\\") ? 2 : 1
    }
    return min(position, text.count)
  }

  private static func endOfLine(_ text: [UInt8], _ start: Int) -> Int {
    text[start...].firstIndex(of: 10) ?? text.count
  }
}
