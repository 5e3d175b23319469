// QueryDevices: which devices meet a query, how many there are of what, and why one does not.

public import UpdateModel

extension ControlPlane {
  /// Devices or groups in an answer unless the statement says so.
  public static let queryLimitUsual = 100

  /// Runs a statement over all devices of a tenant. May take a second when fields are asked for the
  /// first time; never runs on an event loop.
  ///
  /// With a cursor, only devices behind this id are listed, which goes in the order of ids. Refuses
  /// statements that read too many fields or make too many groups.
  public func query(
    _ statement: QueryStatement, in room: Room, after cursor: String? = nil, limit: Int? = nil
  ) throws(Problem) -> FleetAnswer {
    if cursor != nil, statement.order != nil || !statement.grouping.isEmpty {
      throw Problem(
        InvalidValue(
          field: "after",
          reason: "only lists in the order of ids can be continued; leave out order by and group by"
        ))
    }
    let isGroupAsked = statement.fields.contains(.group)
    let groups = isGroupAsked ? room.ledger.withLock { Array($0.groups.values) } : []
    let query = FleetQuery(
      fleet: room.fleet, statement: statement,
      groups: groups.sorted { $0.group.name < $1.group.name }.map {
        GroupRule($0.group, members: $0.members)
      },
      cursor: cursor,
      limit: min(limit ?? QueryStatement.limitMax, statement.limit ?? ControlPlane.queryLimitUsual),
      now: clock.now, parts: { devices in room.ledger.withLock { $0.parts(of: devices) } })
    let watch = Stopwatch()
    var answer = try query.answer()
    answer.tookMicroseconds = watch.microseconds
    return answer
  }

  /// Whether one device meets a query, and why not; nil when there is no such device.
  public func explain(_ query: Query, for id: DeviceID, in room: Room) -> QueryVerdict? {
    guard let found = overview(of: id, in: room) else { return nil }
    let subject = DeviceSubject(
      found.device, lastSeen: found.lastSeen, groups: found.groups, update: found.part?.update)
    return query.explain(subject, at: clock.now)
  }
}

extension DeviceGroup {
  /// What members meet; nil for a group whose members were added by name.
  var query: Query? {
    switch membership {
    case .explicit: nil
    case .filter(let filter): Query(filter)
    case .query(let query): query
    }
  }
}
