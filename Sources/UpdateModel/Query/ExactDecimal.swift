// ExactDecimal: a decimal number of any size, compared by value and never rounded.

/// A number as its decimal digits. `0.1`, `0.10` and `1e-1` are the same number.
///
/// Devices may report any JSON number, such as `1e999999999999`, so nothing here grows with the
/// exponent: an exponent beyond `exponentMax` counts as that, which orders such numbers among
/// themselves by their digits and among all others as it should.
public struct ExactDecimal: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Below zero.
  public let isNegative: Bool
  /// Digits 0 to 9 without zeros at both ends; empty for zero.
  let digits: [UInt8]
  /// The value is `0.DIGITS` times ten to the power of this.
  let magnitude: Int

  /// Far beyond every number that means something, and far from overflow.
  static let exponentMax = 1_000_000_000_000

  /// Takes over an integer.
  public init(_ number: Int64) {
    self.init(isNegative: number < 0, digits: String(number.magnitude).utf8, exponent: 0)
  }

  /// Reads the literal of a JSON number (RFC 8259 section 6); nil for anything else.
  public init?(literal text: some StringProtocol) {
    var rest = Array(text.utf8)[...]
    let isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest.removeFirst() }
    let whole = ExactDecimal.takeDigits(&rest)
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return nil }
    var fraction: ArraySlice<UInt8> = []
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      fraction = ExactDecimal.takeDigits(&rest)
      guard !fraction.isEmpty else { return nil }
    }
    var exponent = 0
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest.removeFirst()
      let sign = rest.first
      if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { rest.removeFirst() }
      let power = ExactDecimal.takeDigits(&rest)
      guard !power.isEmpty else { return nil }
      for digit in power {
        exponent = min(exponent * 10 + Int(digit) - 0x30, ExactDecimal.exponentMax)
      }
      if sign == UInt8(ascii: "-") { exponent = -exponent }
    }
    guard rest.isEmpty else { return nil }
    self.init(
      isNegative: isNegative, digits: Array(whole) + fraction, exponent: exponent - fraction.count)
  }

  // `digits` are ASCII; the value is the integer they write times ten to the power of `exponent`.
  private init(isNegative: Bool, digits: some Collection<UInt8>, exponent: Int) {
    var kept = digits.drop { $0 == 0x30 }.map { $0 - 0x30 }
    let magnitude = kept.count + exponent
    while kept.last == 0 { kept.removeLast() }
    self.digits = kept
    self.isNegative = isNegative && !kept.isEmpty
    self.magnitude = kept.isEmpty ? 0 : magnitude
  }

  private static func takeDigits(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    rest = rest.dropFirst(digits.count)
    return digits
  }

  /// Numeric order.
  public static func < (left: ExactDecimal, right: ExactDecimal) -> Bool {
    if left.isNegative != right.isNegative { return left.isNegative }
    return left.isNegative ? right.isCloserToZero(than: left) : left.isCloserToZero(than: right)
  }

  private func isCloserToZero(than other: ExactDecimal) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if magnitude != other.magnitude { return magnitude < other.magnitude }
    return digits.lexicographicallyPrecedes(other.digits)
  }

  /// How a whole number stands to this one. Makes nothing on the way: queries over large fleets do
  /// this a million times.
  public func order(of integer: Int64) -> QueryOrder {
    if integer == 0 || digits.isEmpty || (integer < 0) != isNegative {
      return QueryOrder(integer.signum(), digits.isEmpty ? 0 : isNegative ? -1 : 1)
    }
    var count = 0
    var power: UInt64 = 1
    var rest = integer.magnitude
    while rest > 0 {
      count += 1
      rest /= 10
      if rest > 0 { power *= 10 }
    }
    var order = QueryOrder(count, magnitude)
    rest = integer.magnitude
    var position = 0
    while order == .same, power > 0 {
      order = QueryOrder(rest / power, position < digits.count ? UInt64(digits[position]) : 0)
      rest %= power
      power /= 10
      position += 1
    }
    if order == .same, digits.count > count { order = .before }
    return isNegative ? order.reversed : order
  }

  /// The shortest usual form, which `init(literal:)` reads back: plain up to 20 digits before and 6
  /// zeros after the point, else with an exponent.
  public var description: String {
    guard !digits.isEmpty else { return "0" }
    let sign = isNegative ? "-" : ""
    let text = String(decoding: digits.map { $0 + 0x30 }, as: UTF8.self)
    if magnitude > 20 || magnitude < -5 {
      let rest = text.dropFirst()
      return "\(sign)\(text.prefix(1))\(rest.isEmpty ? "" : ".\(rest)")e\(magnitude - 1)"
    }
    if magnitude <= 0 { return "\(sign)0.\(String(repeating: "0", count: -magnitude))\(text)" }
    if digits.count <= magnitude {
      return sign + text + String(repeating: "0", count: magnitude - digits.count)
    }
    return "\(sign)\(text.prefix(magnitude)).\(text.dropFirst(magnitude))"
  }
}
