// CreateRollout: a plan becomes a rollout that can be started.

import FleetStore
public import RolloutEngine
public import UpdateModel

extension ControlPlane {
  /// Creates a rollout in status draft; returns it with the ticket to wait for.
  public func createRollout(
    named name: Name, _ request: RolloutRequest, in room: Room
  ) throws(Problem) -> (rollout: Rollout, ticket: UInt64) {
    try requireStore()
    guard !name.text.allSatisfy(\.isNumber) else {
      throw Problem(
        .invalidRequest, "name: '\(name)' looks like a rollout's number; use a letter at least once"
      )
    }
    let now = clock.now
    let (policy, document) = try policies.policy(request.policy, overrides: request.overrides)
    let release = try room.ledger.withLock { ledger throws(Problem) in
      try ledger.resolve(release: request.release)
    }
    guard release.status != .revoked else {
      throw Problem(.conflict, "release \(release.name):\(release.version) is revoked")
    }
    try room.ledger.withLock { ledger throws(Problem) in try refuseTwin(of: name, ledger) }
    let salt = try newSalt()
    // Also proves that a plan exists; it is made again at the start, on the fleet of that moment.
    let stages = try stages(release, policy, request.target, salt: salt, in: room)
    return try room.ledger.withLock { ledger throws(Problem) in
      try refuseTwin(of: name, ledger)
      let id = RolloutID((ledger.books.keys.max()?.number ?? 0) + 1)
      let specification = RolloutSpecification(
        id: id, name: name, release: release.id, target: request.target, policy: policy,
        policyDocument: document, salt: salt, createdAt: now)
      let book = RolloutBook(
        rollout: Rollout(specification: specification, stages: stages), release: release,
        artifacts: release.artifacts.compactMap { ledger.artifacts[$0] })
      ledger.books[id] = book
      ledger.lastTicket = store.enqueue([
        .rollout(room.tenant, book.rollout),
        .rolloutEvent(room.tenant, id, at: now, sentence: "created with policy \(policy.name)"),
      ])
      room.noteChange()
      return (book.rollout, ledger.lastTicket)
    }
  }

  private func refuseTwin(of name: Name, _ ledger: Ledger) throws(Problem) {
    guard !ledger.books.values.contains(where: { $0.rollout.specification.name == name }) else {
      throw Problem(.conflict, "a rollout named \(name) exists; choose another name")
    }
  }

  /// The stages of a release on the fleet as it is now.
  func stages(
    _ release: Release, _ policy: Policy, _ target: RolloutSpecification.Target?, salt: UInt64,
    in room: Room
  ) throws(Problem) -> [PlannedStage] {
    let census = try census(release, policy, target, salt: salt, in: room)
    return try Plan.stages(policy, canaries: census.canaries, ranks: census.ranks)
  }

  private func newSalt() throws(Problem) -> UInt64 {
    do {
      return try randomness.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    } catch {
      throw Problem(.internalError, "no randomness for a salt: \(error)")
    }
  }
}
