// OrderedVersion: versions that have an order, after Semantic Versioning 2.0.0 section 11.

/// A version text whose numbers tell which of two is newer.
///
/// Numbers separated by dots, then perhaps `-` and a pre-release, then perhaps `+` and a build. It
/// departs from Semantic Versioning where firmware does: one to eight numbers instead of three,
/// missing ones count as 0, leading zeros and a leading `v` are allowed. The build has no order.
/// Other texts, such as `bookworm`, are versions too, but nothing is newer or older than they are.
public struct OrderedVersion: Hashable, Sendable {
  /// As it was written.
  public let text: ExactText
  // Digits without leading zeros; a trailing zero number is left out.
  private let numbers: [[UInt8]]
  private let preRelease: [Identifier]

  private enum Identifier: Hashable, Sendable {
    case number([UInt8])
    case word([UInt8])
  }

  /// Numbers before the pre-release.
  static let numbersMax = 8
  /// As for `FirmwareVersion`.
  static let bytesMax = 128

  /// Reads a version; nil when it has no order.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (1...OrderedVersion.bytesMax).contains(bytes.count) else { return nil }
    var rest = bytes[...]
    if rest.first == UInt8(ascii: "v") || rest.first == UInt8(ascii: "V") { rest.removeFirst() }
    let build = rest.firstIndex(of: UInt8(ascii: "+"))
    let core = rest[..<(build ?? rest.endIndex)]
    let dash = core.firstIndex(of: UInt8(ascii: "-"))
    let parts = core[..<(dash ?? core.endIndex)].split(
      separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= OrderedVersion.numbersMax,
      parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(OrderedVersion.isDigit) })
    else { return nil }
    if let build, !OrderedVersion.isSuffix(rest[(build + 1)...]) { return nil }
    if let dash, !OrderedVersion.isSuffix(core[(dash + 1)...]) { return nil }
    var numbers = parts.map(OrderedVersion.stripped)
    while numbers.last?.isEmpty == true { numbers.removeLast() }
    self.numbers = numbers
    preRelease =
      dash.map { dash in
        core[(dash + 1)...].split(separator: UInt8(ascii: ".")).map { part in
          part.allSatisfy(OrderedVersion.isDigit)
            ? .number(OrderedVersion.stripped(part)) : .word(Array(part))
        }
      } ?? []
    self.text = ExactText(text)
  }

  /// Which of two versions is newer; `same` also for `1.2` and `1.2.0`.
  public func order(to other: OrderedVersion) -> QueryOrder {
    for position in 0..<max(numbers.count, other.numbers.count) {
      let order = OrderedVersion.order(
        position < numbers.count ? numbers[position] : [],
        position < other.numbers.count ? other.numbers[position] : [])
      if order != .same { return order }
    }
    if preRelease.isEmpty || other.preRelease.isEmpty {
      // A release is newer than what was released before it.
      return QueryOrder(preRelease.isEmpty ? 1 : 0, other.preRelease.isEmpty ? 1 : 0)
    }
    for (mine, theirs) in zip(preRelease, other.preRelease) {
      let order = OrderedVersion.order(mine, theirs)
      if order != .same { return order }
    }
    return QueryOrder(preRelease.count, other.preRelease.count)
  }

  private static func order(_ first: [UInt8], _ second: [UInt8]) -> QueryOrder {
    if first.count != second.count { return QueryOrder(first.count, second.count) }
    if first == second { return .same }
    return first.lexicographicallyPrecedes(second) ? .before : .after
  }

  private static func order(_ first: Identifier, _ second: Identifier) -> QueryOrder {
    switch (first, second) {
    case (.number(let first), .number(let second)): order(first, second)
    case (.number, .word): .before
    case (.word, .number): .after
    case (.word(let first), .word(let second)):
      first == second ? .same : first.lexicographicallyPrecedes(second) ? .before : .after
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func stripped(_ digits: ArraySlice<UInt8>) -> [UInt8] {
    Array(digits.drop { $0 == 0x30 })
  }

  // Identifiers of A-Z a-z 0-9 - _ ~ separated by dots, none empty.
  private static func isSuffix(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy { byte in
          isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
        }
    }
  }
}
