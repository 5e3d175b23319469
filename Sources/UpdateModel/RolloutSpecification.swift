// RolloutSpecification: what a rollout was asked to do; fixed when the rollout is created.

/// Delivering one release to a selection of devices under a policy.
public struct RolloutSpecification: Equatable, Sendable {
  /// Number within the tenant.
  public let id: RolloutID
  /// Name within the tenant, for people.
  public let name: Name
  /// What is delivered.
  public let release: ReleaseID
  /// Who may receive it beyond fitting hardware; nil for every device that fits.
  public let target: Target?
  /// How it widens.
  public let policy: Policy
  /// The policy as it was read, with overrides applied; stored and shown.
  public let policyDocument: JSON
  /// Key of the hash that orders devices; drawn once per rollout.
  public let salt: UInt64
  /// When it was created.
  public let createdAt: Instant
  /// How often devices were asked to poll when it was created; decides how long silence is normal.
  public let pollInterval: Interval
  /// Its priority and its times.
  public let terms: RolloutTerms

  /// A selection of devices.
  public enum Target: Equatable, Sendable {
    /// The members of a group.
    case group(Name)
    /// Every device that matches.
    case filter(DeviceFilter)
    /// Every device whose twin meets a steady query.
    case query(Query)
  }

  /// Joins the parts of a rollout that were checked.
  public init(
    id: RolloutID, name: Name, release: ReleaseID, target: Target?, policy: Policy,
    policyDocument: JSON, salt: UInt64, createdAt: Instant,
    pollInterval: Interval = .minutes(5), terms: RolloutTerms = .usual
  ) {
    self.id = id
    self.name = name
    self.release = release
    self.target = target
    self.policy = policy
    self.policyDocument = policyDocument
    self.salt = salt
    self.createdAt = createdAt
    self.pollInterval = pollInterval
    self.terms = terms
  }

  /// The same rollout under a policy that was changed.
  public func following(_ policy: Policy, _ document: JSON) -> RolloutSpecification {
    RolloutSpecification(
      id: id, name: name, release: release, target: target, policy: policy,
      policyDocument: document, salt: salt, createdAt: createdAt, pollInterval: pollInterval,
      terms: terms)
  }
}
