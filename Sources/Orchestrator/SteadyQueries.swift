// SteadyQueries: which queries may say who is in a group or in the target of a rollout.

import UpdateModel

extension Query {
  /// Refuses what cannot choose devices for good: a device is looked at again when its twin changes,
  /// and not when time passes or something else does. `chosen` are the devices, in words.
  func requireSteady(choosing chosen: String) throws(Problem) {
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
