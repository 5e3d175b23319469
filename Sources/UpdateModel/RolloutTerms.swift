// RolloutTerms: before whom a rollout has its turn and within which times; fixed at its creation.

/// What a rollout was given beside release, target and policy.
public struct RolloutTerms: Equatable, Sendable {
  /// Where the rollout stands among others that want the same device, 0 to 1000; higher is first.
  public let priority: Int
  /// When it starts by itself; nil for a start by a person only.
  public let startAt: Instant?
  /// From when on nothing is granted any more; nil for never.
  public let endAt: Instant?
  /// Whether devices in quarantine receive it, too.
  public let isRecovery: Bool
  /// Whether it is urgent for security, so that its policy may pass over comfort and wishes.
  public let isSecurity: Bool

  /// The word by which a request asks for that.
  public enum Override: String, Sendable, CaseIterable {
    /// It closes a hole.
    case security
  }

  /// The priorities there are.
  public static let priorities = 0...1000
  /// The priority of a rollout that names none: as many above as below.
  public static let usualPriority = 500
  /// The terms of a rollout that names none.
  public static let usual = RolloutTerms(
    unchecked: usualPriority, startAt: nil, endAt: nil, isRecovery: false, isSecurity: false)

  private init(
    unchecked priority: Int, startAt: Instant?, endAt: Instant?, isRecovery: Bool, isSecurity: Bool
  ) {
    self.priority = priority
    self.startAt = startAt
    self.endAt = endAt
    self.isRecovery = isRecovery
    self.isSecurity = isSecurity
  }

  /// Checks terms that a person gave; throws for a priority out of range and an end before the
  /// start.
  public init(
    priority: Int = RolloutTerms.usualPriority, startAt: Instant? = nil, endAt: Instant? = nil,
    isRecovery: Bool = false, isSecurity: Bool = false
  ) throws(InvalidValue) {
    guard RolloutTerms.priorities.contains(priority) else {
      throw InvalidValue(
        field: "priority", reason: "\(priority) is not a priority: use 0 to 1000, higher is first")
    }
    if let startAt, let endAt, endAt <= startAt {
      throw InvalidValue(
        field: "endAt", reason: "\(endAt) is not after the start at \(startAt); give a later time")
    }
    self.init(
      unchecked: priority, startAt: startAt, endAt: endAt, isRecovery: isRecovery,
      isSecurity: isSecurity)
  }
}
