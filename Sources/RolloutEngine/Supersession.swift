// Supersession: of several rollouts that want one device, which one has it?
//
// Of two live rollouts of the same release name the newer one takes every device that both are for,
// unless the older one has the higher priority. Where it has, it goes first, but never after the
// newer one: a device that the newer one has begun to change is not taken back. A rollout that was
// stopped takes nothing.

public import UpdateModel

/// What a rollout may claim of one device against older ones of the same release name.
public struct Claim: Equatable, Sendable {
  /// Who claims.
  public let rollout: RolloutID
  /// Its priority.
  public let priority: Int
  /// Whether it is under way: running, paused or completed.
  public let isUnderWay: Bool
  /// Whether the device fits and is in the target.
  public let isEntitled: Bool
  /// Whether the device has begun to install for it.
  public let hasBegun: Bool

  /// Joins the facts.
  public init(
    rollout: RolloutID, priority: Int, isUnderWay: Bool, isEntitled: Bool, hasBegun: Bool
  ) {
    self.rollout = rollout
    self.priority = priority
    self.isUnderWay = isUnderWay
    self.isEntitled = isEntitled
    self.hasBegun = hasBegun
  }
}

/// Decides between rollouts.
public enum Supersession {
  /// The rollout that takes a device from another one of the same name; the newest of several.
  public static func winner(over older: RolloutSpecification, among claims: [Claim]) -> RolloutID? {
    claims.filter { claim in
      claim.rollout > older.id && claim.isUnderWay && claim.isEntitled
        && (claim.priority >= older.terms.priority || claim.hasBegun)
    }.map(\.rollout).max()
  }

  /// The order in which a device is shown to rollouts: the highest priority first, then the newest.
  public static func isBefore(_ left: RolloutSpecification, _ right: RolloutSpecification) -> Bool {
    (right.terms.priority, right.id) < (left.terms.priority, left.id)
  }
}
