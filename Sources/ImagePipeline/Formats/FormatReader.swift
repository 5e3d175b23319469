// Bounded reading for format probes. Every offset and length that comes from a file goes through
// here, where it is checked against the real size.

/// A file as the probes see it.
struct FormatReader {
  /// No structure needs more at once; larger things are streamed.
  static let byteCountMax = 1 << 20

  let file: ImageFile
  /// The first 1,024 bytes, or all there are.
  let head: [UInt8]

  init(_ file: ImageFile) throws(ImageError) {
    self.file = file
    var head = [UInt8](repeating: 0, count: Int(min(file.size, 1024)))
    head.removeLast(head.count - (try file.read(at: 0, into: &head)))
    self.head = head
  }

  var size: Int64 { file.size }

  func starts(with magic: [UInt8]) -> Bool { head.starts(with: magic) }

  /// True when `count` bytes from `offset` lie inside the file.
  func holds(_ offset: Int64, _ count: Int64) -> Bool {
    offset >= 0 && count >= 0 && offset <= size && count <= size - offset
  }

  /// Exactly `count` bytes, or nil when the file does not have them or they are too many.
  func bytes(at offset: Int64, _ count: Int) throws(ImageError) -> [UInt8]? {
    guard count <= Self.byteCountMax, holds(offset, Int64(count)) else { return nil }
    if offset + Int64(count) <= Int64(head.count) {
      return Array(head[Int(offset)..<Int(offset) + count])
    }
    var bytes = [UInt8](repeating: 0, count: count)
    guard try file.read(at: offset, into: &bytes) == count else { throw .shrunk(at: offset) }
    return bytes
  }

  /// Streams `count` bytes from `offset`; the caller has checked `holds`.
  func stream(
    from offset: Int64, _ count: Int64,
    _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) {
    precondition(holds(offset, count), "a probe must check a range before it streams it")
    try file.forEachPiece(from: offset, count: count, body)
  }
}

extension [UInt8] {
  func little16(_ at: Int) -> UInt16 { UInt16(self[at]) | UInt16(self[at + 1]) << 8 }

  func little32(_ at: Int) -> UInt32 { UInt32(little16(at)) | UInt32(little16(at + 2)) << 16 }

  func little64(_ at: Int) -> UInt64 { UInt64(little32(at)) | UInt64(little32(at + 4)) << 32 }

  func big16(_ at: Int) -> UInt16 { UInt16(self[at]) << 8 | UInt16(self[at + 1]) }

  func big32(_ at: Int) -> UInt32 { UInt32(big16(at)) << 16 | UInt32(big16(at + 2)) }

  func big64(_ at: Int) -> UInt64 { UInt64(big32(at)) << 32 | UInt64(big32(at + 4)) }

  /// A text that ends at the first zero byte: nil when empty, not UTF-8, over 128 bytes or with
  /// control characters, since it will be shown and stored.
  func text(_ range: Range<Int>) -> String? {
    let field = self[range].prefix { $0 != 0 }
    guard !field.isEmpty, field.count <= 128, let text = String(validating: field, as: UTF8.self),
      text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
    else { return nil }
    return text
  }

  /// The position of `pattern` at or after `start`.
  func firstRange(of pattern: String, from start: Int = 0) -> Range<Int>? {
    let pattern = [UInt8](pattern.utf8)
    guard start >= 0, start <= count, let found = self[start...].firstRange(of: pattern) else {
      return nil
    }
    return found
  }
}

/// Rounds up to a multiple of a power of two; the caller has bounded the value far below overflow.
func aligned(_ value: Int64, to unit: Int64) -> Int64 { (value + unit - 1) & ~(unit - 1) }
