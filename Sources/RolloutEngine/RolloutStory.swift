// RolloutStory: why a rollout is where it is: what it waits for, its numbers, and what comes next.

public import UpdateModel

/// A rollout in sentences, each about one thing.
public struct RolloutStory: Equatable, Sendable {
  /// What there is to say, the most important first.
  public let lines: [Line]

  /// One thing that is said.
  public struct Line: Equatable, Sendable {
    /// What it is about.
    public let topic: Topic
    /// For people.
    public let sentence: String

    /// Joins a topic and what is said.
    public init(topic: Topic, sentence: String) {
      self.topic = topic
      self.sentence = sentence
    }
  }

  /// What is talked about; the raw value stands in front of the sentence.
  public enum Topic: String, Sendable, CaseIterable {
    /// Where the rollout stands.
    case status
    /// Why it does not move on.
    case waitsFor = "waits for"
    /// The open stage.
    case stage
    /// What one stratum says.
    case evidence
    /// What the next step would be.
    case nextStep = "next step"
    /// A stratum that was taken out.
    case quarantine
    /// The devices that are not updated.
    case control
    /// Devices that wait for their own state or put their update off.
    case standby = "held back"
    /// Devices about which a person has to decide.
    case undecided
    /// A limit that keeps devices waiting.
    case limit
    /// Devices that are brought back.
    case wayBack = "way back"
    /// What happens by itself, and what a person can do.
    case then
  }

  /// The story with more lines, before what comes next.
  public func adding(_ more: [Line]) -> RolloutStory {
    let end = lines.last.flatMap { $0.topic == .then ? lines.count - 1 : nil } ?? lines.count
    return RolloutStory(lines: lines[..<end] + more + lines[end...])
  }

  private init(lines: ArraySlice<Line>) { self.lines = Array(lines) }

  /// Strata that get a line of their own; the rest is counted.
  static let strataMax = 12

  /// Tells the story of a rollout.
  public init(_ rollout: Rollout, now: Instant) {
    self.init(rollout, outlook: EvidenceOutlook(rollout, now: now), now: now)
  }

  /// Tells the story with an outlook that was taken before.
  public init(_ rollout: Rollout, outlook: EvidenceOutlook?, now: Instant) {
    let teller = Teller(rollout: outlook?.rollout ?? rollout, outlook: outlook, now: now)
    lines = teller.lines
  }
}

private struct Teller {
  let rollout: Rollout
  let outlook: EvidenceOutlook?
  let now: Instant

  private var name: Name { rollout.specification.name }
  private var tally: Tally { rollout.tally }

  private typealias Line = RolloutStory.Line
  private typealias Topic = RolloutStory.Topic

  var lines: [RolloutStory.Line] {
    var lines = [Line(topic: .status, sentence: status)]
    func add(_ topic: Topic, _ sentence: String?) {
      if let sentence { lines.append(Line(topic: topic, sentence: sentence)) }
    }
    add(.waitsFor, waitsFor)
    add(.stage, stage)
    lines += quarantines.map { Line(topic: .quarantine, sentence: $0) }
    lines += strata.map { Line(topic: .evidence, sentence: $0) }
    add(.nextStep, nextStep)
    add(.control, control)
    add(.limit, limit)
    add(.wayBack, wayBack)
    add(.then, then)
    return lines
  }

  // MARK: Where it stands

  private var status: String {
    let reached =
      "\(tally.exposed.grouped) of \(rollout.size.counting("device")) began to install, "
      + "\((tally[.succeeded] + tally[.unverified]).grouped) run the release, "
      + "\(tally.failures.grouped) failed or fell silent"
    let since = rollout.startedAt.map { "\($0)" } ?? "its start"
    let end = rollout.endedAt.map { " at \($0)" } ?? ""
    let why = rollout.stop.map { ": \($0.description)" } ?? ""
    switch rollout.status {
    case .draft:
      return "a draft since \(rollout.specification.createdAt); nothing is offered before it starts"
    case .running: return "running since \(since); \(reached)"
    case .paused: return "paused; started at \(since); \(reached)"
    case .completed: return "completed\(end); \(reached)"
    case .halted: return "stopped by itself\(end)\(why); \(reached)"
    case .aborted: return "aborted\(end)\(why); \(reached)"
    case .rollingBack: return "stopped\(end)\(why); devices are being brought back; \(reached)"
    case .rolledBack: return "stopped\(why); every reachable device was brought back\(end)"
    case .ended: return "ended\(end), at its end time; \(reached)"
    case .closed: return "closed\(end): a later rollout took its place; \(reached)"
    }
  }

