// Update: what the server offered, as values that were checked once.

public import UpdateModel
public import UpdateTrust

/// One image of an update.
public struct UpdateImage: Equatable, Sendable {
  /// Part of the device: `agent` for the agent itself, otherwise the component of the slots.
  public let component: Name
  /// Product name.
  public let name: Name
  /// File name, for messages.
  public let file: Name
  /// Version of the image.
  public let version: FirmwareVersion
  /// Hardware models it runs on.
  public let hardware: [Name]
  /// Length in bytes, at least 1.
  public let size: Int64
  /// SHA-256 of the bytes.
  public let sha256: Digest
  /// Ed25519 signature of the manifest, hexadecimal.
  public let signature: String
  /// Path on the server, or a local path for an installation without network.
  public let source: String

  /// The component of the agent's own program.
  public static let agentComponent = "agent"

  /// Joins the facts of an offer.
  public init(
    component: Name, name: Name, file: Name, version: FirmwareVersion, hardware: [Name],
    size: Int64, sha256: Digest, signature: String, source: String
  ) {
    self.component = component
    self.name = name
    self.file = file
    self.version = version
    self.hardware = hardware.sorted()
    self.size = size
    self.sha256 = sha256
    self.signature = signature
    self.source = source
  }

  /// Whether it is the agent's own program.
  public var isAgent: Bool { component.text == UpdateImage.agentComponent }

  /// What its signature covers.
  public var manifest: ArtifactManifest {
    ArtifactManifest(
      name: name, version: version, hardware: hardware, component: component, size: size,
      sha256: sha256)
  }
}

/// An offer that the device works on.
public struct Update: Equatable, Sendable {
  /// Why the server wants it.
  public enum Kind: String, CaseIterable, Sendable {
    /// Forward.
    case update
    /// Back to an earlier release.
    case rollback
  }

  /// Most images that one update may have.
  public static let imagesMax = 8
  /// The action of an installation that no server knows of; it is not reported.
  public static let localAction = "local"

  /// Number that reports refer to.
  public let action: Name
  /// Try within the action, from 1.
  public let attempt: Int
  /// Why the server wants it.
  public let kind: Kind
  /// Name of the release.
  public let release: Name
  /// Version of the release.
  public let version: FirmwareVersion
  /// In the order of their installation; 1 to `imagesMax`.
  public let images: [UpdateImage]
  /// Declared action to run before the installation.
  public let prepare: Name?
  /// Declared action to run after it, whatever came of it.
  public let resume: Name?

  /// Joins the facts of an offer; nil when there is no image, there are too many, or two are for
  /// the same component.
  public init?(
    action: Name, attempt: Int, kind: Kind, release: Name, version: FirmwareVersion,
    images: [UpdateImage], prepare: Name? = nil, resume: Name? = nil
  ) {
    guard (1...Update.imagesMax).contains(images.count), attempt >= 1,
      Set(images.map(\.component)).count == images.count
    else { return nil }
    self.action = action
    self.attempt = attempt
    self.kind = kind
    self.release = release
    self.version = version
    self.images = images
    self.prepare = prepare
    self.resume = resume
  }
  /// Whether no server knows of it.
  public var isLocal: Bool { action.text == Update.localAction }
}
