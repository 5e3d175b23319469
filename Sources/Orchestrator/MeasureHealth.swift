// MeasureHealth: numbers that devices report, taken as evidence by rollouts that watch them.

import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Takes in the numbers among the properties that a device has just sent.
  ///
  /// A device counts as updated once it verifiably runs the release, and as control while the
  /// rollout has not reached it; what it says in between belongs to neither.
  func measure(
    _ before: Device, _ after: Device, sent: JSON, in room: Room,
    _ ledger: inout Ledger, now: Instant
  ) {
    var draft = Draft(room, now: now)
    for id in ledger.live {
      guard let book = ledger.books[id], let terms = book.rollout.policy.evidence,
        !terms.metrics.isEmpty, book.rollout.status.grantsUpdates,
        let stratum = book.stratum(labelled: Ledger.stratum(of: after, terms))
      else { continue }
      let action = book.actions[after.key.device]
      guard action == nil || action?.provenAt != nil else { continue }
      let isTreated = action != nil
      var isNews = false
      for (index, metric) in terms.metrics.enumerated() {
        guard case .attribute(let key) = metric.field, sent.property(named: key) != nil,
          let observation = book.observe(metric, index, before, after, now: now)
        else { continue }
        book.evolve(
          .measured(stratum: stratum, metric: index, observation, isTreated: isTreated), now: now)
        isNews = true
      }
      if isNews { draft.judge(book) }
    }
    _ = commit(draft, &ledger)
  }
}

extension RolloutBook {
  /// What a newly reported number says; nil for what is no number, and for a counter that is heard
  /// of for the first time.
  func observe(
    _ metric: Policy.HealthMetric, _ index: Int, _ before: Device, _ after: Device, now: Instant
  ) -> MetricEvidence.Observation? {
    // Whole numbers are compared; a fraction is cut.
    func number(_ device: Device) -> Int? {
      metric.field.value(of: device).flatMap { text in
        Int(text.prefix { $0 != "." })
      }
    }
    guard let value = number(after) else { return nil }
    guard case .count = metric.kind else { return .value(value) }
    // No counter is below zero, and differences from there may be more than fits.
    guard value >= 0 else { return nil }
    let since = noteMeasurement(of: after.key.device, index, at: now)
    guard let since, let old = number(before), old >= 0 else { return nil }
    // A counter that starts anew has counted what it shows.
    return .events(value >= old ? value - old : value, span: now - since)
  }
}
