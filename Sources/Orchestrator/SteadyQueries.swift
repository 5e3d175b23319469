// SteadyQueries: which queries may say who is in a group, or in the target of a rollout or a job.

import UpdateModel

extension Query {
  /// Refuses what asks how updates go: it would change under the one that it chooses devices for.
  func requireNoUpdate(choosing chosen: String, field: String = "query") throws(Problem) {
    guard !asksForUpdate else {
      throw Problem(
        InvalidValue(
          field: field,
          reason: "\(chosen) cannot follow from update, which rollouts change; ask for it with "
            + "device query, and choose devices by what they are"))
    }
  }

  /// Refuses what cannot choose devices for good: a device is looked at again when its twin
  /// changes, and not when time passes or something else does. `chosen` are the devices, in words.
  func requireSteady(choosing chosen: String) throws(Problem) {
    try requireNoUpdate(choosing: chosen)
    guard isSteady else {
      throw Problem(
        InvalidValue(
          field: "query",
          reason: "\(chosen) follow from what devices are; leave out lastSeen, group and ages, "
            + "which change without them"))
    }
    guard fields.count <= Fleet.columnsMax else {
      throw Problem(
        InvalidValue(
          field: "query",
          reason: "reads \(fields.count) fields; at most \(Fleet.columnsMax) are possible"))
    }
  }
}
