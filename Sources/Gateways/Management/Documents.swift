// Documents: artifacts, releases, devices, groups and tokens as the JSON that clients see.

import Orchestrator
import RolloutEngine
import UpdateModel

/// The JSON form of everything that the management interface shows.
enum Documents {
  static func artifact(_ artifact: Artifact) -> JSON {
    .members([
      "id": .integer(Int64(artifact.id.number)),
      "name": .string(artifact.name.text),
      "version": .string(artifact.version.text),
      "hardware": .array(artifact.hardware.map { .string($0.text) }),
      "component": .string(artifact.component.text),
      "fileName": .string(artifact.fileName.text),
      "size": .integer(artifact.size),
      "sha256": .string("\(artifact.sha256)"),
      "sha1": .string(artifact.sha1),
      "md5": .string(artifact.md5),
      "format": .string(artifact.format),
      "compressedSize": artifact.compressed.map { .integer($0.size) },
      "signature": .string(artifact.signature),
      "keyId": .string(artifact.keyID),
      "createdAt": time(artifact.createdAt),
    ])
  }

  static func release(_ release: Release, _ artifacts: [Artifact]) -> JSON {
    .members([
      "id": .integer(Int64(release.id.number)),
      "name": .string(release.name.text),
      "version": .string(release.version.text),
      "notes": .string(release.notes),
      "status": .string(release.status.rawValue),
      "artifacts": .array(artifacts.map(artifact)),
      "floor": release.floor.map { .integer(Int64($0.number)) },
      "rollbackFloor": release.rollbackFloor.map { .integer(Int64($0.number)) },
      "createdAt": time(release.createdAt),
    ]).adding(release.terms.document)
  }

  static func device(_ overview: DeviceOverview) -> JSON {
    let device = overview.device
    return .members([
      "id": .string(device.key.device.text),
      "state": .string(device.state.rawValue),
      "batch": device.enrolment.batch.map { JSON($0) },
      "replaces": device.enrolment.replaces.map { .string($0.text) },
      "replacedBy": device.enrolment.replacedBy.map { .string($0.text) },
      "hardware": device.hardware.map { .string($0.text) },
      "version": device.reportedVersion.map { .string($0) },
      "tags": texts(device.tags),
      "attributes": texts(device.attributes),
      "wishFault": UpdateWish(of: device).fault.map { .string($0) },
      "groups": .array(overview.groups.map { .string($0.text) }),
      "createdAt": time(device.createdAt),
      "lastSeen": overview.lastSeen.map(time),
      "update": overview.part.map(\.update),
      "action": overview.part.map(action),
    ])
  }

  static func action(_ part: Participation) -> JSON {
    let action = part.action
    let kind: JSON =
      switch action.kind {
      case .update: "update"
      case .rollback: "rollback"
      }
    return .members([
      "rollout": .integer(Int64(action.rollout.number)),
      "stage": .string(part.stage),
      "standing": .string(action.standing.label),
      "kind": kind,
      "action": .string(action.id.description),
      "attempt": JSON(action.attempt),
      "percent": part.percent.map { JSON($0) },
      "grantedAt": action.isUngranted ? nil : time(action.grantedAt),
      "changedAt": time(action.changedAt),
      "deadline": action.deadline.map(time),
      "failure": action.failure.map { failure in
        .members(["cause": .string(failure.cause.rawValue), "detail": .string(failure.detail)])
      },
      "aside": action.aside.map(aside),
    ])
  }

  /// A device in the list of a rollout; one that was removed since is shown by its id.
  static func participant(_ device: Device?, _ part: Participation) -> JSON {
    .members([
      "id": .string(part.action.device.text),
      "hardware": device?.hardware.map { .string($0.text) },
      "version": device?.reportedVersion.map { .string($0) },
      "action": action(part),
    ])
  }

  static func moment(_ moment: DeviceMoment) -> JSON {
    .members([
      "at": time(moment.at),
      "kind": .string(moment.kind),
      "text": .string(moment.text),
      "rollout": moment.rollout.map { .integer(Int64($0.number)) },
      "action": moment.action.map { .string($0.description) },
    ])
  }

  static func group(_ view: GroupView) -> JSON {
    let rule: (filter: JSON?, query: JSON?) =
      switch view.group.membership {
      case .explicit: (nil, nil)
      case .filter(let filter): (.string(filter.description), nil)
      case .query(let query): (nil, .string(query.description))
      }
    return .members([
      "name": .string(view.group.name.text), "filter": rule.filter, "query": rule.query,
      "members": JSON(view.memberCount),
    ])
  }

  static func token(_ token: OperatorToken) -> JSON {
    .members([
      "label": .string(token.label),
      "tenant": token.tenant.map { .string($0.text) },
      "fingerprint": .string(token.fingerprint),
      "createdAt": time(token.createdAt),
    ])
  }

  static func time(_ instant: Instant) -> JSON { .string(instant.description) }

  /// Texts by key, in the order of the keys so that equal documents are equal bytes.
  private static func texts(_ values: [String: String]) -> JSON {
    .object(values.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) })
  }
}
