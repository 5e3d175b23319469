// Artifact: what is known about the bytes of one firmware image.

/// A version as its maker writes it; compared for equality, ordered only for display.
public struct FirmwareVersion: Hashable, Sendable, CustomStringConvertible {
  /// 1 to 128 bytes of UTF-8 without white space and control characters.
  public let text: String

  /// Checks a version that a person gave.
  public init(_ text: String) throws(InvalidValue) {
    let allowed = text.unicodeScalars.allSatisfy {
      $0.value > 0x20 && $0.value != 0x7F && !$0.properties.isWhitespace
    }
    guard (1...128).contains(text.utf8.count), allowed else {
      throw InvalidValue(
        field: "version",
        reason: "'\(text.prefix(80))' is not a version: use 1 to 128 bytes without white space")
    }
    self.text = text
  }

  /// The text itself.
  public var description: String { text }
}

/// One stored image: its identity, what it fits, and the digests that clients of all kinds ask for.
public struct Artifact: Equatable, Sendable {
  /// Number within the tenant.
  public let id: ArtifactID
  /// Product name of the image, shared by its versions.
  public let name: Name
  /// Version of the image.
  public let version: FirmwareVersion
  /// Hardware models the image runs on; never empty.
  public let hardware: [Name]
  /// Part of the device the image is for: `os` unless said otherwise.
  public let component: Name
  /// The name devices see in the download link; a plain file name.
  public let fileName: Name
  /// Length in bytes, at least 1.
  public let size: Int64
  /// Content address and the digest that signatures cover.
  public let sha256: Digest
  /// 40 hexadecimal digits; SWUpdate and RAUC demand it. Not used for trust.
  public let sha1: String
  /// 32 hexadecimal digits; rauc-hawkbit demands it. Not used for trust.
  public let md5: String
  /// Recognised container format, such as `U-Boot legacy image` or `raw`.
  public let format: String
  /// The zstd form; nil when compression did not pay.
  public let compressed: StoredForm?
  /// Ed25519 signature over the canonical manifest, 128 hexadecimal digits.
  public let signature: String
  /// SHA-256 of the public key that signed, hexadecimal.
  public let keyID: String
  /// When it was stored.
  public let createdAt: Instant

  /// Another encoding of the same image, stored under its own digest.
  public struct StoredForm: Equatable, Sendable {
    /// Length in bytes.
    public let size: Int64
    /// Content address.
    public let sha256: Digest

    /// Joins length and digest.
    public init(size: Int64, sha256: Digest) {
      self.size = size
      self.sha256 = sha256
    }
  }

  /// Joins the facts about an image that was stored, compressed and signed.
  public init(
    id: ArtifactID, name: Name, version: FirmwareVersion, hardware: [Name], component: Name,
    fileName: Name, size: Int64, sha256: Digest, sha1: String, md5: String, format: String,
    compressed: StoredForm?, signature: String, keyID: String, createdAt: Instant
  ) {
    precondition(!hardware.isEmpty, "an artifact fits at least one hardware model")
    self.id = id
    self.name = name
    self.version = version
    self.hardware = hardware
    self.component = component
    self.fileName = fileName
    self.size = size
    self.sha256 = sha256
    self.sha1 = sha1
    self.md5 = md5
    self.format = format
    self.compressed = compressed
    self.signature = signature
    self.keyID = keyID
    self.createdAt = createdAt
  }
}
