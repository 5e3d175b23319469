// Interner: texts that many devices share, such as versions, kept once and named by a small number.

/// Gives each distinct text a number and counts how many devices use it.
///
/// Whoever gives numbers to devices holds the ledger's lock, so a number that `move` finds out of
/// use is being given to nobody.
struct Interner {
  private var numbers: [String: UInt32] = [:]
  private var texts: [String] = [""]
  private var uses: [Int] = [0]
  private var free: [UInt32] = []

  /// Number 0 stands for "no text".
  static let none: UInt32 = 0

  /// The number of a text, new or known.
  mutating func number(of text: String?) -> UInt32 {
    guard let text else { return Interner.none }
    if let number = numbers[text] { return number }
    if let number = free.popLast() {
      numbers[text] = number
      texts[Int(number)] = text
      return number
    }
    let number = UInt32(texts.count)
    numbers[text] = number
    texts.append(text)
    uses.append(0)
    return number
  }

  /// All texts by number; those out of use are empty.
  var all: [String] { texts }

  /// The text of a number; nil for 0.
  func text(_ number: UInt32) -> String? {
    number == Interner.none ? nil : texts[Int(number)]
  }

  /// Notes that a device changed from one text to another. A text that nobody uses any more goes,
  /// as devices may report a new version as often as they like.
  mutating func move(from old: UInt32?, to new: UInt32?) {
    if let new { uses[Int(new)] += 1 }
    guard let old else { return }
    uses[Int(old)] -= 1
    guard old != Interner.none, uses[Int(old)] == 0 else { return }
    numbers[texts[Int(old)]] = nil
    texts[Int(old)] = ""
    free.append(old)
  }

  /// Every text in use with its number of devices; nil stands for devices without one.
  var counts: [(text: String?, count: Int)] {
    zip(texts.indices, uses).compactMap { index, count in
      count == 0 ? nil : (index == 0 ? nil : texts[index], count)
    }
  }
}
