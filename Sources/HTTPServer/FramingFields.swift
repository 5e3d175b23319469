// The header fields that decide where a request ends and which host it is for.
// Every doubt is refused: this is where request smuggling happens (RFC 9112 section 11.2).

/// Collects the framing fields of one head and judges them together.
struct FramingFields {
  private var hostCount = 0
  private var length: Int?
  private var isChunked = false
  private var hasCoding = false
  private var closes = false
  private var keepsAlive = false

  /// Takes a field; most are none of ours.
  mutating func note(
    _ bytes: Span<UInt8>, _ field: HeaderField, _ head: inout RequestHead
  ) throws(Rejection) {
    let name = field.name.range
    let value = field.value.range
    switch name.count {
    case 4 where bytes.matches(name, "host"):
      try noteHost(bytes, field, &head)
    case 6 where bytes.matches(name, "expect"):
      guard bytes.matches(value, "100-continue") else { throw .unknownExpectation }
      head.expectsContinue = true
    case 10 where bytes.matches(name, "connection"):
      try bytes.forEachListElement(value) { (element) throws(Rejection) in
        if bytes.matches(element, "close") { closes = true }
        if bytes.matches(element, "keep-alive") { keepsAlive = true }
      }
    case 14 where bytes.matches(name, "content-length"):
      try noteLength(bytes, value)
    case 17 where bytes.matches(name, "transfer-encoding"):
      try noteCoding(bytes, value)
    default:
      break
    }
  }

  private mutating func noteHost(
    _ bytes: Span<UInt8>, _ field: HeaderField, _ head: inout RequestHead
  ) throws(Rejection) {
    guard hostCount == 0 else { throw .repeatedHost }
    hostCount = 1
    let value = field.value.range
    guard !value.isEmpty else { throw .malformedHost }
    for index in value where !ByteClass.isHost(bytes[index]) { throw .malformedHost }
    if head.host.count == 0 { head.host = field.value }
  }

  private mutating func noteLength(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Rejection) {
    guard length == nil else { throw .repeatedLength }
    // 18 digits always fit an Int.
    guard !value.isEmpty, value.count <= 18 else { throw .malformedLength }
    var number = 0
    for index in value {
      guard ByteClass.isDigit(bytes[index]) else { throw .malformedLength }
      number = number * 10 + Int(bytes[index] - 0x30)
    }
    length = number
  }

  private mutating func noteCoding(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(Rejection) {
    guard !hasCoding else { throw .malformedCoding }
    hasCoding = true
    if bytes.matches(value, "chunked") {
      isChunked = true
      return
    }
    var count = 0
    var chunkedCount = 0
    var endsChunked = false
    try bytes.forEachListElement(value) { (element) throws(Rejection) in
      count += 1
      endsChunked = bytes.matches(element, "chunked")
      if endsChunked { chunkedCount += 1 }
    }
    // Another coding before chunked is lawful but unknown here: 501. Everything else has no
    // certain end: 400 (RFC 9112 sections 6.1 and 6.3).
    throw endsChunked && chunkedCount == 1 && count > 1 ? .unsupportedCoding : .malformedCoding
  }

  /// Judges all fields once the head is complete.
  func settle(_ head: inout RequestHead) throws(Rejection) {
    // HTTP/1.0 knows no Host; every other request must have one (RFC 9112 section 3.2).
    if hostCount == 0, !head.isVersion10 { throw .missingHost }
    if hasCoding {
      if length != nil { throw .lengthAndCoding }
      // Chunked in HTTP/1.0 is faulty framing (RFC 9112 section 6.1).
      if head.isVersion10 { throw .malformedCoding }
      head.framing = .chunked
    } else if let length, length > 0 {
      head.framing = .length(length)
    }
    if head.isVersion10 { head.expectsContinue = false }
    head.keepsAlive = head.isVersion10 ? keepsAlive && !closes : !closes
  }
}
