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
    if case .query(let query) = group.membership {
      try query.requireSteady(choosing: "the members of a group")
    }
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
      GroupView(group: group, memberCount: memberCount(of: group, in: room) ?? count)
    }
  }

  /// Members that a rule finds now; nil for a group whose members were added by name.
  func memberCount(of group: DeviceGroup, in room: Room) -> Int? {
    group.query.map { found($0, in: room, after: nil, limit: 1)?.count ?? 0 }
  }

  // Nil when the query of a group asks for more fields than can be had at once.
  private func found(
    _ query: Query, in room: Room, after cursor: String?, limit: Int
  ) -> FleetAnswer? {
    // The queries of groups are checked for that when they are made.
    try? self.query(
      QueryStatement(query, selecting: [.device], limit: limit), in: room, after: cursor)
  }

  /// The members of a group by id, after `cursor`, at most `limit`; nil when there is no such
  /// group.
  public func members(
    of name: Name, in room: Room, after cursor: String?, limit: Int
  ) -> [DeviceID]? {
    guard let group = room.ledger.withLock({ $0.groups[name] }) else { return nil }
    if let query = group.group.query {
      let found = found(query, in: room, after: cursor, limit: limit)
      // Ids of registered devices are ids.
      return (found?.devices ?? []).compactMap { try? DeviceID($0.id) }
    }
    let ids = group.members.filter { cursor == nil || $0.text > (cursor ?? "") }
    return Array(ids.sorted().prefix(limit))
  }
}
