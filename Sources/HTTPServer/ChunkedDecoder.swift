// Decodes the chunked transfer coding (RFC 9112 section 7.1), one step at a time, without a copy.
//
// States: size digits, extension, line end after the size, data, line end after the data, start of
// a trailer line, inside a trailer line, line ends of the trailer. Chunk extensions and trailers
// are checked, counted against a limit and dropped. Not responsible for the limit on the body.

/// The state of one chunked body between reads.
struct ChunkedDecoder {
  /// What was found at the start of the bytes offered.
  enum Step: Equatable {
    /// All bytes are consumed and the body goes on.
    case needMore
    /// These bytes, as positions in what was offered, belong to the body.
    case data(Range<Int>)
    /// The body ended before this position.
    case end(Int)
  }

  private enum State {
    case sizeStart, size, chunkExtension, sizeLineFeed, data, dataReturn, dataLineFeed
    case trailerStart, trailerName, trailerValue, trailerLineFeed, lastLineFeed
  }

  private var state = State.sizeStart
  private var remaining: UInt64 = 0
  private var digits = 0
  private var overhead = 0
  private let overheadLimit: Int

  init(overheadLimit: Int) { self.overheadLimit = overheadLimit }

  /// Takes bytes from `start` on; call again behind a returned run until `needMore` or `end`.
  mutating func next(_ bytes: Span<UInt8>, from start: Int) throws(Rejection) -> Step {
    var index = start
    while index < bytes.count {
      if case .data = state {
        let count = Int(min(remaining, UInt64(bytes.count - index)))
        remaining -= UInt64(count)
        if remaining == 0 { state = .dataReturn }
        return .data(index..<index + count)
      }
      let byte = bytes[index]
      index += 1
      if try advance(byte) { return .end(index) }
    }
    return .needMore
  }

  /// Takes one byte of framing; `true` at the end of the body.
  private mutating func advance(_ byte: UInt8) throws(Rejection) -> Bool {
    switch state {
    case .sizeStart, .size:
      try takeSize(byte)
    case .chunkExtension:
      if byte == ByteClass.carriageReturn {
        state = .sizeLineFeed
      } else {
        guard ByteClass.isValue(byte) else { throw .malformedChunk }
        try countOverhead()
      }
    case .sizeLineFeed:
      guard byte == ByteClass.lineFeed else { throw .malformedChunk }
      state = remaining == 0 ? .trailerStart : .data
    case .data:
      preconditionFailure("data is taken in runs, not byte by byte")
    case .dataReturn:
      guard byte == ByteClass.carriageReturn else { throw .malformedChunk }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == ByteClass.lineFeed else { throw .malformedChunk }
      state = .sizeStart
    case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed:
      try takeTrailer(byte)
    case .lastLineFeed:
      guard byte == ByteClass.lineFeed else { throw .malformedChunk }
      return true
    }
    return false
  }

  private mutating func takeSize(_ byte: UInt8) throws(Rejection) {
    if let digit = ByteClass.hexadecimal(byte) {
      if case .sizeStart = state {
        remaining = 0
        digits = 0
        state = .size
      }
      digits += 1
      // 15 digits are below 2^60, so no sum of sizes in use here can overflow.
      guard digits <= 15 else { throw .malformedChunk }
      remaining = remaining << 4 | digit
      return
    }
    guard case .size = state else { throw .malformedChunk }
    if byte == ByteClass.carriageReturn {
      state = .sizeLineFeed
    } else if byte == ByteClass.semicolon {
      state = .chunkExtension
    } else {
      throw .malformedChunk
    }
  }

  private mutating func takeTrailer(_ byte: UInt8) throws(Rejection) {
    switch state {
    case .trailerStart where byte == ByteClass.carriageReturn:
      state = .lastLineFeed
      return
    case .trailerStart, .trailerName:
      if byte == ByteClass.colon, case .trailerName = state {
        state = .trailerValue
      } else {
        guard ByteClass.isToken(byte) else { throw .malformedChunk }
        state = .trailerName
      }
    case .trailerValue where byte == ByteClass.carriageReturn:
      state = .trailerLineFeed
    case .trailerValue:
      guard ByteClass.isValue(byte) else { throw .malformedChunk }
    default:
      guard byte == ByteClass.lineFeed else { throw .malformedChunk }
      state = .trailerStart
    }
    try countOverhead()
  }

  private mutating func countOverhead() throws(Rejection) {
    overhead += 1
    if overhead > overheadLimit { throw .chunkOverhead }
  }
}
