// SimulateDownload: a device fetches an image, resumes after a cut and checks every byte.

import Crypto
import FleetSimulator
import Glibc
import HTTPClient
import ImagePipeline
import UpdateModel

/// What the downloads of a fleet came to.
struct DownloadTally: Sendable {
  /// Complete images.
  var images = 0
  /// Complete images that travelled compressed.
  var compressed = 0
  /// Bytes received.
  var bytes: Int64 = 0
  /// Downloads that went on after a cut.
  var resumed = 0
}

/// Fetches one image.
struct ImageDownload {
  let image: DeploymentDocument.Image
  let token: String?
  let acceptsCompression: Bool
  let verifyingKey: VerifyingKey?

  /// Tries in all; each but the first goes on where the one before was cut.
  private static let attemptCountMax = 7

  // 50 ms and twice as long each time: a server that restarts is back before the tries are used up.
  private static func pause(before attempt: Int) {
    if attempt > 0 { usleep(25_000 << UInt32(attempt)) }
  }

  /// Fetches and checks; false when the bytes are not what was announced and signed.
  ///
  /// Throws when they did not all come: the server refused, went away too often, or took too long.
  func run(_ link: FleetLink, _ tally: inout DownloadTally) throws(Failure) -> Bool {
    guard isSigned else { return false }
    return acceptsCompression ? try fetchPacked(link, &tally) : try fetchPlain(link, &tally)
  }

  // The manifest names the image by its digest, so the signature covers the bytes.
  private var isSigned: Bool {
    guard let verifyingKey else { return true }
    guard let manifest = image.manifest,
      let signature = image.signature.flatMap({ Hex.decode($0) }),
      verifyingKey.isValid(signature, for: Array(manifest.utf8)),
      // A text that is no JSON names no digest.
      let document = try? JSON.parse(Array(manifest.utf8))
    else { return false }
    return document["sha256"]?.string == image.sha256 && document["size"]?.integer == image.size
  }

  // MARK: As it is

  private func fetchPlain(_ link: FleetLink, _ tally: inout DownloadTally) throws(Failure) -> Bool {
    var part = try PlainPart()
    for attempt in 0..<ImageDownload.attemptCountMax {
      ImageDownload.pause(before: attempt)
      // Without a tag nothing tells whether the rest belongs to the same image.
      if part.tag == nil, part.received > 0 { part = try PlainPart() }
      if part.received > 0 { tally.resumed += 1 }
      switch try fetchRest(&part, link, &tally) {
      case .cut: continue
      case .tooLong: return false
      case .complete: break
      }
      tally.images += 1
      let isWhole = part.received == image.size
      // Without a digest the image counts as wrong.
      let value = (try? part.digest.finish()).map { Hex.encode($0) }
      return isWhole && value == image.sha256
    }
    throw .unreachable(
      "download of \(image.name): cut \(ImageDownload.attemptCountMax) times; the next poll "
        + "tries again")
  }

  /// What came of an image so far.
  private struct PlainPart: ~Copyable {
    var digest: StreamDigest
    var received: Int64 = 0
    var tag: String?

    init() throws(Failure) {
      do { digest = try StreamDigest(.sha256) } catch { throw .failed("no SHA-256: \(error)") }
    }
  }

  private enum Piece { case complete, cut, tooLong }

  private func fetchRest(
    _ part: inout PlainPart, _ link: FleetLink, _ tally: inout DownloadTally
  ) throws(Failure) -> Piece {
    var headers: [(name: String, value: String)] = []
    if part.received > 0, let tag = part.tag {
      headers = [("Range", "bytes=\(part.received)-"), ("If-Range", tag)]
    }
    let expected = headers.isEmpty ? 200 : 206
    let before = part.received
    var status = expected
    defer { tally.bytes += part.received - before }
    do throws(HTTPClientError) {
      let response = try link.download(link: image.link, token: token, headers: headers) {
        response, bytes in
        status = response.status
        guard status == expected else { return false }
        part.tag = response.header("ETag") ?? part.tag
        part.received += Int64(bytes.count)
        // A digest that cannot go on gives another value in the end.
        try? part.digest.update(bytes)
        return part.received <= image.size
      }
      status = response.status
    } catch .disconnected, .timedOut, .refused {
      if status == expected { return .cut }
    } catch .cancelled {
      // More bytes than were announced.
      if status == expected { return .tooLong }
    } catch {
      throw .unreachable("download of \(image.name): \(error)")
    }
    try refuse(status, unless: expected)
    return .complete
  }

  // An answer without the image says nothing about its bytes.
  private func refuse(_ status: Int, unless expected: Int) throws(Failure) {
    guard status != expected else { return }
    throw .failed("download of \(image.name): the server answered with status \(status)")
  }

  // MARK: Packed

  private func fetchPacked(_ link: FleetLink, _ tally: inout DownloadTally) throws(Failure) -> Bool
  {
    var template = Array("/tmp/groundswell-sim-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    guard descriptor >= 0 else {
      throw .failed("cannot create a file in /tmp: \(String(cString: strerror(errno)))")
    }
    defer {
      close(descriptor)
      unlink(path)
    }
    var received: Int64 = 0
    var status = 200
    var isStored = true
    let response: HTTPResponse
    do {
      response = try link.download(
        link: image.link, token: token, headers: [("Accept-Encoding", "zstd")]
      ) { response, bytes in
        received += Int64(bytes.count)
        status = response.status
        guard status == 200 else { return false }
        isStored = Glibc.write(descriptor, bytes.baseAddress, bytes.count) == bytes.count
        return isStored && received <= image.size + 65_536
      }
    } catch .cancelled {
      try refuse(status, unless: 200)
      guard isStored else {
        throw .failed("cannot write to \(path): \(String(cString: strerror(errno)))")
      }
      return false
    } catch .disconnected, .timedOut, .refused {
      try refuse(status, unless: 200)
      // What was packed cannot be joined with what was not: start again without packing.
      tally.bytes += received
      return try fetchPlain(link, &tally)
    } catch {
      throw .unreachable("download of \(image.name): \(error)")
    }
    tally.bytes += received
    try refuse(response.status, unless: 200)
    tally.images += 1
    let isPacked = response.header("Content-Encoding") == "zstd"
    if isPacked { tally.compressed += 1 }
    return isPacked ? isPackedImage(path) : isPlainImage(path)
  }

  private func isPackedImage(_ path: String) -> Bool {
    guard let expected = SHA256.Value(hex: image.sha256) else { return false }
    do {
      try ImageDecompressor(byteCountMax: image.size).verify(
        try ImageFile(path: path), size: image.size, sha256: expected)
      return true
    } catch {
      return false
    }
  }

  private func isPlainImage(_ path: String) -> Bool {
    do {
      let file = try ImageFile(path: path)
      guard file.size == image.size else { return false }
      var digest = try StreamDigest(.sha256)
      let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
      defer { room.deallocate() }
      var offset: Int64 = 0
      while offset < file.size {
        let count = try file.read(at: offset, into: room)
        guard count > 0 else { return false }
        try digest.update(UnsafeRawBufferPointer(rebasing: room[..<count]))
        offset += Int64(count)
      }
      return Hex.encode(try digest.finish()) == image.sha256
    } catch {
      return false
    }
  }
}
