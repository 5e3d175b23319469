// The Range header of a request against a file of known length (RFC 9110 section 14).

/// What a Range header asks for.
enum RangeRequest: Equatable {
  /// There is no usable range: send everything.
  case whole
  /// These parts, in the order asked for; at least one.
  case parts([Range<Int>])
  /// No part lies inside the file: 416.
  case unsatisfiable

  /// Reads a header value.
  ///
  /// Malformed values, other units and too many parts mean `whole`, as the standard allows; so do
  /// parts that overlap, which only an attack asks for.
  init(_ value: UnsafeRawBufferPointer, length: Int, countLimit: Int) {
    self = Self.parse(value, length: length, countLimit: countLimit) ?? .whole
  }

  private static func parse(
    _ value: UnsafeRawBufferPointer, length: Int, countLimit: Int
  ) -> RangeRequest? {
    let text = value.bindMemory(to: UInt8.self).span
    guard text.count > 6, text.matches(0..<6, "bytes=") else { return nil }
    var parts: [Range<Int>] = []
    var asked = 0
    var start = 6
    for index in 6...text.count where index == text.count || text[index] == ByteClass.comma {
      let run = text.trimmed(start..<index)
      start = index + 1
      if run.isEmpty { continue }
      asked += 1
      guard asked <= countLimit, let part = parsePart(text, run, length: length) else { return nil }
      if !part.isEmpty { parts.append(part) }
    }
    guard asked > 0 else { return nil }
    guard !parts.isEmpty else { return .unsatisfiable }
    let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
    for (left, right) in zip(sorted, sorted.dropFirst()) where left.overlaps(right) { return nil }
    return .parts(parts)
  }

  /// One part; empty if it is well formed but outside the file, `nil` if malformed.
  private static func parsePart(
    _ text: Span<UInt8>, _ run: Range<Int>, length: Int
  ) -> Range<Int>? {
    var dash = run.lowerBound
    while dash < run.upperBound, text[dash] != 0x2D { dash += 1 }
    guard dash < run.upperBound else { return nil }
    let first = run.lowerBound..<dash
    let last = dash + 1..<run.upperBound
    if first.isEmpty {
      guard let suffix = number(text, last) else { return nil }
      return max(0, length - suffix)..<length
    }
    guard let lower = number(text, first) else { return nil }
    guard lower < length else { return last.isEmpty || number(text, last) != nil ? 0..<0 : nil }
    if last.isEmpty { return lower..<length }
    guard let upper = number(text, last), upper >= lower else { return nil }
    return lower..<min(upper, length - 1) + 1
  }

  private static func number(_ text: Span<UInt8>, _ run: Range<Int>) -> Int? {
    guard !run.isEmpty, run.count <= 18 else { return nil }
    var value = 0
    for index in run {
      guard ByteClass.isDigit(text[index]) else { return nil }
      value = value * 10 + Int(text[index] - 0x30)
    }
    return value
  }
}
