// ReleaseFloors: the floors that a new release may name, checked before it exists.

import RolloutEngine
internal import UpdateModel

/// Floors as a person writes them: `name:version`, a number, and for the second one also `self`.
public struct ReleaseFloors: Sendable {
  /// What devices must run, or have passed, before; nil for nothing.
  public let floor: String?
  /// The oldest release that devices may be given afterwards; nil for any.
  public let rollbackFloor: String?

  /// Joins the two.
  public init(floor: String? = nil, rollbackFloor: String? = nil) {
    self.floor = floor
    self.rollbackFloor = rollbackFloor
  }
}

extension Ledger {
  /// The releases that a new one's floors mean.
  ///
  /// Throws for releases that are not there or of another name, for a release that would be its own
  /// floor, and for more than `Route.floorsMax` floors behind each other. Other circles cannot be:
  /// a floor exists before the release that names it, and no release changes its floors.
  func resolve(
    _ floors: ReleaseFloors, of id: ReleaseID, named name: Name, _ version: FirmwareVersion
  ) throws(Problem) -> (floor: ReleaseID?, rollbackFloor: ReleaseID?) {
    let own = "\(name):\(version)"
    if floors.floor == own || floors.floor == "self" {
      throw Problem(
        .unprocessable, "floor: \(own) cannot be its own floor; name an earlier release")
    }
    let floor = try floors.floor.map { text throws(Problem) in
      try resolve(floor: text, field: "floor", of: name)
    }
    if let floor {
      let depth = 1 + Route.floors(before: floor, among: releases).count
      guard depth <= Route.floorsMax else {
        throw Problem(
          .unprocessable,
          "floor: \(depth) floors would lie before \(own), at most \(Route.floorsMax) may; name a "
            + "floor that has fewer before it")
      }
    }
    guard let text = floors.rollbackFloor else { return (floor?.id, nil) }
    if text == own || text == "self" { return (floor?.id, id) }
    return (floor?.id, try resolve(floor: text, field: "rollbackFloor", of: name).id)
  }

  private func resolve(
    floor text: String, field: String, of name: Name
  ) throws(Problem) -> Release {
    let found: Release
    do throws(Problem) { found = try resolve(release: text) } catch {
      throw Problem(.unprocessable, "\(field): \(error.detail)")
    }
    guard found.name == name else {
      throw Problem(
        .unprocessable,
        "\(field): \(found.label) is no release of \(name); only releases of one name follow each "
          + "other")
    }
    return found
  }
}
