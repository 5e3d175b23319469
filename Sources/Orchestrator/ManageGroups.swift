// ManageGroups: named sets of devices.

import FleetStore
import RolloutEngine
public import UpdateModel

/// A group as shown.
public struct GroupView: Sendable {
  /// The group.
  public let group: DeviceGroup
  /// Members now; for a filter, the devices that match.
  public let memberCount: Int
}

extension ControlPlane {
  /// Creates a group, or changes its rule of membership.
  public func putGroup(_ group: DeviceGroup, in room: Room) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      if let known = ledger.groups[group.name], !known.members.isEmpty,
        group.membership != .explicit
      {
        throw Problem(
          .conflict,
          "group \(group.name) has \(known.members.count) members that were added by name; remove "
            + "them before it gets a filter")
      }
      ledger.groups[group.name, default: Ledger.Group(group: group)].group = group
      ledger.lastTicket = store.enqueue(.group(room.tenant, group))
      room.wakeFleet()
      return ledger.lastTicket
    }
  }

  /// Adds and removes members of an explicit group; all devices must exist.
  public func editMembers(
    of name: Name, in room: Room, add: [DeviceID], remove: [DeviceID]
  ) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      guard let known = ledger.groups[name] else {
        throw Problem(.notFound, "there is no group \(name)")
      }
      guard known.group.membership == .explicit else {
        throw Problem(.conflict, "group \(name) has a filter; its members follow from it")
      }
      if let stranger = add.first(where: { room.fleet.view($0) == nil }) {
        throw Problem(.unprocessable, "there is no device \(stranger); nothing was changed")
      }
      ledger.groups[name]?.members.formUnion(add)
      ledger.groups[name]?.members.subtract(remove)
      ledger.lastTicket = store.enqueue(
        .groupMembers(room.tenant, name, add: add, remove: remove))
      room.wakeFleet()
      return ledger.lastTicket
    }
  }

  /// Deletes a group that no rollout under way refers to.
  public func deleteGroup(_ name: Name, in room: Room) throws(Problem) -> UInt64 {
    try requireStore()
    return try room.ledger.withLock { ledger throws(Problem) in
      guard ledger.groups[name] != nil else {
        throw Problem(.notFound, "there is no group \(name)")
      }
      let user = ledger.books.values.first { book in
        let rollout = book.rollout
        return !rollout.status.isFinal
          && (rollout.policy.canary?.group == name || rollout.specification.target == .group(name))
      }
      if let user {
        throw Problem(
          .conflict, "rollout \(user.rollout.specification.name) uses group \(name); it stays")
      }
      let job = ledger.commands.jobs.all.first { book in
        !book.job.isOver && book.job.target == .group(name)
      }
      if let job {
        throw Problem(.conflict, "job \(job.job.name) uses group \(name); it stays")
      }
      ledger.groups[name] = nil
      ledger.lastTicket = store.enqueue(.deleteGroup(room.tenant, name))
      return ledger.lastTicket
    }
  }

  /// All groups, by name.
  public func groups(in room: Room) -> [GroupView] {
    let groups = room.ledger.withLock { $0.groups.values.map { ($0.group, $0.members.count) } }
    return groups.sorted { $0.0.name < $1.0.name }.map { group, count in
      guard case .filter(let filter) = group.membership else {
        return GroupView(group: group, memberCount: count)
      }
      var matching = 0
      room.fleet.forEach(in: room.tenant) { device, _ in
        if filter.matches(device) { matching += 1 }
      }
      return GroupView(group: group, memberCount: matching)
    }
  }

  /// The members of a group by id, after `cursor`, at most `limit`; nil when there is no such
  /// group.
  public func members(
    of name: Name, in room: Room, after cursor: String?, limit: Int
  ) -> [DeviceID]? {
    guard let group = room.ledger.withLock({ $0.groups[name] }) else { return nil }
    var ids: [DeviceID] = []
    if group.group.membership == .explicit {
      ids = Array(group.members)
    } else {
      room.fleet.forEach(in: room.tenant) { device, _ in
        if group.contains(device) { ids.append(device.key.device) }
      }
    }
    return Array(ids.filter { cursor == nil || $0.text > (cursor ?? "") }.sorted().prefix(limit))
  }
}
