// Intel HEX: records of text, each with its own checksum, the last one being of type 1. Unknown
// record types are passed over: products of the field carry their own.

enum IntelHexProbe: FormatProbe {
  static let kind = ImageFormat.Kind.intelHex

  static func inspect(_ reader: FormatReader) throws(ImageError) -> Finding {
    // The first record must stand by itself before the file is read through.
    guard reader.head.first == UInt8(ascii: ":"),
      let lineEnd = reader.head.firstIndex(where: { $0 == 10 || $0 == 13 })
    else { return .foreign }
    var first = RecordScan()
    for byte in reader.head[...lineEnd] { first.take(byte) }
    guard !first.isBroken else { return .foreign }
    var scan = RecordScan()
    try reader.stream(from: 0, reader.size) { piece in
      for byte in piece where !scan.isBroken { scan.take(byte) }
    }
    // The last line may lack its line end.
    scan.take(10)
    guard !scan.isBroken else { return .damaged("record \(scan.recordCount + 1) is malformed") }
    guard scan.hasEnded else { return .damaged("its end record is missing") }
    return .found(ImageFormat(.intelHex))
  }
}

/// Reads records a character at a time: outside a record, or inside one.
private struct RecordScan {
  private(set) var isBroken = false
  private(set) var hasEnded = false
  private(set) var recordCount = 0
  private var isInside = false
  private var high: UInt8?
  private var byteCount = 0
  private var length: UInt8 = 0
  private var type: UInt8 = 0
  private var sum: UInt8 = 0

  mutating func take(_ character: UInt8) {
    switch character {
    case 10, 13:
      if isInside { endRecord() }
    case UInt8(ascii: ":") where !isInside && !hasEnded:
      (isInside, high, byteCount, sum) = (true, nil, 0, 0)
    case _ where !isInside && (character == 9 || character == 32): break
    default:
      guard isInside, let digit = digit(character) else {
        isBroken = true
        return
      }
      if let upper = high {
        take(byte: upper << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
  }

  private mutating func take(byte: UInt8) {
    if byteCount == 0 { length = byte }
    if byteCount == 3 { type = byte }
    sum &+= byte
    byteCount += 1
    // Length, address (2), type, data, checksum.
    if byteCount > Int(length) + 5 { isBroken = true }
  }

  private mutating func endRecord() {
    isInside = false
    guard high == nil, byteCount > 0, byteCount == Int(length) + 5, sum == 0 else {
      isBroken = true
      return
    }
    recordCount += 1
    if type == 1 { hasEnded = true }
  }

  private func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case 48...57: character - 48
    case 65...70: character - 55
    case 97...102: character - 87
    default: nil
    }
  }
}
