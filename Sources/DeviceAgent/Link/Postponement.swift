// Postponement: what a person at the device decided about updates: not now, or now.

public import UpdateModel

/// A person's word about the next installation; written by one process and read by another.
public struct Postponement: Equatable, Sendable {
  static let fileName = "postponement.json"
  /// Nobody postpones for longer at once.
  public static let longest = Interval.days(30)

  /// Until when nothing is installed.
  public var until: Instant
  /// Why, for the server and its people; at most 200 characters.
  public var reason: String

  /// Joins a postponement; it is at most `longest`.
  public init(until: Instant, reason: String, at now: Instant) {
    self.until = min(until, now + Postponement.longest)
    self.reason = String(reason.prefix(200))
  }

  /// Stores it for the agent that runs.
  public func save(in state: StateDirectory) throws(LinkError) {
    try state.write(
      ["until": .string(until.description), "reason": .string(reason)],
      to: Postponement.fileName)
  }

  /// Reads it; nil when there is none, when it is over, or when the clock was set back so far that
  /// it would last longer than anybody may postpone.
  public static func load(
    from state: StateDirectory, at now: Instant
  ) throws(LinkError) -> Postponement? {
    guard let document = try state.document(fileName) else { return nil }
    guard let until = document["until"]?.string.flatMap(Instant.init(rfc3339:)), now < until,
      until <= now + longest
    else { return nil }
    return Postponement(until: until, reason: document["reason"]?.string ?? "", at: now)
  }

  /// Takes it back.
  public static func remove(from state: StateDirectory) throws(LinkError) {
    try state.remove(fileName)
  }

  // MARK: Now

  static let consentName = "install-now.json"

  /// Notes that a person wants the update of this action now.
  public static func consent(
    to action: Name, in state: StateDirectory
  ) throws(LinkError) {
    try state.write(["action": .string(action.text)], to: consentName)
    try remove(from: state)
  }

  /// The action that a person wants now.
  static func consentedAction(in state: StateDirectory) throws(LinkError) -> Name? {
    // A name that cannot be read is no consent.
    try state.document(consentName)?["action"]?.string.flatMap { try? Name($0) }
  }
}
