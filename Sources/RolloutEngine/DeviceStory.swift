// DeviceStory: why a device is where it is in a rollout, and what happens next, for people.
//
// It tells what was decided elsewhere and decides nothing: the answers of `Eligibility` and
// `Recovery` come in, sentences go out. There are words for every device and every status.

public import UpdateModel

/// One device in one rollout, in words.
public struct DeviceStory: Equatable, Sendable {
  /// Where it is and why, in one sentence.
  public let reason: String
  /// What happens next, and what a person can do where one is needed.
  public let next: String
  /// What else is known, a sentence each.
  public let facts: [String]

  /// What is known about the device beside its part.
  public struct Subject: Equatable, Sendable {
    /// What the rollout asks about it.
    public let candidate: Candidate
    /// Its hardware model; nil when nobody told.
    public let hardware: Name?
    /// When it was last heard; nil for never.
    public let heardAt: Instant?
    /// Its place among its kind; nil where no evidence is gathered and while its kind is unknown.
    public let place: Place?
    /// The other rollout in which it holds a lease; nil for none.
    public let leaseElsewhere: Name?
    /// What it takes before the release itself, to follow a sentence; empty for nothing.
    public let detour: String
    /// What else is odd about it, a sentence each.
    public let remarks: [String]
    /// What keeps it out of the target; nil when it is in it, or when its group or filter does not
    /// tell.
    public let mismatch: String?

    /// Joins the facts.
    public init(
      candidate: Candidate, hardware: Name?, heardAt: Instant?, place: Place? = nil,
      leaseElsewhere: Name? = nil, detour: String = "", remarks: [String] = [],
      mismatch: String? = nil
    ) {
      self.candidate = candidate
      self.hardware = hardware
      self.heardAt = heardAt
      self.place = place
      self.leaseElsewhere = leaseElsewhere
      self.detour = detour
      self.remarks = remarks
      self.mismatch = mismatch
    }
  }

  /// A place in the random order of a stratum.
  public struct Place: Equatable, Sendable {
    /// From 1.
    public let position: Int
    /// Devices of the stratum.
    public let size: Int
    /// The stratum.
    public let label: String
    /// Devices of it that are open so far.
    public let opened: Int

    /// Joins the numbers.
    public init(position: Int, size: Int, label: String, opened: Int) {
      self.position = position
      self.size = size
      self.label = label
      self.opened = opened
    }

    /// `place 12,345 of 70,000 of hardware=a; 407 open so far`.
    public var words: String {
      "place \(position.grouped) of \(max(size, position).grouped) of \(label); "
        + (opened == 0 ? "none is open yet" : "\(opened.grouped) open so far")
    }
  }

  /// Tells the story of a device: `answer` and `recovery` are what the engine decides about it now;
  /// the latter is nil for devices that take no part.
  public init(
    of subject: Subject, action: Action?, answer: Eligibility, recovery: Recovery?,
    in rollout: Rollout, now: Instant
  ) {
    let outsider = Outsider(subject: subject, answer: answer, rollout: rollout)
    if let action {
      let part = PartStory(
        action: action, subject: subject, answer: answer, recovery: recovery ?? .nothing,
        rollout: rollout, now: now)
      reason = part.reason + subject.detour
      next = part.next
      facts = part.facts + DeviceStory.facts(of: subject, rollout, now: now)
    } else {
      reason = outsider.reason + subject.detour
      next = outsider.next
      facts = outsider.facts + DeviceStory.facts(of: subject, rollout, now: now)
    }
  }

  private static func facts(of subject: Subject, _ rollout: Rollout, now: Instant) -> [String] {
    var facts = subject.remarks
    if let other = subject.leaseElsewhere {
      facts.append(
        "it is busy with rollout \(other), and a device is never given two things at once")
    }
    guard let heard = subject.heardAt else {
      return facts + ["it has never called; nothing happens before it polls"]
    }
    let poll = rollout.specification.pollInterval
    if now - heard > Interval(milliseconds: 3 * poll.milliseconds) {
      facts.append(
        "it was last heard at \(heard), more than three poll intervals ago; nothing happens before "
          + "it calls again")
    }
    return facts
  }
}

/// A device that takes no part so far.
private struct Outsider {
  let subject: DeviceStory.Subject
  let answer: Eligibility
  let rollout: Rollout

  private var candidate: Candidate { subject.candidate }
  private var name: Name { rollout.specification.name }

  private var isFirstGroup: Bool {
    candidate.isCanary && (rollout.stages.first?.plan.isCanary ?? false)
  }

