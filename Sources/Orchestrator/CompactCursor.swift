// CompactCursor: steps over the compact JSON that `DeviceDetails.encoded` writes, byte by byte.
//
// It checks no more than it needs to stay within the text: the writer is known, and whoever uses it
// has a full reader to fall back on.

import UpdateModel

/// A place in a text of compact JSON.
struct CompactCursor {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The byte here; nil at the end.
  var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// Steps over a character; false, and nothing done, when another one stands here.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let byte, UInt32(byte) == character.value else { return false }
    position += 1
    return true
  }

  /// Steps over one value of any kind.
  mutating func skip() -> Bool {
    var depth = 0
    repeat {
      guard let byte else { return false }
      switch byte {
      case UInt8(ascii: "\""): guard skipText() else { return false }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        position += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        position += 1
      case UInt8(ascii: ","), UInt8(ascii: ":"):
        guard depth > 0 else { return false }
        position += 1
      default: skipScalar()
      }
    } while depth > 0
    return depth == 0
  }

  /// Steps over a number, truth value or null.
  mutating func skipScalar() {
    while let byte {
      switch byte {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return
      default: position += 1
      }
    }
  }

  /// Steps over a text with its quotes.
  mutating func skipText() -> Bool {
    guard take("\"") else { return false }
    while let byte, byte != UInt8(ascii: "\"") {
      position += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return take("\"")
  }
}
