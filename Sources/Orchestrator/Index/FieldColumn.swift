// FieldColumn: one property of all devices of a shard as numbers, so that queries can look at
// values instead of devices.

import UpdateModel

/// A code for each record of a shard, and what the codes mean.
///
/// Texts, objects and the like are kept once and named by a number. Whole numbers stand in the code
/// itself, and large ones beside it. What is too long, or one of too many, has the code `unlisted`
/// and is looked up in the twin: that is slow, but memory stays bounded whatever devices report.
struct FieldColumn {
  let field: QueryField
  let way: TwinWay
  /// By record number; those behind the end are not read yet.
  private(set) var codes: ContiguousArray<UInt32> = []
  /// By code; nil where there is no value.
  private(set) var values: ContiguousArray<QueryValue?> = [nil, nil, nil]
  /// By record number, for the code `wide`; empty until there is one.
  private(set) var wide: ContiguousArray<Int64> = []
  private var uses: ContiguousArray<UInt32> = [0, 0, 0]
  private var numbers: [RawValue: UInt32] = [:]
  private var free: [UInt32] = []

  /// There is no value.
  static let missing: UInt32 = 0
  /// The value has to be read from the twin.
  static let unlisted: UInt32 = 1
  /// A whole number that is too large for a code.
  static let wide: UInt32 = 2
  /// Values that a shard keeps: a quarter of a million in 64 shards, at about 100 bytes each.
  static let valuesMax = 4096
  /// Bytes of a value that is kept.
  static let valueBytesMax = 256
  // Whole numbers from -2^30 to 2^30 - 1 have this bit.
  private static let inlineBit: UInt32 = 0x8000_0000

  init(_ field: QueryField, _ way: TwinWay) {
    self.field = field
    self.way = way
  }

  /// The whole number that a code stands for; nil for other codes.
  static func number(_ code: UInt32) -> Int64? {
    guard code & inlineBit != 0 else { return nil }
    return Int64(Int32(bitPattern: code << 1) >> 1)
  }

  /// The code of a text that is shared by many devices under a number of its own; 0 for no text.
  static func code(ofText number: UInt32) -> UInt32 { number == 0 ? missing : number + wide }

  /// The values of such codes.
  static func values(ofTexts texts: [String]) -> ContiguousArray<QueryValue?> {
    ContiguousArray([nil, nil, nil] + texts.dropFirst().map { .text($0) })
  }

  /// Records the value of a record: the next one, or one that was read before. `text` holds the
  /// value in compact JSON at `range`.
  mutating func set(_ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>?) {
    var code = FieldColumn.missing
    if let range {
      let value = UnsafeBufferPointer(rebasing: text[range])
      code = self.code(value)
      if code == FieldColumn.wide { keep(FieldColumn.wholeNumber(value) ?? 0, at: index) }
    }
    guard index < codes.count else {
      // Records further on are read when their turn comes.
      if index == codes.count { codes.append(code) }
      return
    }
    let old = codes[index]
    codes[index] = code
    release(old)
  }

  private mutating func keep(_ number: Int64, at index: Int) {
    guard index <= codes.count else { return }
    if wide.count <= index {
      wide.append(contentsOf: repeatElement(0, count: index + 1 - wide.count))
    }
    wide[index] = number
  }

  /// Forgets the value of a record that was removed.
  mutating func clear(_ index: Int) {
    guard index < codes.count else { return }
    let old = codes[index]
    codes[index] = FieldColumn.missing
    release(old)
  }

  private mutating func code(_ text: UnsafeBufferPointer<UInt8>) -> UInt32 {
    if let number = FieldColumn.wholeNumber(text) {
      guard (-0x4000_0000..<0x4000_0000).contains(number) else { return FieldColumn.wide }
      return FieldColumn.inlineBit | (UInt32(truncatingIfNeeded: number) & 0x7FFF_FFFF)
    }
    // Null is no value.
    if text.first == UInt8(ascii: "n") { return FieldColumn.missing }
    return listed(text)
  }

  private mutating func listed(_ text: UnsafeBufferPointer<UInt8>) -> UInt32 {
    guard text.count <= FieldColumn.valueBytesMax else { return FieldColumn.unlisted }
    let raw = RawValue(bytes: Array(text))
    if let number = numbers[raw] {
      uses[Int(number)] += 1
      return number
    }
    guard numbers.count < FieldColumn.valuesMax,
      // The text was written by our own writer, so it parses.
      let value = try? JSON.parse(raw.bytes)
    else { return FieldColumn.unlisted }
    if let number = free.popLast() {
      values[Int(number)] = .json(value)
      uses[Int(number)] = 1
      numbers[raw] = number
      return number
    }
    let number = UInt32(values.count)
    values.append(.json(value))
    uses.append(1)
    numbers[raw] = number
    return number
  }

  // A value that no record has any more goes, as devices report new ones all the time.
  private mutating func release(_ code: UInt32) {
    guard code > FieldColumn.wide, code & FieldColumn.inlineBit == 0 else { return }
    let number = Int(code)
    uses[number] -= 1
    guard uses[number] == 0, case .json(let value) = values[number] else { return }
    numbers[RawValue(bytes: value.text)] = nil
    values[number] = nil
    free.append(code)
  }

  // Digits with at most one minus before, as JSON writes them; -0 is another literal.
  private static func wholeNumber(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative ? UnsafeBufferPointer(rebasing: text.dropFirst()) : text
    guard (1...18).contains(digits.count) else { return nil }
    var number: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      number = number * 10 + Int64(digit - 0x30)
    }
    if isNegative, number == 0 { return nil }
    return isNegative ? -number : number
  }
}

/// A value in compact JSON, compared by its bytes.
private struct RawValue: Hashable {
  let bytes: [UInt8]

  func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
