// UpdateAttributes: a device describes itself in plain texts, as DDI knows it.

import FleetStore
public import UpdateModel

/// How sent attributes meet the present ones.
public enum AttributeMode: String, Sendable, CaseIterable {
  /// Sent values replace those of the same key; null removes.
  case merge
  /// Sent values are all there is.
  case replace
  /// The sent keys are removed.
  case remove
}

extension ControlPlane {
  /// Takes over what a device says about itself as reported properties; returns the ticket to wait
  /// for.
  ///
  /// Throws `invalidRequest` for keys and values out of bounds and `limitReached` for too many.
  public func updateAttributes(
    of device: DeviceID, in room: Room, mode: AttributeMode, values: [(key: String, value: String?)]
  ) throws(Problem) -> UInt64 {
    for (name, value) in values {
      do throws(InvalidValue) { try DeviceLimits.check(key: name, value: value ?? "") } catch {
        throw Problem(error)
      }
    }
    let patch = JSON.object(
      values.map { key, value in
        JSON.Member(key, mode == .remove ? .null : value.map { .string($0) } ?? .null)
      })
    // Nobody waits while one that is too large is counted.
    do throws(InvalidValue) { try Twin.checkPatch(patch, of: .reported) } catch {
      throw Problem(error)
    }
    return try report(of: device, in: room) { (known, now) throws(Problem) in
      let before = mode == .replace ? JSON.object([]) : known.twin.reported.properties
      let after = before.merging(patch)
      let count = after.members?.count ?? 0
      guard count <= DeviceLimits.attributeCount else {
        throw Problem(
          .limitReached,
          "\(count) attributes are too many: at most \(DeviceLimits.attributeCount) are kept per "
            + "device")
      }
      do throws(InvalidValue) { try known.twin.set(after, of: .reported, at: now) } catch {
        throw Problem(error)
      }
      return patch
    }.ticket
  }
}
