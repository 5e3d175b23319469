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
  /// What it says beside about devices and its urgency.
  public let terms: Terms

  /// What a release asks of devices, and how urgent it is.
  public struct Terms: Equatable, Sendable {
    /// What must hold on a device, beside the conditions of the policy.
    public let conditions: UpdateConditions
    /// Whether it closes a hole, so that a policy may pass over comfort and wishes for it.
    public let isSecurity: Bool
    /// What devices that can do it do before they install; nil leaves it to the policy.
    public let prepare: Name?
    /// What they do after they installed; nil leaves it to the policy.
    public let resume: Name?

    /// Nothing special.
    public static let usual = Terms(
      conditions: .none, isSecurity: false, prepare: nil, resume: nil)

    /// Joins the terms.
    public init(conditions: UpdateConditions, isSecurity: Bool, prepare: Name?, resume: Name?) {
      self.conditions = conditions
      self.isSecurity = isSecurity
      self.prepare = prepare
      self.resume = resume
    }

    /// The members of a document that give terms.
    public static let fields = ["conditions", "security", "prepare", "resume"]

    /// Reads the terms of a release from its document; all may be left out.
    public init?(_ reader: DocumentReader) {
      let conditions = reader.conditions()
      let isSecurity = reader.flag("security", default: false)
      let prepare = reader.actionName("prepare")
      let resume = reader.actionName("resume")
      guard let conditions, let isSecurity, let prepare, let resume else { return nil }
      self.init(conditions: conditions, isSecurity: isSecurity, prepare: prepare, resume: resume)
    }

    /// The members of a document that give these terms; nil for what is as usual.
    public var document: [(key: String, value: JSON?)] {
      [
        ("conditions", conditions.document), ("security", isSecurity ? .bool(true) : nil),
        ("prepare", prepare.map { .string($0.text) }), ("resume", resume.map { .string($0.text) }),
      ]
    }
  }

  /// Joins the parts of a release whose artifacts were checked.
  public init(
    id: ReleaseID, name: Name, version: FirmwareVersion, notes: String, artifacts: [ArtifactID],
    status: Status, createdAt: Instant, floor: ReleaseID? = nil, rollbackFloor: ReleaseID? = nil,
    terms: Terms = .usual
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
    self.terms = terms
  }
}
