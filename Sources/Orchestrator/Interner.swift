// Interner: texts that many devices share, such as versions, kept once and named by a small number.

/// Gives each distinct text a number and counts how many devices use it.
struct Interner {
  private var numbers: [String: UInt32] = [:]
  private var texts: [String] = [""]
  private var uses: [Int] = [0]

  /// Number 0 stands for "no text".
  static let none: UInt32 = 0

  /// The number of a text, new or known.
  mutating func number(of text: String?) -> UInt32 {
    guard let text else { return Interner.none }
    if let number = numbers[text] { return number }
    let number = UInt32(texts.count)
    numbers[text] = number
    texts.append(text)
    uses.append(0)
    return number
  }

  /// The text of a number; nil for 0.
  func text(_ number: UInt32) -> String? {
    number == Interner.none ? nil : texts[Int(number)]
  }

  /// Notes that a device changed from one text to another.
  mutating func move(from old: UInt32?, to new: UInt32?) {
    if let old { uses[Int(old)] -= 1 }
    if let new { uses[Int(new)] += 1 }
  }

  /// Every text in use with its number of devices; nil stands for devices without one.
  var counts: [(text: String?, count: Int)] {
    zip(texts.indices, uses).compactMap { index, count in
      count == 0 ? nil : (index == 0 ? nil : texts[index], count)
    }
  }
}