  /// Why it is not meant at all, and what could change that; nil when it is meant.
  private var exclusion: (reason: String, next: String)? {
    if !candidate.fits {
      guard let hardware = subject.hardware else {
        return (
          "not in this rollout: its hardware model is not known, so no artifact can be chosen",
          "give it its model with groundswell device tag --hardware, or let it report one; then it "
            + "takes its place at its next poll"
        )
      }
      return (
        "not in this rollout: no artifact of the release fits hardware \(hardware)",
        "nothing in this rollout; a release with an artifact for \(hardware) could reach it"
      )
    }
    if candidate.runsRelease {
      return (
        "runs the release already, so there is nothing to offer",
        "nothing; should it report another version, it takes its place at its next poll"
      )
    }
    if !candidate.isTargeted, !isFirstGroup {
      return (
        "not in this rollout: outside its target" + (subject.mismatch.map { ", as \($0)" } ?? ""),
        "nothing, unless it comes into the target; then it takes its place at its next poll"
      )
    }
    if let safeguard = candidate.safeguard {
      return (
        "kept from updates by a safeguard: \(safeguard)",
        "nothing until a person lifts it: groundswell safeguard list, groundswell safeguard lift"
      )
    }
    return nil
  }

  /// Where its turn is.
  private var turn: String {
    if isFirstGroup { return "it is in the canary group, which goes first" }
    if let place = subject.place { return "it has \(place.words)" }
    if rollout.gathersEvidence { return "nobody of its kind was seen before" }
    guard let stage = Eligibility.stage(of: candidate, in: rollout) else {
      return "no stage takes it in"
    }
    let plan = rollout.stages[stage].plan
    return "it belongs to \(plan.name), with \(plan.size.counting("device"))"
  }

  private var quarantine: (label: String, reason: String)? {
    guard !isFirstGroup, let stratum = candidate.stratum,
      let found = rollout.strata[stratum].quarantine
    else { return nil }
    return (rollout.strata[stratum].label, found.reason)
  }

  var reason: String {
    if let exclusion { return exclusion.reason }
    switch rollout.status {
    case .draft: return "the rollout is a draft, so nobody has been offered anything; \(turn)"
    case .halted, .aborted, .rollingBack, .rolledBack:
      return "it never took part: the rollout was stopped before its turn came; \(turn)"
    case .closed:
      return "it never took part: a later rollout took the place of this one; \(turn)"
    case .ended: return "it never took part: the end time passed before its turn came; \(turn)"
    case .running, .paused, .completed: break
    }
    if let quarantine {
      return "waits: its kind, \(quarantine.label), is in quarantine: \(quarantine.reason)"
    }
    if rollout.status == .paused {
      let why = rollout.hold.map { "held for a person: \($0.sentence)" } ?? "paused by a person"
      return "waits: the rollout is \(why); \(turn)"
    }
    if case .deferred(.placeClosed(.some)) = answer { return "waits for its turn: \(turn)" }
    return answer.sentence(in: rollout)
  }

  /// Its turn, where the reason is another one.
  var facts: [String] {
    guard exclusion == nil, rollout.status.grantsUpdates else { return [] }
    switch answer {
    case .deferred(.placeClosed), .deferred(.stageClosed), .excluded: return []
    case .eligible, .deferred: return [turn]
    }
  }

  var next: String {
    if let exclusion { return exclusion.next }
    switch rollout.status {
    case .draft: return "nothing before somebody starts it: groundswell rollout start \(name)"
    case .halted, .aborted, .rollingBack, .rolledBack, .ended:
      return "nothing more from this rollout: it keeps what it runs"
    case .closed: return "nothing more from this rollout; ask about the later one"
    case .running, .paused, .completed: break
    }
    if quarantine != nil {
      return "nothing until a person lifts the safeguard: groundswell safeguard list"
    }
    if rollout.status == .paused {
      return "nothing until somebody lets it go on: groundswell rollout resume \(name)"
    }
    return switch answer {
    case .eligible: "it is offered the release at its next poll"
    case .deferred(.placeClosed):
      "its turn comes when those before it have shown that the release is good; "
        + "groundswell rollout explain \(name) tells what that waits for"
    case .deferred(.stageClosed):
      "it is offered the release at its first poll after its stage opened"
    case .deferred: "it is looked at again at each poll, and offered the release when it may be"
    case .excluded(.superseded): "nothing from this rollout; ask about the newer one"
    case .excluded: "nothing, unless what it reports changes"
    }
  }
}
