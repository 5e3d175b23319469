// PlanWays: what floors and anti-rollback floors mean for the devices of a plan.

import RolloutEngine
import UpdateModel

/// The way of one kind of device to a release and back.
struct Way {
  /// What it is given first, when that is a floor.
  var firstFloor: String?
  /// Why it cannot get there.
  var obstacle: RouteObstacle?
  /// Whether what it runs now is known, so that it could be brought back to it.
  var hasFallback = false
  /// Why it could not go back although that is known.
  var returnObstacle: RouteObstacle?
}

/// Devices of a plan by what is special about their way.
struct WayCounts {
  private var viaFloor: [String: Int] = [:]
  private var barred: [RouteObstacle: Int] = [:]
  private var withoutReturn: [RouteObstacle: Int] = [:]

  /// Counts one device; false when it cannot get to the release at all.
  mutating func count(_ way: Way) -> Bool {
    if let obstacle = way.obstacle {
      barred[obstacle, default: 0] += 1
      return false
    }
    if let floor = way.firstFloor { viaFloor[floor, default: 0] += 1 }
    if let obstacle = way.returnObstacle { withoutReturn[obstacle, default: 0] += 1 }
    return true
  }

  /// What a person should know before the start.
  func warnings(_ release: Release, _ policy: Policy) -> [String] {
    var warnings: [String] = []
    for (obstacle, count) in barred.sorted(by: { $0.key.clause < $1.key.clause }) {
      warnings.append("\(count) targeted devices are left out: \(obstacle.clause)")
    }
    for (obstacle, count) in withoutReturn.sorted(by: { $0.key.clause < $1.key.clause }) {
      warnings.append(
        "\(count) devices could not go back once they run \(release.label): \(obstacle.clause)"
          + (policy.onAbort == .rollback ? "; a rollback would leave them where they are" : ""))
    }
    return warnings
  }

  /// What a person should know about floors on the way.
  func detours(_ release: Release) -> [String] {
    viaFloor.sorted { $0.key < $1.key }.map { floor, count in
      "\(count) devices first take \(floor), a floor of \(release.label), and then go on"
    }
  }

  /// Devices that cannot get to the release.
  var left: [DevicesApart] { WayCounts.apart(barred, .leftOut) }

  /// Devices that could not go back, although what they run is known.
  var stuck: [DevicesApart] { WayCounts.apart(withoutReturn, .noReturn) }

  private static func apart(
    _ counts: [RouteObstacle: Int], _ fate: DevicesApart.Fate
  ) -> [DevicesApart] {
    counts.map { DevicesApart(fate, count: $0.value, reason: $0.key.clause) }
      .sorted { $0.reason < $1.reason }
  }
}

extension Ledger {
  /// The way of a device to a release and back.
  func way(of device: Device, to release: Release) -> Way {
    var way = Way()
    switch route(device, to: release.id) {
    case .barred(let obstacle): way.obstacle = obstacle
    case .step(let step): if step != release.id { way.firstFloor = releases[step]?.label }
    }
    guard let fallback = fallback(of: device, from: release) else { return way }
    way.hasFallback = true
    way.returnObstacle = obstacle(
      back: fallback, for: device, after: steps(of: device, to: release))
    return way
  }
}
