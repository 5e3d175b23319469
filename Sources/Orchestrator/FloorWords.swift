// FloorWords: the floors that a device takes on its way to a release, in words.

import RolloutEngine
import UpdateModel

extension Ledger {
  // What comes before the release itself, for a device that gets it or is on its way.
  func floorClause(
    _ device: Device, _ action: Action?, _ answer: Eligibility, in book: RolloutBook
  ) -> String {
    let target = book.release
    switch answer {
    case .excluded(.finished):
      guard let action, action.isLeased, action.kind == .update, action.release != target.id,
        let floor = releases[action.release]
      else { return "" }
      return "; takes \(floor.label) first, a floor of \(target.label)"
    case .excluded: return ""
    case .eligible, .deferred:
      guard case .step(let step) = route(device, to: target.id), step != target.id,
        let floor = releases[step]
      else { return "" }
      return "; takes \(floor.label) first, a floor of \(target.label)"
    }
  }
}
