// Route: through which releases a device reaches the one it is meant to run, and what bars it.
//
// A release may name a floor, an earlier release of its name that a device must run or have passed
// before; and an anti-rollback floor, below which a device that ran it may never go again.

public import UpdateModel

/// Why a device cannot be given a release, or be brought back to one.
public enum RouteObstacle: Hashable, Sendable {
  /// A floor on the way has no image for the device's hardware.
  case floorWithoutImage(floor: String, of: String)
  /// A floor on the way is not published.
  case floorNotPublished(floor: String, of: String, status: Release.Status)
  /// More floors lie on the way than may.
  case tooManyFloors(of: String)
  /// The device ran a release that forbids everything below its anti-rollback floor.
  case rollbackFloor(FirmwareVersion, of: String)
  /// What the device ran before is not known here.
  case nothingKnown
  /// What the device ran before must not reach another device.
  case notPublished(String, Release.Status)

  /// One clause for people.
  public var clause: String {
    switch self {
    case .floorWithoutImage(let floor, let release):
      "it must first run \(floor), a floor of \(release), which has no image for its hardware"
    case .floorNotPublished(let floor, let release, let status):
      "it must first run \(floor), a floor of \(release), which is \(status.rawValue)"
    case .tooManyFloors(let release):
      "more than \(Route.floorsMax) floors lie before \(release)"
    case .rollbackFloor(let version, let release):
      "anti-rollback floor \(version) of release \(release)"
    case .nothingKnown: "what it ran before is not among the published releases"
    case .notPublished(let release, let status): "release \(release) is \(status.rawValue)"
    }
  }
}

/// The next step of a device towards a release.
public enum Route: Equatable, Sendable {
  /// It may be given this release: the target, or a floor that comes first.
  case step(ReleaseID)
  /// It cannot get there.
  case barred(RouteObstacle)

  /// A release may have so many floors before it, one behind the other.
  public static let floorsMax = 8

  /// What the decision needs to know about a device.
  public struct Traveller {
    /// Whether it says that it runs a release.
    let runs: (ReleaseID) -> Bool
    /// Whether an artifact of a release fits it.
    let fits: (ReleaseID) -> Bool
    /// The releases with an anti-rollback floor that it verifiably ran.
    let ran: [Release]

    /// Joins the facts.
    public init(
      runs: @escaping (ReleaseID) -> Bool, fits: @escaping (ReleaseID) -> Bool, ran: [Release]
    ) {
      self.runs = runs
      self.fits = fits
      self.ran = ran
    }
  }

  /// Finds the next step: the target, or the first floor on the way that the device has not
  /// reached.
  public static func next(
    to target: Release, for device: Traveller, among releases: [ReleaseID: Release]
  ) -> Route {
    var step = target
    for _ in 0...floorsMax {
      guard let id = step.floor, let floor = releases[id],
        !hasReached(floor, device, releases)
      else {
        if let obstacle = obstacle(to: step, after: device.ran, among: releases) {
          return .barred(obstacle)
        }
        return .step(step.id)
      }
      guard floor.status == .published else {
        return .barred(
          .floorNotPublished(floor: floor.label, of: step.label, status: floor.status))
      }
      guard device.fits(floor.id) else {
        return .barred(.floorWithoutImage(floor: floor.label, of: step.label))
      }
      step = floor
    }
    return .barred(.tooManyFloors(of: target.label))
  }

  /// A device has reached a floor when it runs it or a later release of the same name. What runs
  /// something unknown has not.
  private static func hasReached(
    _ floor: Release, _ device: Traveller, _ releases: [ReleaseID: Release]
  ) -> Bool {
    if device.runs(floor.id) { return true }
    return releases.values.contains {
      $0.name == floor.name && $0.id > floor.id && device.runs($0.id)
    }
  }

  /// The releases before a target, the nearest first; bounded, so that a damaged store ends it too.
  public static func floors(
    before target: Release, among releases: [ReleaseID: Release]
  ) -> [Release] {
    var floors: [Release] = []
    var next = target.floor.flatMap { releases[$0] }
    while let floor = next, floors.count <= floorsMax {
      floors.append(floor)
      next = floor.floor.flatMap { releases[$0] }
    }
    return floors
  }

  /// The anti-rollback floor that forbids a release to a device; nil when none does.
  ///
  /// `ran` are the releases with such a floor that the device verifiably ran.
  public static func obstacle(
    to release: Release, after ran: [Release], among releases: [ReleaseID: Release]
  ) -> RouteObstacle? {
    let forbidding = ran.compactMap { guardian -> (floor: Release, guardian: Release)? in
      guard let floor = guardian.rollbackFloor.flatMap({ releases[$0] }),
        floor.name == release.name, release.id < floor.id
      else { return nil }
      return (floor, guardian)
    }
    // The highest floor is named, and of several releases with it the newest.
    let highest = forbidding.max {
      ($0.floor.id, $0.guardian.id) < ($1.floor.id, $1.guardian.id)
    }
    return highest.map { .rollbackFloor($0.floor.version, of: $0.guardian.label) }
  }

  /// Why a device cannot go back to a release; nil when it can.
  public static func obstacle(
    back fallback: Release?, after ran: [Release], among releases: [ReleaseID: Release]
  ) -> RouteObstacle? {
    guard let fallback else { return .nothingKnown }
    // A release that was revoked since the device ran it is no way back either.
    guard fallback.status == .published else {
      return .notPublished(fallback.label, fallback.status)
    }
    return obstacle(to: fallback, after: ran, among: releases)
  }
}

extension Release {
  /// `name:version`, for people.
  public var label: String { "\(name):\(version)" }
}

extension Action {
  /// The action after a step that was no more than a floor on the way: the device waits for the
  /// next release, or is done when it could not show that it runs the floor.
  ///
  /// `before` is the action as it was and `id` a new one, so that a repeated report about the step
  /// is not taken for one about the release. Nil when this was no such step.
  public func pastFloor(
    from before: Action, to target: ReleaseID, next: ReleaseID, id: ActionID, now: Instant
  ) -> Action? {
    guard kind == .update, release != target, case .ended(let outcome) = state else { return nil }
    var moved = self
    moved.changedAt = now
    switch outcome {
    case .succeeded:
      // What failed for good stays so, although the floor is there.
      if case .ended(.failed) = before.state { return before }
      moved.state = .retrying(from: now)
      moved.release = next
      moved.previousID = self.id
      moved.id = id
      moved.installedAt = nil
      moved.failure = nil
      return moved
    case .unverified:
      moved.state = .ended(.undelivered)
      moved.failure = Failure(
        .unproven, "cannot say what it runs, so it is not known to run the floor it was given")
      return moved
    default: return nil
    }
  }
}
