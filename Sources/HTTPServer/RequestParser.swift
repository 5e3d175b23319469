// The strict parser of request heads (RFC 9112): bytes in, positions out, nothing else touched.
// It is single pass and never allocates; whatever is ambiguous is refused, since a proxy in front
// may have read it differently.

/// Parses one request head from the start of a buffer.
struct RequestParser {
  let lineLimit: Int
  let headerLimit: Int
  let countLimit: Int

  init(_ limits: Limits) {
    lineLimit = limits.requestLineBytes
    headerLimit = limits.headerBytes
    countLimit = min(limits.headerCount, RequestHead.fieldCapacity)
  }

  /// Parses a head.
  ///
  /// - Returns: `true` when the head is complete, `false` when more bytes are needed.
  func parse(_ bytes: Span<UInt8>, into head: inout RequestHead) throws(Rejection) -> Bool {
    head.reset()
    var position = 0
    // One empty line before the request line is skipped (RFC 9112 section 2.2).
    if bytes.count > 0, bytes[0] == ByteClass.carriageReturn {
      guard bytes.count > 1 else { return false }
      guard bytes[1] == ByteClass.lineFeed else { throw .bareLineEnd }
      position = 2
    }
    guard let afterLine = try parseLine(bytes, from: position, into: &head) else {
      if bytes.count - position > lineLimit { throw .lineTooLong }
      return false
    }
    if afterLine - position > lineLimit { throw .lineTooLong }
    guard let end = try parseFields(bytes, from: afterLine, into: &head) else {
      if bytes.count - afterLine > headerLimit { throw .headersTooLarge }
      return false
    }
    if end - afterLine > headerLimit { throw .headersTooLarge }
    head.byteCount = end
    return true
  }

  // MARK: The request line

  private func parseLine(
    _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
  ) throws(Rejection) -> Int? {
    var index = start
    while index < bytes.count, ByteClass.isToken(bytes[index]) { index += 1 }
    // The longest registered method has 17 letters (UPDATEREDIRECTREF).
    if index - start > 24 { throw .unsupportedMethod }
    guard index < bytes.count else { return nil }
    guard index > start, bytes[index] == ByteClass.space else { throw .malformedRequestLine }
    try setMethod(bytes, start..<index, &head)

    let targetStart = index + 1
    var queryStart = -1
    index = targetStart
    while index < bytes.count, ByteClass.isTarget(bytes[index]) {
      if bytes[index] == ByteClass.questionMark, queryStart < 0 { queryStart = index }
      index += 1
    }
    guard index < bytes.count else { return nil }
    if index - start > lineLimit { throw .lineTooLong }
    guard index > targetStart, bytes[index] == ByteClass.space else { throw .malformedTarget }
    let target = targetStart..<index
    guard let end = try parseVersion(bytes, from: index + 1, into: &head) else { return nil }
    try setTarget(bytes, target, queryStart, &head)
    return end
  }

  private func setMethod(
    _ bytes: Span<UInt8>, _ run: Range<Int>, _ head: inout RequestHead
  ) throws(Rejection) {
    func equals(_ name: StaticString) -> Bool {
      guard run.count == name.utf8CodeUnitCount else { return false }
      for offset in 0..<run.count where bytes[run.lowerBound + offset] != name.utf8Start[offset] {
        return false
      }
      return true
    }
    if equals("GET") {
      head.method = .get
    } else if equals("POST") {
      head.method = .post
    } else if equals("PUT") {
      head.method = .put
    } else if equals("HEAD") {
      head.method = .head
    } else if equals("DELETE") {
      head.method = .delete
    } else if equals("PATCH") {
      head.method = .patch
    } else if equals("OPTIONS") {
      head.method = .options
    } else if equals("CONNECT") || equals("TRACE") {
      // Tunnels and echoes have no place here, and CONNECT has a target form of its own.
      throw .unsupportedMethod
    }
  }

  /// Reads `HTTP/1.x` and the line end.
  private func parseVersion(
    _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
  ) throws(Rejection) -> Int? {
    let expected: StaticString = "HTTP/"
    let available = min(bytes.count - start, 10)
    for offset in 0..<min(available, 5) where bytes[start + offset] != expected.utf8Start[offset] {
      throw .malformedVersion
    }
    guard available == 10 else {
      if bytes.count - start > 0, bytes[bytes.count - 1] == ByteClass.lineFeed {
        throw .malformedVersion
      }
      return nil
    }
    let major = bytes[start + 5]
    let minor = bytes[start + 7]
    guard ByteClass.isDigit(major), bytes[start + 6] == 0x2E, ByteClass.isDigit(minor) else {
      throw .malformedVersion
    }
    guard bytes[start + 8] == ByteClass.carriageReturn, bytes[start + 9] == ByteClass.lineFeed
    else { throw bytes[start + 8] == ByteClass.lineFeed ? .bareLineEnd : .malformedVersion }
    guard major == 0x31, minor <= 0x31 else { throw .unsupportedVersion }
    head.isVersion10 = minor == 0x30
    head.keepsAlive = !head.isVersion10
    return start + 10
  }

