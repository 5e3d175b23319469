// Reads responses from a transport: head, then a body framed by length, chunks or close
// (RFC 9112 section 6.3).

/// A receiver of body bytes; returns `false` to stop.
typealias BodyReceiver = (UnsafeRawBufferPointer) -> Bool

/// Buffers what a transport delivers and takes responses out of it.
struct ResponseReader {
  /// A response head: status line and headers of 64 KiB are beyond anything lawful.
  private static let headLimit = 65_536
  private static let readCount = 65_536

  private let transport: Transport
  private var buffer: [UInt8] = []
  private var position = 0
  /// Whether any byte of the present response has arrived.
  private(set) var hasStarted = false
  /// Whether the connection can be used again after the present response.
  private(set) var isReusable = false

  init(_ transport: Transport) { self.transport = transport }

  /// Whether bytes are left that no response accounts for.
  var hasLeftover: Bool { position < buffer.count }

  /// Reads the final head, skipping interim ones (RFC 9110 section 15.2).
  mutating func readHead() throws(HTTPClientError) -> HTTPResponse {
    hasStarted = false
    isReusable = false
    while true {
      let response = try readOneHead()
      if !(100..<200).contains(response.status) || response.status == 101 { return response }
    }
  }

  private mutating func readOneHead() throws(HTTPClientError) -> HTTPResponse {
    var headCount = 0
    func line(_ reader: inout ResponseReader) throws(HTTPClientError) -> String {
      let bytes = try reader.readLine(limit: Self.headLimit)
      headCount += bytes.count
      if headCount > Self.headLimit { throw .tooLarge(limit: Self.headLimit) }
      return String(decoding: bytes, as: UTF8.self)
    }
    let statusLine = try line(&self)
    let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].utf8.count == 3,
      let status = Int(parts[1])
    else { throw .malformedResponse("status line \(statusLine.prefix(60))") }
    var headers: [(name: String, value: String)] = []
    while true {
      let text = try line(&self)
      if text.isEmpty { break }
      guard let colon = text.firstIndex(of: ":") else {
        throw .malformedResponse("header line \(text.prefix(60))")
      }
      let value = text[text.index(after: colon)...].trimmed
      headers.append((String(text[..<colon]), String(value)))
    }
    let response = HTTPResponse(status: status, headers: headers)
    let options = response.header("Connection")?.lowercased().split(separator: ",") ?? []
    let closes = options.contains { $0.trimmed == "close" }
    isReusable = parts[0] == "HTTP/1.1" && !closes
    return response
  }

  /// Reads the body that follows a head.
  mutating func readBody(
    of response: HTTPResponse, isHead: Bool, _ receive: BodyReceiver
  ) throws(HTTPClientError) {
    if isHead || response.status == 204 || response.status == 304 { return }
    if let coding = response.header("Transfer-Encoding") {
      guard coding.lowercased() == "chunked" else {
        throw .malformedResponse("transfer coding \(coding)")
      }
      try readChunks(receive)
    } else if let text = response.header("Content-Length") {
      guard let length = Int(text), length >= 0 else {
        throw .malformedResponse("Content-Length \(text)")
      }
      try readExactly(length, receive)
    } else {
      isReusable = false
      while try fill() { try drain(buffer.count - position, receive) }
    }
  }

  private mutating func readChunks(_ receive: BodyReceiver) throws(HTTPClientError) {
    while true {
      let line = String(decoding: try readLine(limit: 4_096), as: UTF8.self)
      let digits = line.prefix { $0 != ";" }.trimmed
      guard let size = Int(digits, radix: 16), size >= 0 else {
        throw .malformedResponse("chunk size \(line.prefix(20))")
      }
      if size == 0 { break }
      try readExactly(size, receive)
      guard try readLine(limit: 2).isEmpty else { throw .malformedResponse("chunk end") }
    }
    while try !readLine(limit: Self.headLimit).isEmpty {}
  }

  private mutating func readExactly(
    _ count: Int, _ receive: BodyReceiver
  ) throws(HTTPClientError) {
    var rest = count
    while rest > 0 {
      guard try fill() else { throw .disconnected("the server") }
      let taken = min(rest, buffer.count - position)
      try drain(taken, receive)
      rest -= taken
    }
  }

  private mutating func drain(_ count: Int, _ receive: BodyReceiver) throws(HTTPClientError) {
    let goesOn = buffer.withUnsafeBytes {
      receive(UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
    }
    position += count
    if !goesOn {
      isReusable = false
      throw .cancelled
    }
  }

  /// Reads a line without its end; CR LF or LF, since a client may be lenient.
  mutating func readLine(limit: Int) throws(HTTPClientError) -> [UInt8] {
    var line: [UInt8] = []
    while true {
      guard try fill() else { throw .disconnected("the server") }
      if let end = buffer[position...].firstIndex(of: 0x0A) {
        line.append(contentsOf: buffer[position..<end])
        position = end + 1
        if line.last == 0x0D { line.removeLast() }
        guard line.count <= limit else { throw .tooLarge(limit: limit) }
        return line
      }
      line.append(contentsOf: buffer[position...])
      position = buffer.count
      guard line.count <= limit else { throw .tooLarge(limit: limit) }
    }
  }

  /// Makes sure that unread bytes are in the buffer; `false` at the end of the stream.
  private mutating func fill() throws(HTTPClientError) -> Bool {
    if position < buffer.count { return true }
    position = 0
    let transport = transport
    var failure: HTTPClientError?
    buffer = [UInt8](unsafeUninitializedCapacity: Self.readCount) { target, written in
      do throws(HTTPClientError) {
        written = try transport.read(into: UnsafeMutableRawBufferPointer(target))
      } catch {
        failure = error
        written = 0
      }
    }
    if let failure { throw failure }
    if !buffer.isEmpty { hasStarted = true }
    return !buffer.isEmpty
  }
}

extension Substring {
  /// Without spaces and tabs at both ends.
  var trimmed: Substring {
    let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
    let end = lastIndex { $0 != " " && $0 != "\t" }
    guard let end, start <= end else { return self[endIndex...] }
    return self[start...end]
  }
}
