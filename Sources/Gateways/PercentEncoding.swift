// PercentEncoding: `%41` to `A` and back (RFC 3986 section 2.1).

/// Reads and writes percent-encoded text; anything malformed is refused, never passed on as it is.
enum PercentEncoding {
  /// The decoded text; nil for a malformed escape and for bytes that are not UTF-8.
  ///
  /// With `plusIsSpace`, as in queries that forms write, a plus sign stands for a space.
  static func decode(
    _ bytes: some Collection<UInt8>, plusIsSpace: Bool = false
  ) -> String? {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index != bytes.endIndex {
      let byte = bytes[index]
      bytes.formIndex(after: &index)
      if byte == UInt8(ascii: "+"), plusIsSpace {
        decoded.append(UInt8(ascii: " "))
      } else if byte == UInt8(ascii: "%") {
        guard let high = digit(bytes, &index), let low = digit(bytes, &index) else { return nil }
        decoded.append(high << 4 | low)
      } else {
        decoded.append(byte)
      }
    }
    return String(validating: decoded, as: UTF8.self)
  }

  /// Text that can stand as one segment of a path.
  static func encode(_ text: String) -> String {
    var output = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        output.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        output += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return output
  }

  private static func digit<Bytes: Collection<UInt8>>(
    _ bytes: Bytes, _ index: inout Bytes.Index
  ) -> UInt8? {
    guard index != bytes.endIndex else { return nil }
    defer { bytes.formIndex(after: &index) }
    switch bytes[index] {
    case let digit where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit):
      return digit - UInt8(ascii: "0")
    case let digit where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(digit):
      return digit - UInt8(ascii: "a") + 10
    case let digit where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(digit):
      return digit - UInt8(ascii: "A") + 10
    default: return nil
    }
  }
}
