// GrantDemands: what one more lease would take from the limits of a rollout, looked up in a ledger.

import RolloutEngine
import UpdateModel

extension Ledger {
  /// What the next lease of a device would take; `action` is its part so far.
  ///
  /// Nothing is looked up that the policy does not limit: this is asked at most polls that are not
  /// idle.
  func demand(of device: Device, _ action: Action?, in book: RolloutBook) -> GrantDemand {
    let limits = book.rollout.policy.limits
    if limits.domains.isEmpty, limits.bandwidth == nil { return .none }
    return GrantDemand(
      bytes: limits.bandwidth == nil ? 0 : bytes(for: device, action, in: book),
      fullDomain: limits.domains.isEmpty ? nil : book.load.full(for: device, in: book.rollout))
  }

  private func bytes(for device: Device, _ action: Action?, in book: RolloutBook) -> Int64 {
    guard let action else { return bytes(of: book.rollout.specification.release, for: device) }
    let isBack = book.rollout.status.isStopped
    return bytes(of: isBack ? action.fallback ?? action.release : action.release, for: device)
  }

  /// Bytes of all images of a release that a device downloads, uncompressed: clients that unpack
  /// take less.
  func bytes(of release: ReleaseID, for device: Device) -> Int64 {
    guard let hardware = device.hardware, let found = releases[release] else { return 0 }
    var sum: Int64 = 0
    for id in found.artifacts {
      guard let artifact = artifacts[id], artifact.hardware.contains(hardware) else { continue }
      sum += artifact.size
    }
    return sum
  }
}
