// Receives an upload: writes, counts and hashes in one pass. Whatever goes wrong, nothing is left.
public import Crypto
import Synchronization

/// An upload in progress.
///
/// States: open, over. `write` keeps it open; `finish`, `abort`, any failure and the end of the
/// last reference end it. Every state but a successful `finish` deletes the file. May be used from
/// any thread; calls are serialised.
public final class ImageWriter: Sendable {
  private struct Upload: ~Copyable {
    let file: TemporaryFile
    var hasher: ArtifactHasher
    var written: Int64 = 0
  }

  /// The largest image accepted, in bytes.
  public let byteCountMax: Int64
  private let upload: Mutex<Upload?>

  /// Creates a temporary file in `directory`, which must be on the file system of the store.
  public init(directory: String, byteCountMax: Int64) throws(ImageError) {
    let file = try TemporaryFile(in: directory)
    let hasher: ArtifactHasher
    do throws(CryptoError) { hasher = try ArtifactHasher() } catch { throw .crypto(error) }
    self.byteCountMax = byteCountMax
    self.upload = Mutex(Upload(file: file, hasher: hasher))
  }

  /// Bytes received so far; 0 when the upload is over.
  public var written: Int64 {
    upload.withLock { upload in upload?.written ?? 0 }
  }

  /// Appends a chunk of the body.
  ///
  /// Throws `tooLarge` before writing the excess, `diskFull` when there is no room, `closed` after
  /// the end. A failed upload is over.
  public func write(_ chunk: UnsafeRawBufferPointer) throws(ImageError) {
    try upload.withLock { (upload) throws(ImageError) in
      do throws(ImageError) {
        guard let written = upload?.written else { throw .closed }
        guard Int64(chunk.count) <= byteCountMax - written else {
          throw .tooLarge(byteCountMax: byteCountMax)
        }
        try upload?.file.write(chunk)
        do throws(CryptoError) { try upload?.hasher.update(chunk) } catch { throw .crypto(error) }
        upload?.written += Int64(chunk.count)
      } catch {
        upload = nil
        throw error
      }
    }
  }

  /// Appends a chunk of the body.
  public func write(_ chunk: [UInt8]) throws(ImageError) {
    let result = chunk.withUnsafeBytes { bytes -> Result<Void, ImageError> in
      do throws(ImageError) { return .success(try write(bytes)) } catch { return .failure(error) }
    }
    try result.get()
  }

  /// Makes the bytes durable and hands them over.
  ///
  /// Throws `empty`, `sizeMismatch` or `digestMismatch` when the upload is not what was announced.
  public func finish(
    expectedSize: Int64? = nil, expectedSHA256: SHA256.Value? = nil
  ) throws(ImageError) -> UploadedImage {
    try upload.withLock { (upload) throws(ImageError) -> UploadedImage in
      guard let done = upload.take() else { throw .closed }
      let (file, size) = (done.file, done.written)
      let hasher = done.hasher
      if let expectedSize, expectedSize != size {
        throw .sizeMismatch(expected: expectedSize, actual: size)
      }
      guard size > 0 else { throw .empty }
      let digests: ArtifactDigests
      do throws(CryptoError) { digests = try hasher.finish() } catch { throw .crypto(error) }
      if let expectedSHA256, expectedSHA256 != digests.sha256 {
        throw .digestMismatch(expected: expectedSHA256, actual: digests.sha256)
      }
      try file.sync()
      return UploadedImage(temporary: file, size: size, digests: digests)
    }
  }

  /// Ends the upload and deletes the file; harmless when it is already over.
  public func abort() {
    upload.withLock { upload in upload = nil }
  }
}
