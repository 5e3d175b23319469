// The folder of stored images: each is named by the SHA-256 of its bytes and never changes.
public import Crypto
import Glibc

/// A content-addressed folder with a corner for uploads in progress.
///
/// Two processes may share it, but deciding that an image is unused, and that nobody commits the
/// same bytes at that moment, is the caller's business.
public struct BlobDirectory: Sendable {
  /// The folder that holds everything.
  public let root: String
  /// Where uploads live until committed; same file system as `root` by construction.
  public var incoming: String { "\(root)/incoming" }

  /// Opens the folder, and creates it when only its last part is missing.
  public init(root: String) throws(ImageError) {
    self.root = root
    for path in [root, "\(root)/incoming"] where mkdir(path, 0o750) != 0 && errno != EEXIST {
      throw .fromErrno("create", path)
    }
    try syncDirectory(root)
  }

  /// Starts an upload.
  public func makeWriter(byteCountMax: Int64) throws(ImageError) -> ImageWriter {
    try ImageWriter(directory: incoming, byteCountMax: byteCountMax)
  }

  /// Stores an upload; see `UploadedImage.commit(into:)`.
  public func commit(_ image: UploadedImage) throws(ImageError) -> StoredImage {
    try image.commit(into: root)
  }

  /// Opens a stored image for reading; throws `missing` when there is none.
  public func open(_ sha256: SHA256.Value) throws(ImageError) -> ImageFile {
    do throws(ImageError) {
      return try ImageFile(path: BlobPath(root: root, sha256: sha256).file)
    } catch .system(_, _, ENOENT) {
      throw .missing(sha256)
    }
  }

  /// Deletes a stored image; returns false when there was none.
  ///
  /// Open readers keep their bytes.
  @discardableResult
  public func delete(_ sha256: SHA256.Value) throws(ImageError) -> Bool {
    let path = BlobPath(root: root, sha256: sha256)
    guard unlink(path.file) == 0 else {
      if errno == ENOENT { return false }
      throw .fromErrno("delete", path.file)
    }
    try syncDirectory(path.folder)
    return true
  }

  /// Hashes a stored image again; throws `digestMismatch` when its bytes have changed.
  public func verify(_ sha256: SHA256.Value) throws(ImageError) {
    let file = try open(sha256)
    let actual = try file.sha256()
    guard actual == sha256 else { throw .digestMismatch(expected: sha256, actual: actual) }
  }

  /// The digests of all stored images, in order; files with other names are passed over.
  public func list() throws(ImageError) -> [SHA256.Value] {
    var found: [SHA256.Value] = []
    for folder in try names(in: root) where Hex.decode(folder, lowercaseOnly: true)?.count == 1 {
      for name in try names(in: "\(root)/\(folder)") where name.hasPrefix(folder) {
        if let digest = SHA256.Value(hex: name) { found.append(digest) }
      }
    }
    return found.sorted()
  }

  /// Deletes what a crash left behind and returns how many files that were.
  ///
  /// These are temporary files last written before `start`, in seconds since 1970: the time at
  /// which this process started.
  @discardableResult
  public func sweepTemporary(before start: Int64) throws(ImageError) -> Int {
    var count = 0
    for name in try names(in: incoming)
    where name.hasPrefix(TemporaryFile.prefix) && name.hasSuffix(TemporaryFile.suffix) {
      let path = "\(incoming)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      guard status.st_mode & S_IFMT == S_IFREG, Int64(status.st_mtim.tv_sec) < start else {
        continue
      }
      if unlink(path) == 0 { count += 1 }
    }
    return count
  }

  private func names(in directory: String) throws(ImageError) -> [String] {
    guard let stream = opendir(directory) else { throw .fromErrno("list", directory) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
      errno = 0
    }
    guard errno == 0 else { throw .fromErrno("list", directory) }
    return names
  }
}

extension ImageFile {
  /// SHA-256 of `count` bytes from the start, or of the whole file.
  func sha256(count: Int64? = nil) throws(ImageError) -> SHA256.Value {
    var digest = try StreamDigest.sha256()
    try forEachPiece(count: count ?? size) { (piece) throws(ImageError) in
      try digest.add(piece)
    }
    return try digest.value()
  }
}
