// Release: a named, versioned, immutable set of artifacts, one per component and hardware model.

/// What devices are brought to: for each hardware model, one artifact per component.
public struct Release: Equatable, Sendable {
  /// Whether a release may be rolled out.
  public enum Status: String, Sendable, CaseIterable {
    /// Being assembled; cannot be rolled out.
    case draft
    /// Immutable; may be rolled out.
    case published
    /// Must not reach another device.
    case revoked
  }

  /// Number within the tenant.
  public let id: ReleaseID
  /// Product name, shared by the versions of a product.
  public let name: Name
  /// Version that devices report when they run this release.
  public let version: FirmwareVersion
  /// What changed, for people; at most 16 KiB.
  public let notes: String
  /// The images; no two share component and hardware model.
  public let artifacts: [ArtifactID]
  /// Present status.
  public var status: Status
  /// When it was created.
  public let createdAt: Instant
  /// An earlier release of the same name that a device must run, or have passed, before it is given
  /// this one; nil for none.
  public let floor: ReleaseID?
  /// The oldest release of the same name that a device may be given once it ran this one; nil for
  /// any.
  public let rollbackFloor: ReleaseID?

  /// Joins the parts of a release whose artifacts were checked.
  public init(
    id: ReleaseID, name: Name, version: FirmwareVersion, notes: String, artifacts: [ArtifactID],
    status: Status, createdAt: Instant, floor: ReleaseID? = nil, rollbackFloor: ReleaseID? = nil
  ) {
    self.id = id
    self.name = name
    self.version = version
    self.notes = notes
    self.artifacts = artifacts
    self.status = status
    self.createdAt = createdAt
    self.floor = floor
    self.rollbackFloor = rollbackFloor
  }
}
