// JSONString: the strings of JSON text, both ways: reading with its escapes, writing with the
// fewest.

extension JSONScanner {
  /// Reads a string value.
  public mutating func string() throws(JSONError) -> String {
    try skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
      throw error("a string in double quotes is expected here")
    }
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        let text = try utf8(bytes, start..<position)
        position += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      try check(byte)
      position += 1
    }
    throw error("the text ends inside a string")
  }

  private func check(_ byte: UInt8) throws(JSONError) {
    guard byte >= 0x20 || allowsRawControlCharacters else {
      throw error("control character \(byte) must be escaped inside a string")
    }
  }

  // The validating initializer for collections looks up metadata of its generic parts on each call,
  // which cost more than all the rest of a report's document.
  private func utf8(_ text: [UInt8], _ range: Range<Int>) throws(JSONError) -> String {
    let span = text.span.extracting(range)
    do { return String(copying: try UTF8Span(validating: span)) } catch {
      throw self.error("a string is not valid UTF-8")
    }
  }

  /// Passes over a string value, which begins here, checking it all the same.
  mutating func skipString() throws(JSONError) {
    let opening = position
    position += 1
    while position < bytes.count, bytes[position] < 0x80, bytes[position] != UInt8(ascii: "\\") {
      if bytes[position] == UInt8(ascii: "\"") {
        position += 1
        return
      }
      try check(bytes[position])
      position += 1
    }
    // With escapes or beyond ASCII there is more to check, and what is no string gets its message.
    position = opening
    _ = try string()
  }

  private mutating func escapedString(from start: Int) throws(JSONError) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      if byte == UInt8(ascii: "\"") {
        position += 1
        return try utf8(text, text.indices)
      }
      if byte == UInt8(ascii: "\\") {
        position += 1
        try appendEscape(to: &text)
      } else {
        try check(byte)
        text.append(byte)
        position += 1
      }
    }
    throw error("the text ends inside a string")
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
    guard position < bytes.count else { throw error("the text ends inside an escape") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: String(try unicodeEscape()).utf8)
    default: throw error("an unknown escape in a string")
    }
  }

  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    let first = try hexQuad()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard (0xD800..<0xDC00).contains(first), position + 1 < bytes.count,
      bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    else { throw error("half of a surrogate pair stands alone") }
    position += 2
    let second = try hexQuad()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair stands alone") }
    return scalar
  }

  private mutating func hexQuad() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("the text ends inside an escape") }
    let digits = bytes[position..<position + 4]
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw error("four hexadecimal digits must follow \\u") }
    position += 4
    return value
  }
}

extension [UInt8] {
  /// Appends a string in double quotes with the escapes that RFC 8259 demands and no others.
  public mutating func append(jsonString text: String) {
    append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        append(UInt8(ascii: "\\"))
        append(byte)
      case 0x0A: append(contentsOf: "\\n".utf8)
      case 0x0D: append(contentsOf: "\\r".utf8)
      case 0x09: append(contentsOf: "\\t".utf8)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        append(contentsOf: "\\u00".utf8)
        append(digits[Int(byte >> 4)])
        append(digits[Int(byte & 15)])
      default: append(byte)
      }
    }
    append(UInt8(ascii: "\""))
  }
}
