// Routes: what the ledger knows of the way of a device: floors, anti-rollback floors, the way back.

import RolloutEngine
import UpdateModel

extension Ledger {
  /// The next release on the way of a device to another one.
  func route(_ device: Device, to target: ReleaseID) -> Route {
    guard let release = releases[target] else { return .step(target) }
    let traveller = Route.Traveller(
      runs: { runs(device, $0) },
      fits: { id in device.hardware.map { !artifacts(of: id, for: $0).isEmpty } ?? false },
      ran: guardians(ranBy: device))
    return Route.next(to: release, for: traveller, among: releases)
  }

  /// The releases with an anti-rollback floor that a device verifiably ran or runs, in order;
  /// several views of one device count together.
  func guardians(ranBy devices: Device...) -> [Release] {
    guarded.filter { release in
      devices.contains { $0.ran.contains(release.id) || runs($0, release.id) }
    }
  }

  /// What bars the way back that a stopped rollout wants; nil when nothing does or none is wanted.
  func obstacle(
    to recovery: Recovery, _ action: Action, for device: Device
  ) -> RouteObstacle? {
    switch recovery {
    case .turnBack(let fallback): obstacle(back: fallback, for: device)
    case .retryTurnBack: obstacle(back: action.release, for: device)
    case .strand: .nothingKnown
    case .nothing, .cancel, .wait: nil
    }
  }

  /// What bars the way of a device back to a release, also after the releases it is to run before.
  func obstacle(
    back fallback: ReleaseID, for device: Device, after planned: [Release] = []
  ) -> RouteObstacle? {
    Route.obstacle(
      back: releases[fallback],
      after: guardians(ranBy: device) + planned.filter { $0.rollbackFloor != nil },
      among: releases)
  }

  /// Whether a device says that it runs the release of a rollout, or a floor that it was given on
  /// the way there.
  func runsWhatWasGiven(_ device: Device, _ action: Action, in book: RolloutBook) -> Bool {
    let target = book.rollout.specification.release
    if runs(device, target) { return true }
    guard let release = releases[target], release.floor != nil else { return false }
    return Route.floors(before: release, among: releases).contains {
      $0.id != action.fallback && runs(device, $0.id)
    }
  }

  /// Releases that a device will run on its way to a target, the target last; for plans.
  func steps(of device: Device, to target: Release) -> [Release] {
    guard target.floor != nil else { return [target] }
    let first: ReleaseID
    switch route(device, to: target.id) {
    case .barred: return []
    case .step(let step): first = step
    }
    let all = [target] + Route.floors(before: target, among: releases)
    return Array(all[...(all.firstIndex { $0.id == first } ?? 0)].reversed())
  }
}