  /// Splits the target (RFC 9112 section 3.2): a path, `*` for OPTIONS, or a whole URL.
  private func setTarget(
    _ bytes: Span<UInt8>, _ target: Range<Int>, _ queryStart: Int, _ head: inout RequestHead
  ) throws(Rejection) {
    var pathStart = target.lowerBound
    if bytes[pathStart] != ByteClass.slash {
      if head.method == .options, target.count == 1, bytes[pathStart] == 0x2A {
        head.path = ByteRun(target)
        return
      }
      pathStart = try absolutePathStart(bytes, target, &head)
    }
    if queryStart >= pathStart {
      head.path = ByteRun(pathStart..<queryStart)
      head.query = ByteRun(queryStart + 1..<target.upperBound)
    } else {
      head.path = ByteRun(pathStart..<target.upperBound)
    }
  }

  /// Takes the authority out of an absolute target; it replaces Host (RFC 9112 section 3.2.2).
  private func absolutePathStart(
    _ bytes: Span<UInt8>, _ target: Range<Int>, _ head: inout RequestHead
  ) throws(Rejection) -> Int {
    var authority = target.lowerBound
    if target.count > 8, bytes.matches(authority..<authority + 8, "https://") {
      authority += 8
    } else if target.count > 7, bytes.matches(authority..<authority + 7, "http://") {
      authority += 7
    } else {
      throw .malformedTarget
    }
    var end = authority
    while end < target.upperBound, ByteClass.isHost(bytes[end]) { end += 1 }
    // Without a path there is no run for one; clients send at least "/" after the authority.
    guard end > authority, end < target.upperBound, bytes[end] == ByteClass.slash else {
      throw .malformedTarget
    }
    head.host = ByteRun(authority..<end)
    return end
  }

  // MARK: The header fields

  private func parseFields(
    _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
  ) throws(Rejection) -> Int? {
    var framing = FramingFields()
    var index = start
    while true {
      guard index < bytes.count else { return nil }
      let first = bytes[index]
      if first == ByteClass.carriageReturn {
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == ByteClass.lineFeed else { throw .bareLineEnd }
        try framing.settle(&head)
        return index + 2
      }
      if first == ByteClass.space || first == ByteClass.tab { throw .foldedHeader }
      if head.fieldCount >= countLimit { throw .headersTooLarge }
      guard let line = try parseField(bytes, from: index) else { return nil }
      head.fields[head.fieldCount] = line.field
      head.fieldCount += 1
      try framing.note(bytes, line.field, &head)
      index = line.end
      if index - start > headerLimit { throw .headersTooLarge }
    }
  }

  private func parseField(
    _ bytes: Span<UInt8>, from start: Int
  ) throws(Rejection) -> (field: HeaderField, end: Int)? {
    var index = start
    while index < bytes.count, ByteClass.isToken(bytes[index]) { index += 1 }
    guard index < bytes.count else { return nil }
    guard index > start, bytes[index] == ByteClass.colon else {
      throw bytes[index] == ByteClass.lineFeed ? .bareLineEnd : .malformedHeader
    }
    let name = start..<index
    let valueStart = index + 1
    index = Self.endOfValue(bytes, from: valueStart)
    guard index < bytes.count else { return nil }
    guard bytes[index] == ByteClass.carriageReturn else {
      throw bytes[index] == ByteClass.lineFeed ? .bareLineEnd : .malformedHeader
    }
    guard index + 1 < bytes.count else { return nil }
    guard bytes[index + 1] == ByteClass.lineFeed else { throw .bareLineEnd }
    var field = HeaderField()
    field.name = ByteRun(name)
    field.value = ByteRun(bytes.trimmed(valueStart..<index))
    return (field, index + 2)
  }

  /// The first byte that may not stand in a value, eight bytes at a time while all are plain.
  static func endOfValue(_ bytes: Span<UInt8>, from start: Int) -> Int {
    var index = start
    let raw = bytes.bytes
    while index + 8 <= raw.byteCount {
      let word = raw.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
      // Bytes below 0x20, and bytes equal to 0x7F, each leave their top bit set.
      let low = (word &- 0x2020_2020_2020_2020) & ~word
      let deleted = word ^ 0x7F7F_7F7F_7F7F_7F7F
      let isDeleted = (deleted &- 0x0101_0101_0101_0101) & ~deleted
      if (low | isDeleted) & 0x8080_8080_8080_8080 != 0 { break }
      index += 8
    }
    while index < bytes.count, ByteClass.isValue(bytes[index]) { index += 1 }
    return index
  }
}
