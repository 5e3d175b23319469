// PolicyPeople: the parts of a policy in which people have a say: approvals and postponements.

extension Policy {
  /// Points at which a rollout waits for a person, beside stages with a sign-off of their own.
  public struct ApprovalPoints: Equatable, Sendable {
    /// Whether a person must approve before the rollout starts.
    public let isNeededBeforeStart: Bool
    /// A person must approve before more than this share of the fleet is open; nil for none.
    public let above: Share?
  }

  /// What happens to a device that puts its update off.
  ///
  /// It holds no slot meanwhile, and counts neither for nor against the release.
  public struct Postponing: Equatable, Sendable {
    /// How long a device may put it off in a row, 1 minute to 365 days.
    public let atMost: Interval
    /// How often it may put it off in a row, 1 to 1000; nil for any number of times.
    public let times: Int?
    /// What happens when one of them is over.
    public let then: Consequence

    /// What happens to a device that put its update off for longer than it may.
    public enum Consequence: String, Equatable, Sendable, CaseIterable {
      /// It goes on being asked. The default: whoever says "not now" knows the device better than
      /// its server does, waiting costs no slot, and a stage never waits longer than its
      /// `waitAtMost` for it.
      case wait
      /// A person decides: lets it go, or forces the update.
      case ask
      /// The device may not put it off any more, and comfort, wishes and windows do not hold it
      /// back; what protects the device still does.
      case force
      /// Its part ends as undelivered, which says nothing about the release.
      case fail
    }
  }
}

extension Policy.ApprovalPoints {
  private enum Moment: String, CaseIterable { case start }

  init?(_ reader: DocumentReader) {
    reader.allowOnly(["before", "above"])
    let hasBefore = reader.has("before")
    let before: Moment? = hasBefore ? reader.choice("before") : nil
    let hasAbove = reader.has("above")
    let above = hasAbove ? reader.share("above", from: .least) : nil
    guard !hasBefore || before != nil, !hasAbove || above != nil else { return nil }
    self.init(isNeededBeforeStart: before == .start, above: above)
  }
}

extension Policy.Postponing {
  init?(_ reader: DocumentReader) {
    reader.allowOnly(["atMost", "times", "then"])
    let atMost = reader.interval("atMost", default: .days(7), in: .minutes(1) ... .days(365))
    let then: Consequence? = reader.choice("then", default: .wait)
    let hasTimes = reader.has("times")
    let times = hasTimes ? reader.integer("times", in: 1...1000) : nil
    guard let atMost, let then, !hasTimes || times != nil else { return nil }
    self.init(atMost: atMost, times: times, then: then)
  }
}
