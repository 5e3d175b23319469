// Share: a part of a whole as an integer, so that no decision depends on rounding of floats.

/// A part of a whole in basis points: 10,000 is everything, 1 is a hundredth of a percent.
public struct Share: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// 0 to 10,000.
  public let basisPoints: Int

  /// Everything.
  public static let whole = Share(unchecked: 10_000)
  /// Nothing.
  public static let none = Share(unchecked: 0)

  /// The smallest part there is.
  static let least = Share(unchecked: 1)
  /// The quorum of a stage that says nothing else.
  static let usualQuorum = Share(unchecked: 9_000)
  /// The jitter of retries that say nothing else.
  static let usualJitter = Share(unchecked: 2_000)

  private init(unchecked basisPoints: Int) { self.basisPoints = basisPoints }

  /// Accepts 0 to 10,000 basis points; nil outside.
  public init?(basisPoints: Int) {
    guard (0...10_000).contains(basisPoints) else { return nil }
    self.basisPoints = basisPoints
  }

  /// Reads `5%`, `0.5%` or `12.25%`: 0 to 100 with at most two decimals.
  public init?(text: String) {
    guard text.hasSuffix("%"), let hundredths = decimalHundredths(String(text.dropLast())) else {
      return nil
    }
    self.init(basisPoints: hundredths)
  }

  /// The least count that is at least this share of `total`.
  public func roundedUp(of total: Int) -> Int {
    (total * basisPoints + 9_999) / 10_000
  }

  /// The largest count that is at most this share of `total`.
  public func roundedDown(of total: Int) -> Int { total * basisPoints / 10_000 }

  /// Whether `part` of `total` is more than this share; false when `total` is 0.
  public func isExceeded(by part: Int, of total: Int) -> Bool {
    part * 10_000 > total * basisPoints
  }

  /// For example `12.25%`.
  public var description: String {
    let whole = basisPoints / 100
    let rest = basisPoints % 100
    if rest == 0 { return "\(whole)%" }
    return rest % 10 == 0 ? "\(whole).\(rest / 10)%" : "\(whole).\(rest < 10 ? "0" : "")\(rest)%"
  }

  /// Smaller comes first.
  public static func < (left: Share, right: Share) -> Bool {
    left.basisPoints < right.basisPoints
  }
}

/// Reads a non-negative decimal number with at most two decimals as a count of hundredths.
///
/// - Returns: nil for anything else, and for whole parts of more than nine digits.
public func decimalHundredths(_ text: String) -> Int? {
  let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
  func digits(_ part: Substring) -> Bool {
    !part.isEmpty && part.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }
  guard let wholePart = parts.first, digits(wholePart), wholePart.count <= 9,
    let whole = Int(wholePart)
  else { return nil }
  guard parts.count == 2 else { return whole * 100 }
  guard digits(parts[1]), parts[1].count <= 2, let fraction = Int(parts[1]) else { return nil }
  return whole * 100 + (parts[1].count == 1 ? fraction * 10 : fraction)
}
