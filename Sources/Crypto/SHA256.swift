// SHA-256 of whole buffers, and its value as four machine words: no allocation in Swift, so it
// suits the token check of every poll.
import COpenSSL

/// One-shot SHA-256 (FIPS 180-4).
public enum SHA256 {
  /// Digests a buffer into a fixed-size value.
  ///
  /// Traps when OpenSSL fails: with a fetched algorithm only lack of memory is left as a cause.
  public static func value(of bytes: UnsafeRawBufferPointer) -> Value {
    var value = Value(words: (0, 0, 0, 0))
    withUnsafeMutableBytes(of: &value.words) { words in
      digest(of: bytes, into: words)
    }
    return value
  }

  /// Digests an array into a fixed-size value.
  public static func value(of bytes: [UInt8]) -> Value {
    bytes.withUnsafeBytes { value(of: $0) }
  }

  /// Digests the UTF-8 bytes of a text into a fixed-size value.
  public static func value(of text: String) -> Value {
    var text = text
    return text.withUTF8 { value(of: UnsafeRawBufferPointer($0)) }
  }

  /// Digests a buffer into 32 bytes.
  public static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      digest(of: bytes, into: UnsafeMutableRawBufferPointer(buffer))
      count = 32
    }
  }

  /// Digests a buffer into the caller's first 32 bytes.
  public static func digest(
    of bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) {
    precondition(output.count >= 32, "SHA-256 needs 32 bytes of room")
    let algorithm = FetchedDigest.sha256.handle
    let done = EVP_Digest(
      bytes.baseAddress, bytes.count, output.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
      algorithm, nil)
    precondition(done == 1, "OpenSSL could not compute SHA-256")
  }
}

extension SHA256 {
  /// The 32 bytes of a SHA-256 digest, held in four words.
  public struct Value: Sendable {
    /// The bytes in memory order; the words' numeric values are not meaningful.
    var words: (UInt64, UInt64, UInt64, UInt64)

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Takes exactly 32 bytes, or returns nil.
    public init?(_ bytes: some Collection<UInt8>) {
      guard bytes.count == 32 else { return nil }
      self.init(words: (0, 0, 0, 0))
      withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    }

    /// Takes exactly 64 hexadecimal digits in lower case, or returns nil.
    ///
    /// Upper case is refused because the text names files and rows: one digest, one name.
    public init?(hex: String) {
      guard let bytes = Hex.decode(hex, lowercaseOnly: true) else { return nil }
      self.init(bytes)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// 64 hexadecimal digits in lower case.
    public var hex: String { withUnsafeBytes { Hex.encode($0) } }

    /// Lends the 32 bytes without copying.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
      Swift.withUnsafeBytes(of: words) { body($0) }
    }

    /// Compares in time that does not depend on the bytes; use it where a secret is checked.
    public func matchesInConstantTime(_ other: Value) -> Bool {
      withUnsafeBytes { mine in other.withUnsafeBytes { constantTimeEquals(mine, $0) } }
    }
  }
}

extension SHA256.Value: Hashable, Comparable, CustomStringConvertible {
  /// Compares word by word; see `matchesInConstantTime` for secrets.
  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  /// Orders as the bytes and the hexadecimal text do.
  public static func < (left: Self, right: Self) -> Bool {
    let (a, b) = (left.words, right.words)
    return (a.0.bigEndian, a.1.bigEndian, a.2.bigEndian, a.3.bigEndian)
      < (b.0.bigEndian, b.1.bigEndian, b.2.bigEndian, b.3.bigEndian)
  }

  /// Feeds all words.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }

  /// The hexadecimal text.
  public var description: String { hex }
}

/// Compares two buffers in time that depends only on their lengths (CRYPTO_memcmp(3)).
///
/// Buffers of different lengths differ; that much is not kept secret.
public func constantTimeEquals(
  _ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer
) -> Bool {
  guard left.count == right.count else { return false }
  guard let a = left.baseAddress, let b = right.baseAddress else { return true }
  return CRYPTO_memcmp(a, b, left.count) == 0
}

/// Compares two arrays in time that depends only on their lengths.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.withUnsafeBytes { a in right.withUnsafeBytes { constantTimeEquals(a, $0) } }
}
