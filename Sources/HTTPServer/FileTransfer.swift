// Which bytes of a file answer a request: conditions and ranges first (RFC 9110 sections 13, 14).

/// The header fields that decide about a file, copied since the answer may come later.
struct RequestConditions {
  var isRead = false
  var range: [UInt8]?
  var ifRange: [UInt8]?
  var ifNoneMatch: [UInt8]?
  var ifModifiedSince: [UInt8]?

  /// No conditions: the whole file is sent.
  static let none = RequestConditions()

  private init() {}

  init(_ request: Request) {
    isRead = request.method == .get || request.method == .head
    func copy(_ name: StaticString) -> [UInt8]? { request.header(name).map { Array($0) } }
    // A range is defined for GET only (RFC 9110 section 14.2).
    range = request.method == .get ? copy("range") : nil
    ifRange = copy("if-range")
    ifNoneMatch = copy("if-none-match")
    ifModifiedSince = copy("if-modified-since")
  }

  /// What to send of a file.
  func select(_ body: FileBody, rangeLimit: Int) -> FileSelection {
    guard isRead else { return .whole }
    if isUnmodified(body) { return .notModified }
    guard let range, ifRangeHolds(body) else { return .whole }
    let parsed = range.withUnsafeBytes {
      RangeRequest($0, length: body.length, countLimit: rangeLimit)
    }
    switch parsed {
    case .whole: return .whole
    case .unsatisfiable: return .unsatisfiable
    case .parts(let parts): return .parts(parts)
    }
  }

  /// If-None-Match wins over If-Modified-Since (RFC 9110 section 13.2.2).
  private func isUnmodified(_ body: FileBody) -> Bool {
    if let ifNoneMatch {
      guard let etag = body.etag else { return false }
      return Self.matches(ifNoneMatch, etag)
    }
    guard let ifModifiedSince, let modified = body.lastModified,
      let since = ifModifiedSince.withUnsafeBytes({ HTTPDate.seconds($0) })
    else { return false }
    return modified <= since
  }

  /// If-Range holds for the same strong tag or exactly the same date (RFC 9110 section 13.1.5).
  private func ifRangeHolds(_ body: FileBody) -> Bool {
    guard let ifRange else { return true }
    if let etag = body.etag, !etag.hasPrefix("W/"), Array(etag.utf8) == ifRange { return true }
    guard let modified = body.lastModified else { return false }
    return HTTPDate.text(seconds: modified) == ifRange
  }

  /// Weak comparison against a list of tags or `*` (RFC 9110 section 13.1.2).
  private static func matches(_ list: [UInt8], _ etag: String) -> Bool {
    func opaque(_ tag: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
      tag.starts(with: [0x57, 0x2F]) ? tag.dropFirst(2) : tag
    }
    let own = opaque(Array(etag.utf8)[...])
    for element in list.split(separator: ByteClass.comma) {
      let trimmed = element.drop { $0 == ByteClass.space || $0 == ByteClass.tab }
      let end = trimmed.lastIndex { $0 != ByteClass.space && $0 != ByteClass.tab }
      guard let end else { continue }
      let tag = trimmed[...end]
      if tag.elementsEqual([0x2A]) || opaque(tag).elementsEqual(own) { return true }
    }
    return false
  }
}

/// What to send of a file.
enum FileSelection: Equatable {
  case whole
  case parts([Range<Int>])
  case notModified
  case unsatisfiable
}

/// A file, or parts of it with text between, on its way out.
struct FileTransfer {
  enum Segment {
    case bytes([UInt8])
    case file(Range<Int>)

    var count: Int {
      switch self {
      case .bytes(let bytes): return bytes.count
      case .file(let range): return range.count
      }
    }
  }

  let file: OpenFile
  let segments: [Segment]
  /// The segment under way, and what of it is sent.
  var index = 0
  var sent = 0

  /// Told when all is sent, if that includes the end of the file.
  let onSent: (@Sendable () -> Void)?
  /// See `FileBody.mayGoOn`.
  let mayGoOn: (@Sendable () -> Bool)?

  init(_ body: FileBody, segments: [Segment]) {
    file = body.file
    mayGoOn = body.mayGoOn
    self.segments = segments
    let reachesEnd = segments.contains { segment in
      if case .file(let range) = segment { range.upperBound == body.length } else { false }
    }
    onSent = reachesEnd ? body.onSent : nil
  }

  var count: Int { segments.reduce(0) { $0 + $1.count } }

  var isFinished: Bool { index >= segments.count }

  /// Notes progress within the present segment.
  mutating func advance(_ count: Int) {
    sent += count
    while index < segments.count, sent >= segments[index].count {
      sent -= segments[index].count
      index += 1
    }
  }

  /// The parts of a multipart/byteranges body (RFC 9110 section 14.6).
  static func multipart(_ body: FileBody, _ parts: [Range<Int>], boundary: String) -> FileTransfer {
    var segments: [Segment] = []
    for part in parts {
      let head =
        "\r\n--\(boundary)\r\nContent-Type: \(body.contentType)\r\n"
        + "Content-Range: bytes \(part.lowerBound)-\(part.upperBound - 1)/\(body.length)\r\n\r\n"
      segments.append(.bytes(Array(head.utf8)))
      segments.append(.file(part))
    }
    segments.append(.bytes(Array("\r\n--\(boundary)--\r\n".utf8)))
    return FileTransfer(body, segments: segments)
  }
}
