// SnapshotVisitor: receives the stored fleet row by row, so that a start needs no second copy of
// it.

public import RolloutEngine
public import UpdateModel

/// Receives everything the store holds, in the order of these functions; within one kind rows come
/// in the order of their keys. What a row refers to was visited before it, with one exception:
/// actions outlive their devices.
public protocol SnapshotVisitor {
  /// Action ids up to this one may have been given out; 0 when none were.
  mutating func visit(actionCounter: UInt32)
  /// A tenant.
  mutating func visit(tenant: TenantRecord)
  /// A token of the management interface.
  mutating func visit(apiToken: APITokenRecord)
  /// An artifact.
  mutating func visit(artifact: Artifact, of tenant: Name)
  /// A release.
  mutating func visit(release: Release, of tenant: Name)
  /// A device, and when it was last heard of; nil when never.
  mutating func visit(device: Device, lastSeen: Instant?)
  /// A group.
  mutating func visit(group: DeviceGroup, of tenant: Name)
  /// A member of a group.
  mutating func visit(member: DeviceID, of group: Name, tenant: Name)
  /// A rollout whose tallies are recounted from its actions.
  mutating func visit(rollout: Rollout, of tenant: Name)
  /// Devices of a kind that are kept from updates.
  mutating func visit(safeguard: Safeguard, of tenant: Name)
  /// A thing that is kept whole.
  mutating func visit(document: StoredDocument, of tenant: Name)
  /// An action.
  mutating func visit(action: Action, of tenant: Name)
}
