// TimeZoneFile: reads the TZif files in which systems keep the time zone database (RFC 9636).

extension TimeZoneRules {
  /// Larger files are refused; those of the database are below 4 KiB.
  public static let fileBytesMax = 64 * 1024
  /// As many transitions as zic, the compiler of the database, writes (TZ_MAX_TIMES).
  private static let transitionCountMax = 2000

  /// Reads a TZif file of version 1 to 4.
  ///
  /// Throws when a length, count, index or time is out of its range, when something is missing or
  /// left over, and for files that count leap seconds, as an `Instant` does not.
  public init(tzif bytes: [UInt8]) throws(InvalidValue) {
    guard bytes.count <= TimeZoneRules.fileBytesMax else {
      throw TimeZoneFile.refusal("has \(bytes.count) bytes")
    }
    var file = TimeZoneFile(rest: bytes[...])
    let first = try file.takeHeader()
    guard first.version > 1 else {
      self = try file.takeData(first, timeBytes: 4, footer: false)
      return
    }
    // Readers of the 64-bit data skip the rest (RFC 9636 section 4).
    _ = try file.take(first.dataBytes(timeBytes: 4))
    let second = try file.takeHeader()
    guard second.version == first.version else {
      throw TimeZoneFile.refusal("has two versions")
    }
    self = try file.takeData(second, timeBytes: 8, footer: true)
  }

  fileprivate init(
    table: [(at: Int64, type: Int)], types: [Int64], tail: YearlyRules?
  ) throws(InvalidValue) {
    guard table.count <= TimeZoneRules.transitionCountMax else {
      throw TimeZoneFile.refusal("has \(table.count) transitions")
    }
    var previous = TimeZoneFile.times.lowerBound - 1
    for (at, type) in table {
      guard TimeZoneFile.times.contains(at), at > previous, type < types.count else {
        throw TimeZoneFile.refusal("has a transition that is out of order or range")
      }
      previous = at
    }
    // Type 0 holds before the first transition (RFC 9636 section 3.2).
    self.init(
      transitions: table.map(\.at), offsets: [types[0]] + table.map { types[$0.type] }, tail: tail)
  }
}

/// What has not been read yet of a TZif file.
private struct TimeZoneFile {
  var rest: ArraySlice<UInt8>

  /// RFC 9636 section 3.2 recommends no time before -2^59 seconds, which is before the Big Bang.
  static let times: ClosedRange<Int64> = -(1 << 59)...1 << 59
  /// Offsets that RFC 9636 section 3.2 recommends: more than -25 and less than 26 hours.
  private static let offsets: ClosedRange<Int64> = -89_999...93_599

  static func refusal(_ reason: String) -> InvalidValue {
    InvalidValue(field: "time zone", reason: "its file \(reason); install the package tzdata again")
  }

  /// The header before each of the two blocks of data (RFC 9636 section 3.1).
  struct Header {
    let version: Int
    let universalCount: Int
    let standardCount: Int
    let leapCount: Int
    let timeCount: Int
    let typeCount: Int
    let characterCount: Int

    /// Length of the data behind the header; every count has 32 bits, so this cannot overflow.
    func dataBytes(timeBytes: Int) -> Int {
      timeCount * (timeBytes + 1) + typeCount * 6 + characterCount + leapCount * (timeBytes + 4)
        + standardCount + universalCount
    }
  }

  mutating func take(_ count: Int) throws(InvalidValue) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw TimeZoneFile.refusal("ends too early") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  // Two's complement, the most significant byte first.
  private mutating func takeInteger(bytes: Int) throws(InvalidValue) -> Int64 {
    let taken = try take(bytes)
    let start: Int64 = taken.first.map { $0 >= 0x80 ? -1 : 0 } ?? 0
    return taken.reduce(start) { $0 << 8 | Int64($1) }
  }

  private mutating func takeCount() throws(InvalidValue) -> Int {
    Int(try take(4).reduce(Int64(0)) { $0 << 8 | Int64($1) })
  }

  mutating func takeHeader() throws(InvalidValue) -> Header {
    guard try take(4).elementsEqual("TZif".utf8) else {
      throw TimeZoneFile.refusal("does not begin with TZif")
    }
    let versions: [UInt8: Int] = [
      0: 1, UInt8(ascii: "2"): 2, UInt8(ascii: "3"): 3, UInt8(ascii: "4"): 4,
    ]
    guard let version = try take(16).first.flatMap({ versions[$0] }) else {
      throw TimeZoneFile.refusal("has an unknown version")
    }
    let header = Header(
      version: version, universalCount: try takeCount(), standardCount: try takeCount(),
      leapCount: try takeCount(), timeCount: try takeCount(), typeCount: try takeCount(),
      characterCount: try takeCount())
    return header
  }

  mutating func takeData(
    _ header: Header, timeBytes: Int, footer hasFooter: Bool
  ) throws(InvalidValue) -> TimeZoneRules {
    guard header.leapCount == 0 else { throw TimeZoneFile.refusal("counts leap seconds") }
    guard (1...256).contains(header.typeCount), header.characterCount >= 1,
      [0, header.typeCount].contains(header.standardCount),
      [0, header.typeCount].contains(header.universalCount)
    else { throw TimeZoneFile.refusal("has counts that do not agree") }
    // Before anything is made of that size.
    guard header.dataBytes(timeBytes: timeBytes) <= rest.count else {
      throw TimeZoneFile.refusal("ends too early")
    }
    var times: [Int64] = []
    for _ in 0..<header.timeCount { times.append(try takeInteger(bytes: timeBytes)) }
    let indices = try take(header.timeCount).map { Int($0) }
    let types = try takeTypes(header)
    // Names of offsets, and from which kind of clock a transition was given: not needed.
    _ = try take(header.characterCount + header.standardCount + header.universalCount)
    let tail = hasFooter ? try takeFooter() : nil
    guard rest.isEmpty else { throw TimeZoneFile.refusal("has something behind its end") }
    return try TimeZoneRules(
      table: zip(times, indices).map { (at: $0, type: $1) }, types: types, tail: tail)
  }

  private mutating func takeTypes(_ header: Header) throws(InvalidValue) -> [Int64] {
    var types: [Int64] = []
    for _ in 0..<header.typeCount {
      let offset = try takeInteger(bytes: 4)
      let isSummer = try takeInteger(bytes: 1)
      let designation = Int(try take(1).first ?? 0)
      guard TimeZoneFile.offsets.contains(offset), 0...1 ~= isSummer,
        designation < header.characterCount
      else { throw TimeZoneFile.refusal("has an offset that is out of range") }
      types.append(offset)
    }
    return types
  }

  // A TZ string between two line feeds; an empty one leaves the last offset (section 3.3).
  private mutating func takeFooter() throws(InvalidValue) -> YearlyRules? {
    let lineFeed = UInt8(ascii: "\n")
    guard try take(1).first == lineFeed, let end = rest.firstIndex(of: lineFeed) else {
      throw TimeZoneFile.refusal("has no footer")
    }
    let text = rest[..<end]
    rest = rest[rest.index(after: end)...]
    return text.isEmpty ? nil : try YearlyRules(text)
  }
}
