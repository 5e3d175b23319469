// An image that is complete, hashed and durable, but not yet part of the store.
public import Crypto
import Glibc

/// A received image under a temporary name, which goes with the last reference unless committed.
public final class UploadedImage: Sendable {
  private let temporary: TemporaryFile
  /// Length in bytes.
  public let size: Int64
  /// Computed while the bytes were written.
  public let digests: ArtifactDigests
  /// The very file that was hashed, open for inspection.
  public let file: ImageFile

  init(temporary: TemporaryFile, size: Int64, digests: ArtifactDigests) {
    self.temporary = temporary
    self.size = size
    self.digests = digests
    self.file = ImageFile(temporary.descriptor, path: temporary.path, size: size)
  }

  /// Where the bytes are until they are committed or dropped.
  public var temporaryPath: String { temporary.path }

  /// Publishes the image as `<directory>/<first two digits>/<sha256>`.
  ///
  /// Durable when it returns. If the content is already there, which includes a second call, the
  /// temporary file is dropped. The stored bytes are not compared here: `BlobDirectory.verify`
  /// re-hashes on its own schedule. Throws `closed` when there is nothing left to publish.
  public func commit(into directory: String) throws(ImageError) -> StoredImage {
    let target = BlobPath(root: directory, sha256: digests.sha256)
    if mkdir(target.folder, 0o750) == 0 {
      try syncDirectory(directory)
    } else if errno != EEXIST {
      throw .fromErrno("create", target.folder)
    }
    var status = stat()
    let isStored =
      lstat(target.file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && Int64(status.st_size) == size
    if isStored {
      temporary.discard()
    } else {
      try temporary.publish(as: target.file)
    }
    // Also when it was there already: its rename may have been made by a process that died since.
    try syncDirectory(target.folder)
    return StoredImage(
      sha256: digests.sha256, size: size, path: target.file, wasAlreadyStored: isStored)
  }

  /// Publishes the bytes under a name of the caller's in a folder that exists, in place of what
  /// has that name. Durable when it returns.
  public func keep(as name: String, in folder: String) throws(ImageError) {
    try temporary.publish(as: "\(folder)/\(name)")
    try syncDirectory(folder)
  }

  /// Deletes the temporary file now.
  public func discard() { temporary.discard() }
}

/// An image in the store.
public struct StoredImage: Hashable, Sendable {
  /// Its name.
  public let sha256: SHA256.Value
  /// Length in bytes.
  public let size: Int64
  /// Where it is.
  public let path: String
  /// True when the same bytes were there before.
  public let wasAlreadyStored: Bool
}

/// The content-addressed place of an image.
struct BlobPath {
  let folder: String
  let file: String

  init(root: String, sha256: SHA256.Value) {
    let name = sha256.hex
    folder = "\(root)/\(name.prefix(2))"
    file = "\(folder)/\(name)"
  }
}