  private var waitsFor: String? {
    switch Gate.evaluate(rollout, now: now) {
    case .wait(.ended), .wait(.notStarted): nil
    case .wait(.paused) where rollout.hold != nil: rollout.hold?.sentence
    case .wait(let reason): reason.sentence(now: now)
    default: "nothing: it is about to move on"
    }
  }

  private var stage: String? {
    guard let open = rollout.openStage, !rollout.status.isFinal else { return nil }
    let stage = rollout.stages[open]
    let counts = stage.tally
    let parts = stage.plan.openings.map { opening in
      "\(opening.count.grouped) of \(rollout.strata[opening.stratum].label)"
    }
    let isSpread = parts.count > 1 && parts.count <= RolloutStory.strataMax
    let silent = max(0, stage.plan.size - counts.participants)
    let opened = stage.openedAt.map { ", open since \($0)" } ?? ""
    return "\(stage.plan.name)\(opened): \(stage.plan.size.counting("device"))"
      + (isSpread ? " (\(parts.joined(separator: ", ")))" : "")
      + "; \(counts.verdicts.grouped) done well or badly, \(counts.leased.grouped) under way, "
      + "\(counts[.retrying].grouped) between attempts, \(silent.grouped) not asked for it yet"
  }

  // MARK: Evidence

  private var strata: [String] {
    guard let terms = rollout.policy.evidence else { return [] }
    let open = rollout.strata.indices.filter { rollout.strata[$0].opened > 0 }
    var sentences = open.prefix(RolloutStory.strataMax).map { sentence(of: $0, terms) }
    if open.count > sentences.count {
      sentences.append("and \((open.count - sentences.count).grouped) more kinds of devices")
    }
    if rollout.strata.count > open.count {
      let closed = (rollout.strata.count - open.count).counting("kind")
      sentences.append("\(closed) of devices of which none is open yet")
    }
    return canaries + sentences
  }

  private var canaries: [String] {
    guard let counts = rollout.canaryEvidence, counts.granted > 0 else { return [] }
    return [
      "canaries: \(counts.granted.grouped) granted, \(counts.exposed.grouped) began to install, "
        + "\(counts.reported.grouped) failed, \(counts.lost.grouped) silent; they open the way "
        + "and say nothing about the rest"
    ]
  }

  private func sentence(of index: Int, _ terms: Policy.Evidence) -> String {
    let stratum = rollout.strata[index]
    let counts = stratum.evidence
    var words = "\(stratum.label): \(stratum.opened.grouped) of \(stratum.size.grouped) open, "
    words += "\(counts.granted.grouped) granted, \(counts.exposed.grouped) began to install, "
    words += "\(counts.matured.grouped) proven for \(terms.soak), "
    words += "\(counts.awaited.grouped) awaited, \(counts.reported.grouped) failed, "
    words += "\(counts.lost.grouped) silent"
    if counts.undelivered > 0 { words += ", \(counts.undelivered.grouped) could not fetch it" }
    if let upper = outlook?.upper[index] {
      words += "; at most \(upper.percentText) fail, \(terms.tolerance) is tolerated"
    }
    return ([words] + stratum.metrics.map(\.sentence)).joined(separator: "; ")
  }

  private var quarantines: [String] {
    rollout.strata.compactMap { stratum in
      stratum.quarantine.map { "\(stratum.label) since \($0.since): \($0.reason)" }
    }
  }

