// CreateRollout: a plan becomes a rollout that can be started.

import FleetStore
public import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Creates a rollout in status draft; returns it with the ticket to wait for.
  public func createRollout(
    named name: Name, _ request: RolloutRequest, terms: RolloutTerms = .usual, in room: Room
  ) throws(Problem) -> (rollout: Rollout, ticket: UInt64) {
    try requireStore()
    guard !name.text.allSatisfy(\.isNumber) else {
      throw Problem(
        .invalidRequest, "name: '\(name)' looks like a rollout's number; use a letter at least once"
      )
    }
    let now = clock.now
    if let endAt = terms.endAt, endAt <= now {
      throw Problem(.invalidRequest, "endAt: \(endAt) has passed already; give a later time")
    }
    let (policy, document) = try policies.policy(request.policy, overrides: request.overrides)
    try timeZones.require(policy.windows, at: now)
    let release = try room.ledger.withLock { ledger throws(Problem) in
      try ledger.resolve(release: request.release)
    }
    guard release.status != .revoked else {
      throw Problem(.conflict, "release \(release.name):\(release.version) is revoked")
    }
    try room.ledger.withLock { ledger throws(Problem) in try refuseTwin(of: name, ledger) }
    let salt = try newSalt()
    // Also proves that a plan exists; it is made again at the start, on the fleet of that moment.
    let plan = try fleetPlan(release, policy, request.target, salt: salt, in: room)
    return try room.ledger.withLock { ledger throws(Problem) in
      try refuseTwin(of: name, ledger)
      let id = RolloutID((ledger.books.keys.max()?.number ?? 0) + 1)
      let specification = RolloutSpecification(
        id: id, name: name, release: release.id, target: request.target, policy: policy,
        policyDocument: document, salt: salt, createdAt: now,
        pollInterval: room.settings.pollInterval, terms: terms)
      let book = RolloutBook(
        rollout: Rollout(specification: specification, stages: []), release: release,
        artifacts: release.artifacts.compactMap { ledger.artifacts[$0] })
      book.replan(plan)
      ledger.books[id] = book
      ledger.lastTicket = store.enqueue([
        .rollout(room.tenant, book.rollout),
        .rolloutEvent(room.tenant, id, at: now, sentence: ControlPlane.creation(specification)),
      ])
      room.noteChange()
      return (book.rollout, ledger.lastTicket)
    }
  }

  private static func creation(_ specification: RolloutSpecification) -> String {
    let terms = specification.terms
    let priority = terms.priority == RolloutTerms.usualPriority ? nil : terms.priority
    return "created with policy \(specification.policy.name)"
      + (priority.map { ", priority \($0)" } ?? "")
      + (terms.startAt.map { ", to start at \($0)" } ?? "")
      + (terms.endAt.map { ", to end at \($0)" } ?? "")
      + (terms.isSecurity ? ", for security" : "")
  }

  private func refuseTwin(of name: Name, _ ledger: Ledger) throws(Problem) {
    guard !ledger.books.values.contains(where: { $0.rollout.specification.name == name }) else {
      throw Problem(.conflict, "a rollout named \(name) exists; choose another name")
    }
  }

  private func newSalt() throws(Problem) -> UInt64 {
    do {
      return try randomness.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    } catch {
      throw Problem(.internalError, "no randomness for a salt: \(error)")
    }
  }
}
