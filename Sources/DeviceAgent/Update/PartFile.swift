// PartFile: where an image is collected, across restarts, until its digest is proven.

internal import Crypto
public import UpdateModel

/// The file of one image under download. Its length is how far the download is.
///
/// A power failure may leave bytes at its end that never reached the medium. That shows when the
/// digest is checked, and the file is begun anew then.
public final class PartFile {
  /// Bytes after which what was written is forced to the medium, so that a resumption is worth it.
  public static let syncBytes: Int64 = 4 << 20
  /// Bytes that are held in memory at once.
  public static let pieceBytes = 256 << 10

  /// The image that is collected.
  public let image: UpdateImage
  /// Bytes that are there; at most `image.size`.
  public private(set) var offset: Int64
  private let file: any DiskFile
  private var unforced: Int64 = 0

  /// Opens or makes the part file of an image; more bytes than the image has are cut.
  public init(_ image: UpdateImage, in directory: DownloadDirectory) throws(AgentError) {
    try directory.prepare()
    file = try directory.disk.open(directory.path(image.sha256), .create)
    let size = try file.size()
    if size > image.size { try file.truncate(to: image.size) }
    self.image = image
    offset = min(size, image.size)
  }

  /// Whether all bytes are there; says nothing of their digest.
  public var isComplete: Bool { offset == image.size }

  /// Adds the next bytes; more than the image has is an error.
  public func append(_ bytes: [UInt8]) throws(AgentError) {
    guard Int64(bytes.count) <= image.size - offset else {
      throw .tooLarge(size: offset + Int64(bytes.count), capacity: image.size)
    }
    try file.write(bytes, at: offset)
    offset += Int64(bytes.count)
    unforced += Int64(bytes.count)
    if unforced >= PartFile.syncBytes { try sync() }
  }

  /// Forces what is there to the medium; to be called before waiting long.
  public func sync() throws(AgentError) {
    try file.sync()
    unforced = 0
  }

  /// Begins anew, for a server that does not continue where the file ends.
  public func startOver() throws(AgentError) {
    try file.truncate(to: 0)
    offset = 0
  }

  /// Forces the file to the medium and compares it with the signed digest.
  ///
  /// - Throws: `wrongDigest` after the file was cut to nothing, so that the next try begins anew.
  public func verify() throws(AgentError) {
    try sync()
    let found = try FileDigest.of(file, count: image.size)
    guard found == image.sha256 else {
      try startOver()
      throw .wrongDigest(
        subject: "the download of \(image.file)", expected: image.sha256, found: found)
    }
  }
}

/// The folder of part files, named after the digests of their images.
public struct DownloadDirectory: Sendable {
  let disk: any AgentDisk
  /// The folder.
  public let path: String

  /// The folder below the one of the state.
  public init(disk: any AgentDisk, stateDirectory: String) {
    self.disk = disk
    path = "\(stateDirectory)/downloads"
  }

  func path(_ digest: Digest) -> String { "\(path)/\(digest).part" }

  func prepare() throws(AgentError) { try disk.makeDirectory(path) }

  /// Removes all part files but those of the given digests.
  public func discard(keeping digests: [Digest]) throws(AgentError) {
    let kept = Set(digests.map { "\($0).part" })
    for name in try disk.names(in: path) where !kept.contains(name) {
      try disk.remove("\(path)/\(name)")
    }
  }

  /// Bytes that the images still take: what is not in part files yet, and for the agent's own
  /// image, which is copied to the folder of its version beside its part file, its size once more.
  func neededBytes(_ images: [UpdateImage]) throws(AgentError) -> Int64 {
    try missingBytes(images) + images.reduce(0) { $0 + ($1.isAgent ? $1.size : 0) }
  }

  /// Bytes of the images that are not in part files yet.
  public func missingBytes(_ images: [UpdateImage]) throws(AgentError) -> Int64 {
    var missing: Int64 = 0
    for image in images {
      var present: Int64 = 0
      if try disk.exists(path(image.sha256)) {
        present = try disk.open(path(image.sha256), .read).size()
      }
      missing += max(0, image.size - present)
    }
    return missing
  }
}

/// SHA-256 of an open file.
enum FileDigest {
  /// Digests the first `count` bytes; a shorter file gives the digest of what is there.
  static func of(_ file: any DiskFile, count: Int64) throws(AgentError) -> Digest {
    var digest = try start()
    var offset: Int64 = 0
    while offset < count {
      let wanted = Int(min(Int64(PartFile.pieceBytes), count - offset))
      let piece = try file.read(at: offset, count: wanted)
      if piece.isEmpty { break }
      try add(piece, to: &digest)
      offset += Int64(piece.count)
    }
    return try finish(digest)
  }

  static func start() throws(AgentError) -> StreamDigest {
    do throws(CryptoError) { return try StreamDigest(.sha256) } catch { throw .crypto("\(error)") }
  }

  static func add(_ bytes: [UInt8], to digest: inout StreamDigest) throws(AgentError) {
    let failure = bytes.withUnsafeBytes { buffer -> CryptoError? in
      do throws(CryptoError) { try digest.update(buffer) } catch { return error }
      return nil
    }
    if let failure { throw .crypto("\(failure)") }
  }

  static func finish(_ digest: consuming StreamDigest) throws(AgentError) -> Digest {
    let bytes: [UInt8]
    do throws(CryptoError) { bytes = try digest.finish() } catch { throw .crypto("\(error)") }
    guard let value = Digest(bytes) else { preconditionFailure("SHA-256 has 32 bytes") }
    return value
  }
}