  private var nextStep: String? {
    guard let outlook, rollout.status == .running || rollout.status == .paused else { return nil }
    let total = outlook.next.reduce(0, +)
    let left = rollout.strata.reduce(0) { $0 + ($1.quarantine == nil ? $1.left : 0) }
    guard left > 0 else { return nil }
    guard total > 0 else {
      return "none: what is known so far allows not one device more, of \(left.grouped) left"
    }
    let parts = zip(rollout.strata, outlook.next).filter { $0.1 > 0 }
      .map { "\($1.grouped) of \($0.label)" }
    let isSpread = parts.count > 1 && parts.count <= RolloutStory.strataMax
    return "with what is known now it would take in \(total.counting("device")) at most"
      + (isSpread ? " (\(parts.joined(separator: ", ")))" : "") + ", of \(left.grouped) left"
  }

  private var control: String? {
    guard let terms = rollout.policy.evidence, let sample = rollout.control else { return nil }
    guard sample.devices > 0 else {
      return "hardly anybody is left to compare with; \(sample.heard) of the devices that are "
        + "watched were heard at \(sample.at)"
    }
    let lost = Double(sample.lost) / Double(sample.devices)
    let heard =
      sample.heard < terms.minHeard
      ? "an outage: only \(sample.heard) of \(sample.devices.counting("device")) that are not "
        + "updated were heard at \(sample.at), so clocks stand still"
      : "\(sample.heard) of \(sample.devices.counting("device")) that are not updated were heard "
        + "at \(sample.at)"
    return heard + "; \(lost.percentText) of them fell silent, which is taken for ordinary"
  }

  // MARK: Limits, the way back, the end

  private var limit: String? {
    guard rollout.status.grantsUpdates || rollout.status == .rollingBack else { return nil }
    return Eligibility.limited(rollout, now: now)?.sentence(in: rollout)
  }

  private var wayBack: String? {
    let back = tally[.returned]
    let away =
      tally[.returning] + tally[.returnRetrying] + tally[.returnFailed] + tally[.stranded]
    guard back + away > 0 || rollout.status == .rollingBack else { return nil }
    let words =
      "\(back.counting("device")) came back, \(tally[.returning].grouped) are on their way, "
      + "\(tally[.returnRetrying].grouped) try again, \(tally[.returnFailed].grouped) failed, "
      + "\(tally[.stranded].grouped) have nothing to go back to"
    switch ReturnGate.judge(rollout) {
    case .wait(let underWay) where rollout.status == .rollingBack:
      return words + "; others wait until \(underWay.grouped) under way have arrived"
    case .open, .wait, .held: return words
    }
  }

  private var then: String {
    func command(_ verb: String) -> String { "groundswell rollout \(verb) \(name)" }
    switch rollout.status {
    case .draft:
      switch Gate.evaluate(rollout, now: now) {
      case .wait(.approvalToStart): return "it goes on with \(command("approve"))"
      case .wait(.scheduled): return "it starts by itself, or at once with \(command("start"))"
      default: return "it goes on with \(command("start"))"
      }
    case .running where rollout.hold != nil:
      return "it goes on with \(command("resume")), or ends with \(command("abort"))"
    case .running:
      if case .wait(.signOff) = Gate.evaluate(rollout, now: now) {
        return "it goes on with \(command("approve"))"
      }
      return rollout.gathersEvidence
        ? "it widens by itself as far as the evidence allows, and stops by itself when it must"
        : "it widens by itself stage by stage, and stops by itself above its failure limit"
    case .paused: return "it goes on with \(command("resume")), or ends with \(command("abort"))"
    case .rollingBack:
      if case .held = ReturnGate.judge(rollout) {
        return "the rest is brought back all the same with \(command("rollback"))"
      }
      return "it ends when nobody is left who could be reached; who turns up later is served too"
    case .halted, .aborted:
      return "devices keep what they run; \(command("rollback")) brings back those that took it"
    case .completed:
      return "who turns up late is still served, and late failures still count, until another "
        + "rollout takes its place"
    case .ended: return "late failures still count until another rollout takes its place"
    case .rolledBack: return "who turns up later is brought back too"
    case .closed: return "nothing more happens here"
    }
  }
}
