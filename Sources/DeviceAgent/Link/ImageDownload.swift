// ImageDownload: fetches the rest of an image into its part file, and gives up slow connections.

import Glibc
import HTTPClient
import UpdateModel

/// One try to fetch an image. What is in the part file is not fetched again.
///
/// A request asks for the rest with `Range` and `If-Range` (RFC 9110 sections 13.1.5 and 14.2). The
/// SHA-256 of all bytes is checked afterwards, so a wrong answer costs a download, never more.
struct ImageDownload {
  /// How a try ended.
  enum Outcome: Equatable {
    /// All bytes came; their digest is not checked here.
    case complete
    /// The caller asked to stop.
    case stopped
    /// The connection was below the least rate; what came is kept.
    case tooSlow(bytesPerSecond: Int64)
    /// The connection broke or the answer was wrong; what came is kept.
    case interrupted(String)
    /// The server does not give the image.
    case refused(status: Int, detail: String, retryAfter: Int?)
  }

  private static let tagName = "download.json"
  /// Of a refusal that much is read, for its reason.
  private static let refusalBytesMax = 16 << 10

  let state: StateDirectory
  /// Where the bytes go.
  let part: PartFile
  /// Measures and judges the connection.
  var rate: DownloadRate
  /// Time for the rate.
  let clock: DeviceClock

  /// Fetches until the end or trouble; the part file is durable then.
  ///
  /// - Parameters:
  ///   - connection: its time limit is the longest silence; it is closed afterwards.
  ///   - target: path and query at the server.
  ///   - headers: what proves the device.
  ///   - progress: is told the bytes so far; returns `false` to stop.
  /// - Returns: how it ended.
  /// - Throws: `LinkError` when the part file cannot be written.
  mutating func run(
    _ connection: HTTPConnection, target: String, headers: [(name: String, value: String)],
    progress: (Int64) -> Bool
  ) throws(LinkError) -> Outcome {
    if part.isComplete { return .complete }
    let tag = try tag()
    var fields = headers + [("Accept-Encoding", "identity")]
    if part.offset > 0 { fields.append(("Range", "bytes=\(part.offset)-")) }
    if part.offset > 0, let tag { fields.append(("If-Range", tag)) }
    var ending: Outcome?
    var failure: LinkError?
    var isBegun = false
    var refusal: [UInt8] = []
    var refused: HTTPResponse?
    do throws(HTTPClientError) {
      let response = try connection.download(target, headers: fields) { response, bytes in
        guard (200..<300).contains(response.status) else {
          refusal += bytes.prefix(ImageDownload.refusalBytesMax - refusal.count)
          return refusal.count < ImageDownload.refusalBytesMax
        }
        do throws(LinkError) {
          if !isBegun { ending = try begin(response, tag: tag) }
          isBegun = true
          if ending == nil { ending = try take(bytes, progress) }
        } catch {
          failure = error
        }
        return ending == nil && failure == nil
      }
      refused = (200..<300).contains(response.status) ? nil : response
    } catch {
      switch error {
      case .timedOut: ending = ending ?? .tooSlow(bytesPerSecond: 0)
      default: ending = ending ?? .interrupted(error.description)
      }
    }
    connection.close()
    if let failure { throw failure }
    if let refused { ending = try refuse(refused, refusal) }
    try ImageDownload.asLink { () throws(AgentError) in try part.sync() }
    if part.isComplete { return .complete }
    return ending
      ?? .interrupted("the answer ended after \(part.offset) of \(part.image.size) bytes")
  }

  /// Looks at the head of an answer; nil to go on, else how the try ended.
  private func begin(_ response: HTTPResponse, tag: String?) throws(LinkError) -> Outcome? {
    switch response.status {
    case 200:
      try startOver()
      try save(tag: response.header("ETag"))
      return nil
    case 206:
      // RFC 9110 section 14.4: the server says which part it is.
      let start = response.header("Content-Range")?.split(separator: " ").last?
        .split(separator: "-").first.flatMap { Int64($0) }
      guard start == part.offset else {
        return .interrupted("the server sent another part than was asked for")
      }
      if tag == nil { try save(tag: response.header("ETag")) }
      return nil
    default: return .interrupted("the server answered with status \(response.status)")
    }
  }

  private func refuse(_ response: HTTPResponse, _ body: [UInt8]) throws(LinkError) -> Outcome {
    if response.status == 416 {
      try startOver()
      return .interrupted("the server does not have the part that was asked for")
    }
    guard
      case .refused(let status, let detail, let seconds) = ServerLink.refusal(response, body: body)
    else { return .interrupted("status \(response.status)") }
    return .refused(status: status, detail: detail, retryAfter: seconds)
  }

  private mutating func take(
    _ bytes: UnsafeRawBufferPointer, _ progress: (Int64) -> Bool
  ) throws(LinkError) -> Outcome? {
    guard Int64(bytes.count) <= part.image.size - part.offset else {
      try startOver()
      return .interrupted("the server sent more bytes than the image has")
    }
    let piece = Array(bytes)
    try ImageDownload.asLink { () throws(AgentError) in try part.append(piece) }
    if part.isComplete { return nil }
    if let slow = rate.isTooSlow(after: bytes.count, at: clock.now()) {
      return .tooSlow(bytesPerSecond: slow)
    }
    return progress(part.offset) ? nil : .stopped
  }

  private func startOver() throws(LinkError) {
    guard part.offset > 0 else { return }
    try ImageDownload.asLink { () throws(AgentError) in try part.startOver() }
  }

  // MARK: The tag of the bytes that came

  private func tag() throws(LinkError) -> String? {
    // Without its tag the rest is asked for all the same; the digest decides.
    guard let record = try? state.document(ImageDownload.tagName),
      record["sha256"]?.string == "\(part.image.sha256)"
    else { return nil }
    return record["etag"]?.string
  }

  private func save(tag: String?) throws(LinkError) {
    guard let tag, tag.hasPrefix("\"") else { return try state.remove(ImageDownload.tagName) }
    try state.write(
      ["sha256": .string("\(part.image.sha256)"), "etag": .string(tag)],
      to: ImageDownload.tagName)
  }

  private static func asLink(_ body: () throws(AgentError) -> Void) throws(LinkError) {
    do throws(AgentError) { try body() } catch { throw .device(error) }
  }
}
