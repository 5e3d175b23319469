// Change: everything that can be made durable, as values in the order in which it was decided.

public import RolloutEngine
public import UpdateModel

/// One thing to make durable. Upserts are whole values: the last one in order wins.
public enum Change: Sendable {
  /// A tenant was created or changed.
  indirect case tenant(TenantRecord)
  /// A token for people or programs was issued.
  indirect case apiToken(APITokenRecord)
  /// A token was withdrawn.
  case revokeAPIToken(digest: Digest)
  /// An artifact of a tenant was stored.
  indirect case artifact(Name, Artifact)
  /// An artifact of a tenant was removed.
  case deleteArtifact(Name, ArtifactID)
  /// A release of a tenant was created or changed its status.
  indirect case release(Name, Release)
  /// A device registered or described itself anew; when it was last seen is kept.
  indirect case device(Device)
  /// A device was removed, and with it its place in groups. Its actions and reports stay: they
  /// count in their rollouts. A lease it holds is to be ended before.
  case deleteDevice(DeviceKey)
  /// Devices were heard of; unknown devices are ignored.
  case lastSeen([(DeviceKey, Instant)])
  /// A group of a tenant was created or changed.
  indirect case group(Name, DeviceGroup)
  /// Members of a tenant's group came and went; additions are applied first.
  indirect case groupMembers(Name, Name, add: [DeviceID], remove: [DeviceID])
  /// A tenant's group was removed with its members.
  case deleteGroup(Name, Name)
  /// A rollout of a tenant was created or changed its state. The tallies are not written, they are
  /// recounted at the start.
  indirect case rollout(Name, Rollout)
  /// Something happened to a rollout of a tenant, in one sentence.
  indirect case rolloutEvent(Name, RolloutID, at: Instant, sentence: String)
  /// The gate of a tenant's rollout decided; kept with everything it was decided from.
  indirect case decision(Name, RolloutID, Judgement)
  /// Devices of a kind are kept from updates until a person lifts it.
  indirect case safeguard(Name, Safeguard)
  /// A person lifted the safeguard of a tenant with this number.
  case liftSafeguard(Name, Int)
  /// An action of a tenant's device was created or moved.
  case action(Name, Action)
  /// A device said something; kept as history.
  case report(Report)
  /// A device says that it runs something else than before; kept as history.
  indirect case deviceRun(DeviceRun)
  /// A thing of a tenant that is kept whole was created or changed.
  indirect case document(Name, StoredDocument)
  /// A thing of a tenant that is kept whole was removed, by its kind and id.
  case deleteDocument(Name, StoredDocument.Kind, String)
  /// Action ids up to this one may have been given out.
  case actionCounter(UInt32)
}

/// A tenant as it is configured.
public struct TenantRecord: Equatable, Sendable {
  /// Name of the tenant.
  public let name: Name
  /// Its settings, as the shell understands them.
  public let document: JSON

  /// Joins a name and settings.
  public init(name: Name, document: JSON) {
    self.name = name
    self.document = document
  }
}

/// A token for the management interface; only its digest is kept.
public struct APITokenRecord: Equatable, Sendable {
  /// SHA-256 of the token.
  public let digest: Digest
  /// What it is for, in the words of a person.
  public let label: String
  /// The tenant it is good for; nil for all.
  public let tenant: Name?
  /// When it was issued.
  public let createdAt: Instant

  /// Joins the facts of a token.
  public init(digest: Digest, label: String, tenant: Name?, createdAt: Instant) {
    self.digest = digest
    self.label = label
    self.tenant = tenant
    self.createdAt = createdAt
  }
}

/// Devices that a release broke: nothing is offered to their kind until a person says so.
public struct Safeguard: Equatable, Sendable {
  /// Number within the tenant.
  public let id: Int
  /// Which devices.
  public let filter: DeviceFilter
  /// What was found.
  public let reason: String
  /// The rollout that found it.
  public let rollout: RolloutID
  /// Since when.
  public let since: Instant

  /// Joins the facts.
  public init(id: Int, filter: DeviceFilter, reason: String, rollout: RolloutID, since: Instant) {
    self.id = id
    self.filter = filter
    self.reason = reason
    self.rollout = rollout
    self.since = since
  }
}

/// A thing that is loaded at the start and written whole when it changes: few of each kind, or
/// short-lived.
public struct StoredDocument: Equatable, Sendable {
  /// What kinds of things there are.
  public let kind: Kind
  /// Its id among those of its kind and tenant.
  public let id: String
  /// Everything about it.
  public let content: JSON

  /// Kinds by the word that stands in the table.
  public enum Kind: String, Sendable, CaseIterable {
    /// Devices that were provisioned together.
    case batch
    /// Something about a device that a person should look at.
    case alert
    /// A tenant's rules of enrolment; there is one.
    case enrolment
    /// A device that waits for a person before it becomes known, by the fingerprint of its key.
    case pending
    /// Something that a device is told to do.
    case command
    /// The same command for many devices.
    case job
    /// How one device stands in a job; its id is that of the job, a slash, and the device's.
    case jobPart = "job-part"
  }

  /// Joins kind, id and content.
  public init(_ kind: Kind, id: String, _ content: JSON) {
    self.kind = kind
    self.id = id
    self.content = content
  }
}

/// Something a device said, for people who look into what happened.
public struct Report: Equatable, Sendable {
  /// Who said it.
  public let device: DeviceKey
  /// The rollout it is about; nil when it is about none.
  public let rollout: RolloutID?
  /// The attempt it is about; nil when it is about none.
  public let action: ActionID?
  /// When it was received.
  public let at: Instant
  /// One short word, such as `proceeding`.
  public let kind: String
  /// The device's own words.
  public let text: String
  /// The device's own result code; nil when it gave none.
  public let code: Int?

  /// Joins the facts of a report.
  public init(
    device: DeviceKey, rollout: RolloutID?, action: ActionID?, at: Instant, kind: String,
    text: String, code: Int?
  ) {
    self.device = device
    self.rollout = rollout
    self.action = action
    self.at = at
    self.kind = kind
    self.text = text
    self.code = code
  }
}
