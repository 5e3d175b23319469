// ImageShelf: the stored images with the key that signs them; all slow work on images happens here.

public import Crypto
public import ImagePipeline
public import UpdateModel
import UpdateTrust

/// Images on disk and the signing key. Nothing here may run on an event loop.
public struct ImageShelf: Sendable {
  private let blobs: BlobDirectory
  private let key: SigningKey
  private let compressor: ImageCompressor
  /// Larger uploads are refused, in bytes.
  public let imageBytesMax: Int64

  /// Joins a folder of images, a signing key and settings.
  public init(
    blobs: BlobDirectory, key: SigningKey, compressor: ImageCompressor, imageBytesMax: Int64
  ) {
    self.blobs = blobs
    self.key = key
    self.compressor = compressor
    self.imageBytesMax = imageBytesMax
  }

  /// The key that devices pin.
  public var verifyingKey: VerifyingKey { key.verifyingKey }

  /// Starts an upload.
  func makeWriter() throws(Problem) -> ImageWriter {
    do { return try blobs.makeWriter(byteCountMax: imageBytesMax) } catch { throw Problem(error) }
  }

  /// What was made of an upload.
  struct Prepared {
    let image: StoredImage
    let digests: ArtifactDigests
    let format: String
    let compressed: StoredImage?
  }

  /// Recognises, compresses and stores an upload. Content that is there already is kept once.
  ///
  /// An image that starts like a known format and then breaks its rules was damaged or cut short on
  /// its way, so it is refused unless the uploader says that it is raw.
  func prepare(_ upload: UploadedImage, isRaw: Bool) throws(Problem) -> Prepared {
    do {
      let format = try ImageFormat.detect(upload.file)
      if let damage = format.damage, !isRaw {
        throw Problem(
          .unprocessable,
          "the image \(damage); upload it again, or as raw if these bytes are what you want")
      }
      let packed = try compressor.compress(upload.file, into: blobs.incoming)
      if let packed {
        // Proof before promise: what devices unpack must be what was uploaded.
        try ImageDecompressor(byteCountMax: upload.size).verify(
          packed.file, size: upload.size, sha256: upload.digests.sha256)
      }
      let compressed = try packed.map { (packed) throws(ImageError) in try blobs.commit(packed) }
      let image = try blobs.commit(upload)
      return Prepared(
        image: image, digests: upload.digests, format: isRaw ? "raw" : format.name,
        compressed: compressed)
    } catch let error as ImageError {
      throw Problem(error)
    } catch let problem as Problem {
      throw problem
    } catch { throw Problem(.internalError, "\(error)") }
  }

  /// Signs a manifest.
  func sign(_ manifest: ArtifactManifest) throws(Problem) -> String {
    do { return try manifest.signature(by: key) } catch {
      throw Problem(.internalError, "the artifact could not be signed: \(error)")
    }
  }

  /// Where the bytes with this digest are.
  func path(_ digest: Digest) -> String {
    let name = "\(digest)"
    return "\(blobs.root)/\(name.prefix(2))/\(name)"
  }

  /// Hashes stored bytes again; nil when they are right, else what is wrong.
  func fault(in digest: Digest) -> String? {
    guard let value = SHA256.Value(digest.bytes) else { return "not a digest" }
    do {
      try blobs.verify(value)
      return nil
    } catch { return error.description }
  }

  /// Unpacks a stored zstd form and compares; nil when it is right, else what is wrong.
  func fault(in compressed: Digest, unpackingTo digest: Digest, size: Int64) -> String? {
    guard let packed = SHA256.Value(compressed.bytes), let whole = SHA256.Value(digest.bytes) else {
      return "not a digest"
    }
    do {
      try ImageDecompressor(byteCountMax: size).verify(
        try blobs.open(packed), size: size, sha256: whole)
      return nil
    } catch { return error.description }
  }

  /// Deletes stored bytes that no artifact refers to any more.
  func delete(_ digest: Digest) throws(Problem) {
    guard let value = SHA256.Value(digest.bytes) else { return }
    do { try blobs.delete(value) } catch { throw Problem(error) }
  }

  /// Removes what a crash left behind: uploads that never ended, and images no artifact refers to.
  public func sweep(keeping used: Set<Digest>, startedAt start: Instant) throws(Problem) -> Int {
    do {
      var count = try blobs.sweepTemporary(before: start.milliseconds / 1000)
      for value in try blobs.list() {
        if let digest = Digest(bytes: value.bytes), !used.contains(digest) {
          try blobs.delete(value)
          count += 1
        }
      }
      return count
    } catch { throw Problem(error) }
  }
}

extension Problem {
  /// What a person is told about an image that could not be stored.
  init(_ error: ImageError) {
    let kind: Kind =
      switch error {
      case .tooLarge: .tooLarge
      case .diskFull: .insufficientStorage
      case .empty, .sizeMismatch, .digestMismatch: .unprocessable
      default: .internalError
      }
    self.init(kind, error.description)
  }
}
