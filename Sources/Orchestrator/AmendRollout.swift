// AmendRollout: a person changes values of the policy that a rollout under way follows.

import FleetStore
public import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Puts values in place of the policy's, by path; effective for the next grant and the next
  /// judgement. Returns the rollout and the ticket to wait for.
  ///
  /// Throws `invalidRequest` for values that the policy does not allow, `unprocessable` for parts
  /// that are fixed once a rollout started, and `conflict` for one that is over.
  public func amend(
    _ text: String, overrides: [(path: String, value: String)], by person: String, in room: Room
  ) throws(Problem) -> (rollout: Rollout, ticket: UInt64) {
    try requireStore()
    guard !overrides.isEmpty else {
      throw Problem(.invalidRequest, "nothing to change; give values such as gate.budget=60")
    }
    let now = clock.now
    let old = try room.ledger.withLock { ledger throws(Problem) in
      try ledger.resolve(rollout: text).rollout.specification
    }
    let (policy, document) = try Policy.readDocument(
      old.policyDocument.text, file: "of rollout \(old.name)", overrides: overrides)
    try timeZones.require(policy.windows, at: now)
    if let part = old.policy.partFixed(against: policy) {
      throw Problem(
        .unprocessable,
        "\(part) is fixed once a rollout is created; create another rollout to change it")
    }
    return try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(rollout: text)
      let status = book.rollout.status
      guard !status.isFinal || status == .completed else {
        throw Problem(
          .conflict, "rollout \(old.name) is \(status.rawValue); there is nothing left to change")
      }
      guard book.rollout.specification.policyDocument == old.policyDocument else {
        throw Problem(.conflict, "rollout \(old.name) was changed by somebody else; look again")
      }
      var draft = Draft(room, now: now)
      let changes = overrides.map { "\($0.path)=\($0.value)" }.joined(separator: ", ")
      let event = RolloutEvent.amended(policy, document, changes: changes, by: person)
      book.evolve(event, now: now)
      draft.happened([event], in: book)
      draft.judge(book)
      return (book.rollout, commit(draft, &ledger))
    }
  }
}
