// The body of a request on its way out: bytes, or a file read piece by piece.
import Glibc

/// An opened request body.
final class RequestSource {
  private static let pieceCount = 131_072

  private let bytes: [UInt8]
  private let descriptor: Int32
  private let path: String
  private let progress: ((Int, Int) -> Void)?
  /// The length in bytes, `nil` without a body.
  let length: Int?

  init(_ body: HTTPRequestBody) throws(HTTPClientError) {
    switch body {
    case .none:
      (bytes, descriptor, path, progress, length) = ([], -1, "", nil, nil)
    case .bytes(let bytes):
      self.bytes = bytes
      (descriptor, path, progress, length) = (-1, "", nil, bytes.count)
    case .file(let path, let progress):
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw .file(path: path, reason: String(cString: strerror(errno)))
      }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        close(descriptor)
        throw .file(path: path, reason: "not a regular file")
      }
      bytes = []
      self.descriptor = descriptor
      self.path = path
      self.progress = progress
      length = Int(status.st_size)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Sends head and body; a small body goes out with the head.
  func send(head: [UInt8], to transport: Transport) throws(HTTPClientError) {
    guard descriptor >= 0, let total = length else {
      try write(bytes.count <= 65_536 ? head + bytes : head, to: transport)
      if bytes.count > 65_536 { try write(bytes, to: transport) }
      return
    }
    try write(head, to: transport)
    var sent = 0
    while sent < total {
      let piece = try readPiece(at: sent, count: min(Self.pieceCount, total - sent))
      try write(piece, to: transport)
      sent += piece.count
      progress?(sent, total)
    }
  }

  private func readPiece(at offset: Int, count: Int) throws(HTTPClientError) -> [UInt8] {
    let piece = [UInt8](unsafeUninitializedCapacity: count) { target, written in
      written = max(0, pread(descriptor, target.baseAddress, count, off_t(offset)))
    }
    guard !piece.isEmpty else { throw .file(path: path, reason: "it became shorter while sent") }
    return piece
  }

  private func write(_ bytes: [UInt8], to transport: Transport) throws(HTTPClientError) {
    // Typed throws do not pass through withUnsafeBytes of Array.
    var failure: HTTPClientError?
    bytes.withUnsafeBytes { buffer in
      do throws(HTTPClientError) { try transport.write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
