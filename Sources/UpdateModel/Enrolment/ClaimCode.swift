// ClaimCode: the secret on a device's label that lets it, once, become a known device.

/// 115 random bits in 24 symbols that people can read, say and type: `7K3M-9QXT-...`.
///
/// The alphabet is Crockford's base32, which has no I, L, O and U. The last symbol checks the
/// others: the sum of all 24, each times its own power of a generator of GF(32), is zero. All
/// powers differ, so every wrong symbol and every exchange of two symbols is found.
///
/// The code is a secret: it does not print itself, and a server keeps only the digest of
/// `digestInput`. So much entropy needs no salt and no slow hash.
public struct ClaimCode: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// Random bytes that a new code is made of; the last five bits are not used.
  public static let entropyByteCount = 15
  /// Symbols of a code, the check symbol included.
  public static let symbolCount = 24
  /// Longer text is refused unread: it is room for a space around every symbol.
  private static let textByteCountMax = 128
  private static let groupSize = 4

  /// Values of the symbols, each 0 to 31.
  private let values: [UInt8]

  /// Makes a new code.
  ///
  /// - Parameter entropy: exactly `entropyByteCount` unpredictable bytes.
  public init(entropy: [UInt8]) {
    precondition(entropy.count == Self.entropyByteCount, "a claim code needs 15 random bytes")
    var values = (0..<Self.symbolCount - 1).map { position -> UInt8 in
      let bit = position * 5
      let pair = UInt16(entropy[bit / 8]) << 8 | UInt16(bit / 8 + 1 < 15 ? entropy[bit / 8 + 1] : 0)
      return UInt8(truncatingIfNeeded: pair >> UInt16(11 - bit % 8)) & 31
    }
    values.append(Self.timesGenerator(Self.sum(values)))
    self.values = values
  }

  /// Reads what a person typed or a scanner saw: case does not matter, white space and dashes are
  /// skipped, O counts as 0, and I and L as 1. Errors never repeat the code.
  public init(_ text: String, field: String = "claim") throws(InvalidValue) {
    guard text.utf8.count <= Self.textByteCountMax else {
      throw InvalidValue(field: field, reason: "has more than 128 characters; a claim code has 24")
    }
    var values: [UInt8] = []
    for scalar in text.unicodeScalars {
      if scalar.properties.isWhitespace || scalar.properties.isDash { continue }
      guard let value = Self.value(of: scalar) else {
        throw InvalidValue(
          field: field,
          reason: "has a character that no claim code has; use digits and letters except U")
      }
      values.append(value)
    }
    guard values.count == Self.symbolCount else {
      throw InvalidValue(
        field: field, reason: "has \(values.count) characters; a claim code has 24 besides dashes")
    }
    guard Self.sum(values) == 0 else {
      throw InvalidValue(
        field: field, reason: "does not add up; compare it with the label, a character is wrong")
    }
    self.values = values
  }

  /// The 24 symbols without dashes, for links.
  public var symbols: String {
    String(decoding: values.map { Self.alphabet[Int($0)] }, as: UTF8.self)
  }

  /// The six groups of four symbols.
  public var groups: [String] {
    stride(from: 0, to: Self.symbolCount, by: Self.groupSize).map { start in
      let group = values[start..<start + Self.groupSize].map { Self.alphabet[Int($0)] }
      return String(decoding: group, as: UTF8.self)
    }
  }

  /// The form for people: six groups of four symbols, joined by dashes.
  public var text: String { groups.joined(separator: "-") }

  /// What is digested with SHA-256 to keep and to find the code: its symbols behind a prefix, so
  /// that the digest is good for nothing else.
  public var digestInput: [UInt8] { Array("groundswell-claim\n\(symbols)".utf8) }

  /// Says that it is hidden.
  public var description: String { "claim code (hidden)" }
  /// Shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }

  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  private static func value(of scalar: Unicode.Scalar) -> UInt8? {
    guard scalar.isASCII else { return nil }
    var character = UInt8(truncatingIfNeeded: scalar.value)
    if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character) { character -= 32 }
    switch character {
    case UInt8(ascii: "O"): return 0
    case UInt8(ascii: "I"), UInt8(ascii: "L"): return 1
    default: return alphabet.firstIndex(of: character).map { UInt8($0) }
    }
  }

  /// The weighted sum of the symbols, the last with weight one (Horner's rule).
  private static func sum(_ values: [UInt8]) -> UInt8 {
    values.reduce(0) { timesGenerator($0) ^ $1 }
  }

  /// Multiplies by x in GF(2)[x] / (x^5 + x^2 + 1), where x generates all 31 units.
  private static func timesGenerator(_ value: UInt8) -> UInt8 {
    let doubled = value << 1
    return doubled & 32 == 0 ? doubled : doubled ^ 0b100101
  }
}
