// Explain: why one device stands where it stands in a rollout, in words.

import RolloutEngine
import UpdateModel

extension Ledger {
  /// Why a device stands where it stands in a rollout, in words.
  func explain(_ device: Device, in book: RolloutBook, window: WindowState, now: Instant) -> String {
    let action = book.actions[device.key.device]
    let failure = action.flatMap { action in
      action.failure.map { "\(action.standing.label), attempt \(action.attempt): \($0.detail)" }
    }
    if let failure, action?.aside == nil, action?.standing != .retrying { return failure }
    let candidate = candidate(device, in: book, window: window)
    let answer = Eligibility.decide(
      candidate, action: action, in: book.rollout, demand: demand(of: device, action, in: book),
      now: now)
    var sentence = answer.sentence(in: book.rollout)
    if let failure, action?.aside == nil { sentence = "\(failure); \(sentence)" }
    if let aside = action?.aside, case .excluded(.finished) = answer {
      let asked = action?.cancel == .requested ? "; asked to stop" : ""
      sentence += "\(asked): \(aside.clause)"
    }
    return sentence + floorClause(device, action, answer, in: book)
  }

  // What comes before the release itself, for a device that gets it or is on its way.
  private func floorClause(
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
