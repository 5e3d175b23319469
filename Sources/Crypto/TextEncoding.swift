// Hexadecimal and base64, strict: what decodes has exactly one spelling, so that texts can be
// compared and used as names. Not for secrets that must resist cache timing.

/// Hexadecimal text (RFC 4648 section 8).
public enum Hex {
  private static let digits: [16 of UInt8] = [
    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102,
  ]

  /// Two lower-case digits for each byte.
  public static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { output in
      for (index, byte) in bytes.enumerated() {
        output[index * 2] = digits[Int(byte >> 4)]
        output[index * 2 + 1] = digits[Int(byte & 15)]
      }
      return bytes.count * 2
    }
  }

  /// Two lower-case digits for each byte.
  public static func encode(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { encode($0) }
  }

  /// Returns the bytes, or nil for an odd count or anything but a digit.
  public static func decode(_ text: String, lowercaseOnly: Bool = false) -> [UInt8]? {
    let characters = text.utf8
    guard characters.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 2)
    var high: UInt8?
    for character in characters {
      guard let digit = value(of: character, lowercaseOnly: lowercaseOnly) else { return nil }
      if let upper = high {
        bytes.append(upper << 4 | digit)
        high = nil
      } else {
        high = digit
      }
    }
    return bytes
  }

  private static func value(of character: UInt8, lowercaseOnly: Bool) -> UInt8? {
    switch character {
    case 48...57: character - 48
    case 97...102: character - 87
    case 65...70: lowercaseOnly ? nil : character - 55
    default: nil
    }
  }
}

/// Base64 text (RFC 4648 sections 4 and 5).
public enum Base64: Sendable {
  /// `+` and `/`, padded with `=`.
  case standard
  /// `-` and `_`, without padding: fits URLs, headers and file names.
  case url

  /// Encodes bytes.
  public func encode(_ bytes: [UInt8]) -> String {
    var output: [UInt8] = []
    output.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let count = min(3, bytes.count - index)
      var group: UInt32 = 0
      for offset in 0..<3 {
        group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0)
      }
      for position in 0..<4 {
        if position <= count {
          output.append(character(UInt8(truncatingIfNeeded: group >> (18 - 6 * position)) & 63))
        } else if self == .standard {
          output.append(UInt8(ascii: "="))
        }
      }
      index += 3
    }
    return String(decoding: output, as: UTF8.self)
  }

  /// Returns the bytes, or nil for a foreign character, wrong padding, whitespace, or unused bits
  /// that are not zero (RFC 4648 section 3.5).
  public func decode(_ text: String) -> [UInt8]? {
    var characters = Array(text.utf8)
    if self == .standard {
      guard characters.count.isMultiple(of: 4) else { return nil }
      for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
    }
    // One character over a multiple of four holds no whole byte.
    guard characters.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    var bitCount = 0
    for character in characters {
      guard let value = value(of: character) else { return nil }
      bits = bits << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
        bits &= (1 << bitCount) - 1
      }
    }
    return bits == 0 ? bytes : nil
  }

  private func character(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: value + 65
    case 26..<52: value + 71
    case 52..<62: value - 4
    case 62: UInt8(ascii: self == .url ? "-" : "+")
    default: UInt8(ascii: self == .url ? "_" : "/")
    }
  }

  private func value(of character: UInt8) -> UInt8? {
    switch character {
    case 65...90: character - 65
    case 97...122: character - 71
    case 48...57: character + 4
    case UInt8(ascii: self == .url ? "-" : "+"): 62
    case UInt8(ascii: self == .url ? "_" : "/"): 63
    default: nil
    }
  }
}
