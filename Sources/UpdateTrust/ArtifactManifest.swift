// ArtifactManifest: the signed statement about an image: these bytes are this version for that
// model.

public import Crypto
public import UpdateModel

/// What the signature of an artifact covers.
///
/// The digest binds the bytes; name, version, component and hardware bind what they may be used
/// for, so that a genuine image cannot be passed off as another (RFC 9124,
/// THREAT.IMG.INCOMPATIBLE).
public struct ArtifactManifest: Equatable, Sendable {
  /// Product name of the image.
  public let name: Name
  /// Version of the image.
  public let version: FirmwareVersion
  /// Hardware models it runs on, sorted.
  public let hardware: [Name]
  /// Part of the device it is for.
  public let component: Name
  /// Length in bytes.
  public let size: Int64
  /// SHA-256 of the bytes.
  public let sha256: Digest

  /// Joins the facts to be signed.
  public init(
    name: Name, version: FirmwareVersion, hardware: [Name], component: Name, size: Int64,
    sha256: Digest
  ) {
    self.name = name
    self.version = version
    self.hardware = hardware.sorted()
    self.component = component
    self.size = size
    self.sha256 = sha256
  }

  /// The manifest of a stored artifact.
  public init(_ artifact: Artifact) {
    self.init(
      name: artifact.name, version: artifact.version, hardware: artifact.hardware,
      component: artifact.component, size: artifact.size, sha256: artifact.sha256)
  }

  /// The bytes that are signed.
  public var signedBytes: [UInt8] {
    let value: JSON = [
      "artifact": .string(name.text),
      "component": .string(component.text),
      "hardware": .array(hardware.map { .string($0.text) }),
      "sha256": .string("\(sha256)"),
      "size": .integer(size),
      "version": .string(version.text),
    ]
    guard let bytes = try? CanonicalJSON.encode(value) else {  // all its numbers are integers
      preconditionFailure("a manifest has a canonical form")
    }
    return bytes
  }

  /// Signs the manifest; the signature is 128 hexadecimal digits.
  public func signature(by key: SigningKey) throws(CryptoError) -> String {
    Hex.encode(try key.sign(signedBytes))
  }

  /// Whether a hexadecimal signature is the key's over this manifest.
  public func isSigned(_ signature: String, by key: VerifyingKey) -> Bool {
    guard let bytes = Hex.decode(signature) else { return false }
    return key.isValid(bytes, for: signedBytes)
  }
}
