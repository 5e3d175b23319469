// Fleet: the fleet in memory as the tests see it; changed by changes, or filled from a store.

import FleetStore
import RolloutEngine
import UpdateModel

/// A model of what the store holds, simple enough to be right.
struct Fleet: Equatable, SnapshotVisitor {
  struct Scoped<ID: Hashable>: Hashable {
    let tenant: Name
    let id: ID
  }
  struct Member: Hashable {
    let group: Name
    let device: DeviceID
  }
  struct Part: Hashable {
    let rollout: RolloutID
    let device: DeviceID
  }

  var actionCounter: UInt32 = 0
  var tenants: [Name: TenantRecord] = [:]
  var tokens: [Digest: APITokenRecord] = [:]
  var artifacts: [Scoped<ArtifactID>: Artifact] = [:]
  var releases: [Scoped<ReleaseID>: Release] = [:]
  var devices: [DeviceKey: Device] = [:]
  var seen: [DeviceKey: Instant] = [:]
  var groups: [Scoped<Name>: DeviceGroup] = [:]
  var members: Set<Scoped<Member>> = []
  var rollouts: [Scoped<RolloutID>: Rollout] = [:]
  var actions: [Scoped<Part>: Action] = [:]
  var safeguards: [Scoped<Int>: Safeguard] = [:]
  var documents: [Scoped<String>: StoredDocument] = [:]

  mutating func apply(_ change: Change) {
    switch change {
    case .tenant(let record): tenants[record.name] = record
    case .apiToken(let record): tokens[record.digest] = record
    case .revokeAPIToken(let digest): tokens[digest] = nil
    case .artifact(let tenant, let artifact):
      artifacts[Scoped(tenant: tenant, id: artifact.id)] = artifact
    case .deleteArtifact(let tenant, let id): artifacts[Scoped(tenant: tenant, id: id)] = nil
    case .release(let tenant, let release):
      releases[Scoped(tenant: tenant, id: release.id)] = release
    case .device(let device): devices[device.key] = device
    case .deleteDevice(let key):
      devices[key] = nil
      seen[key] = nil
      members = members.filter { $0.tenant != key.tenant || $0.id.device != key.device }
    case .lastSeen(let instants):
      for (key, instant) in instants where devices[key] != nil { seen[key] = instant }
    case .group(let tenant, let group): groups[Scoped(tenant: tenant, id: group.name)] = group
    case .groupMembers(let tenant, let group, let added, let removed):
      for device in added { insert(device, group, tenant) }
      for device in removed {
        members.remove(Scoped(tenant: tenant, id: Member(group: group, device: device)))
      }
    case .deleteGroup(let tenant, let group):
      groups[Scoped(tenant: tenant, id: group)] = nil
      members = members.filter { $0.tenant != tenant || $0.id.group != group }
    case .rollout(let tenant, let rollout):
      rollouts[Scoped(tenant: tenant, id: rollout.specification.id)] = rollout
    case .action(let tenant, let action): insert(action, tenant)
    case .actionCounter(let number): actionCounter = number
    case .safeguard(let tenant, let safeguard):
      safeguards[Scoped(tenant: tenant, id: safeguard.id)] = safeguard
    case .liftSafeguard(let tenant, let id): safeguards[Scoped(tenant: tenant, id: id)] = nil
    case .rolloutEvent, .report, .decision, .deviceRun: break
    case .document(let tenant, let document):
      documents[Scoped(tenant: tenant, id: "\(document.kind.rawValue)/\(document.id)")] = document
    case .deleteDocument(let tenant, let kind, let id):
      documents[Scoped(tenant: tenant, id: "\(kind.rawValue)/\(id)")] = nil
    }
  }

  mutating func insert(_ action: Action, _ tenant: Name) {
    let part = Scoped(tenant: tenant, id: Part(rollout: action.rollout, device: action.device))
    let before = actions.updateValue(action, forKey: part)
    rollouts[Scoped(tenant: tenant, id: action.rollout)]?.evolve(
      .moved(stage: action.stage, from: before?.standing, to: action.standing),
      at: action.changedAt)
  }

  mutating func insert(_ device: DeviceID, _ group: Name, _ tenant: Name) {
    members.insert(Scoped(tenant: tenant, id: Member(group: group, device: device)))
  }

  mutating func visit(actionCounter: UInt32) { self.actionCounter = actionCounter }
  mutating func visit(tenant: TenantRecord) { apply(.tenant(tenant)) }
  mutating func visit(apiToken: APITokenRecord) { apply(.apiToken(apiToken)) }
  mutating func visit(artifact: Artifact, of tenant: Name) { apply(.artifact(tenant, artifact)) }
  mutating func visit(release: Release, of tenant: Name) { apply(.release(tenant, release)) }
  mutating func visit(device: Device, lastSeen: Instant?) {
    apply(.device(device))
    seen[device.key] = lastSeen
  }
  mutating func visit(group: DeviceGroup, of tenant: Name) { apply(.group(tenant, group)) }
  mutating func visit(member: DeviceID, of group: Name, tenant: Name) {
    insert(member, group, tenant)
  }
  mutating func visit(rollout: Rollout, of tenant: Name) { apply(.rollout(tenant, rollout)) }
  mutating func visit(safeguard: Safeguard, of tenant: Name) {
    apply(.safeguard(tenant, safeguard))
  }
  mutating func visit(document: StoredDocument, of tenant: Name) {
    apply(.document(tenant, document))
  }

  mutating func visit(action: Action, of tenant: Name) {
    // Counted by the loader already.
    actions[
      Scoped(tenant: tenant, id: Part(rollout: action.rollout, device: action.device))] = action
  }
}
