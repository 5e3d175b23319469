// Which bytes may stand where in a request (RFC 9110 section 5.6.2, RFC 3986).

/// Byte constants and classes of the grammar.
enum ByteClass {
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let tab: UInt8 = 0x09
  static let colon: UInt8 = 0x3A
  static let slash: UInt8 = 0x2F
  static let questionMark: UInt8 = 0x3F
  static let comma: UInt8 = 0x2C
  static let semicolon: UInt8 = 0x3B

  // Each class is two bit masks, for the bytes 0-63 and 64-127; a test rebuilds them from the
  // characters the standards list.
  private static let tokenLow: UInt64 = 0x03FF_6CFA_0000_0000
  private static let tokenHigh: UInt64 = 0x57FF_FFFF_C7FF_FFFE
  private static let hostLow: UInt64 = 0x2FFF_6FF2_0000_0000
  private static let hostHigh: UInt64 = 0x47FF_FFFE_AFFF_FFFE

  /// Whether a byte may stand in a method or a header name.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    let mask = byte < 64 ? tokenLow : tokenHigh
    return byte < 128 && (mask >> UInt64(byte & 63)) & 1 == 1
  }

  /// Whether a byte may stand in a Host value: names, address literals, a port (RFC 3986 3.2.2).
  static func isHost(_ byte: UInt8) -> Bool {
    let mask = byte < 64 ? hostLow : hostHigh
    return byte < 128 && (mask >> UInt64(byte & 63)) & 1 == 1
  }

  /// Whether a byte may stand in a request target: printable ASCII but `"`, `#`, `<` and `>`,
  /// which no client sends raw (the query set of the WHATWG URL standard).
  @inline(__always)
  static func isTarget(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x23 && byte != 0x3C && byte != 0x3E
  }

  /// Whether a byte may stand in a header value: printable, space, tab or above ASCII.
  @inline(__always)
  static func isValue(_ byte: UInt8) -> Bool {
    (byte >= 0x20 && byte != 0x7F) || byte == tab
  }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  /// The value of a hexadecimal digit.
  static func hexadecimal(_ byte: UInt8) -> UInt64? {
    switch byte {
    case 0x30...0x39: return UInt64(byte - 0x30)
    case 0x41...0x46: return UInt64(byte - 0x37)
    case 0x61...0x66: return UInt64(byte - 0x57)
    default: return nil
    }
  }

  @inline(__always)
  static func lowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }
}

extension Span<UInt8> {
  /// Whether a run equals a lower-case ASCII name, ignoring case.
  func matches(_ run: Range<Int>, _ name: StaticString) -> Bool {
    guard run.count == name.utf8CodeUnitCount else { return false }
    let expected = name.utf8Start
    for offset in 0..<run.count
    where ByteClass.lowercase(self[run.lowerBound + offset]) != expected[offset] {
      return false
    }
    return true
  }

  /// A run without the spaces and tabs at its ends (OWS, RFC 9110 section 5.6.3).
  func trimmed(_ run: Range<Int>) -> Range<Int> {
    var lower = run.lowerBound
    var upper = run.upperBound
    while lower < upper, self[lower] == ByteClass.space || self[lower] == ByteClass.tab {
      lower += 1
    }
    while upper > lower, self[upper - 1] == ByteClass.space || self[upper - 1] == ByteClass.tab {
      upper -= 1
    }
    return lower..<upper
  }

  /// Calls `body` with each element of a comma-separated list, trimmed; empty ones are skipped.
  func forEachListElement(
    _ run: Range<Int>, _ body: (Range<Int>) throws(Rejection) -> Void
  ) throws(Rejection) {
    var start = run.lowerBound
    for index in run.lowerBound...run.upperBound
    where index == run.upperBound || self[index] == ByteClass.comma {
      let element = trimmed(start..<index)
      if !element.isEmpty { try body(element) }
      start = index + 1
    }
  }
}
