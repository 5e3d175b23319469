// EvidenceDocuments: evidence, decisions, explanations and safeguards as the JSON that clients see.

import Orchestrator
import RolloutEngine
import UpdateModel

extension Documents {
  /// Rollouts with more strata than this tell their bounds only when one is asked for by itself.
  private static let boundedStrataMax = 20

  /// What the evidence of a rollout says; nil where none is gathered.
  ///
  /// Bounds cost logarithms, so lists have them only where there are few and where they decide.
  static func evidence(_ view: RolloutView, isWhole: Bool) -> JSON? {
    let rollout = view.rollout
    guard let terms = rollout.policy.evidence else { return nil }
    let isCheap = rollout.strata.count <= boundedStrataMax && rollout.status.grantsUpdates
    let outlook =
      isWhole || isCheap || rollout.status == .paused
      ? EvidenceOutlook(rollout, now: view.at) : nil
    let present = outlook?.rollout ?? rollout
    return .members([
      "tolerance": .string(terms.tolerance.description),
      "soakSeconds": .integer(terms.soak.wholeSeconds),
      "strata": .array(
        present.strata.enumerated().map { index, stratum in
          self.stratum(stratum, upper: outlook?.upper[index])
        }),
      "upper": outlook?.upperAll.map { .string(share($0)) },
      "control": present.control.map { control($0, terms) },
      "hold": present.hold.map { .string($0.sentence) },
      "nextStep": outlook.flatMap { nextStep($0) },
    ])
  }

  private static func stratum(_ stratum: Stratum, upper: Double?) -> JSON {
    let counts = stratum.evidence
    return .members([
      "label": .string(stratum.label), "size": JSON(stratum.size),
      "opened": JSON(stratum.opened), "granted": JSON(counts.granted),
      "exposed": JSON(counts.exposed), "awaited": JSON(counts.awaited),
      "matured": JSON(counts.matured), "reported": JSON(counts.reported),
      "lost": JSON(counts.lost), "undelivered": JSON(counts.undelivered),
      "upper": upper.map { .string(share($0)) },
      "quarantine": stratum.quarantine.map { quarantine in
        .members(["since": time(quarantine.since), "reason": .string(quarantine.reason)])
      },
      "metrics": stratum.metrics.isEmpty
        ? nil : .array(stratum.metrics.map { .string($0.sentence) }),
    ])
  }

  private static func control(_ sample: ControlSample, _ terms: Policy.Evidence) -> JSON {
    .members([
      "devices": JSON(sample.devices), "lost": JSON(sample.lost),
      "heard": .string(sample.heard.description), "at": time(sample.at),
      "outage": .bool(sample.heard < terms.minHeard),
    ])
  }

  private static func nextStep(_ outlook: EvidenceOutlook) -> JSON? {
    let status = outlook.rollout.status
    let total = outlook.next.reduce(0, +)
    guard status == .running || status == .paused, total > 0 else { return nil }
    return .members([
      "size": JSON(total),
      "parts": .array(
        zip(outlook.rollout.strata, outlook.next).filter { $0.1 > 0 }.map { stratum, count in
          .members(["stratum": .string(stratum.label), "size": JSON(count)])
        }),
    ])
  }

  /// What a step takes of each stratum; nil for stages of other kinds.
  static func parts(_ plan: PlannedStage, of rollout: Rollout) -> JSON? {
    guard !plan.openings.isEmpty else { return nil }
    return .array(
      plan.openings.map { opening in
        .members([
          "stratum": .string(rollout.strata[opening.stratum].label), "size": JSON(opening.count),
        ])
      })
  }

  /// A rate as text, to a hundredth of a percent, rounded up: a bound is never made smaller.
  private static func share(_ rate: Double) -> String {
    let basisPoints = Int((min(max(rate, 0), 1) * 10_000).rounded(.up))
    return Share(basisPoints: basisPoints)?.description ?? "100%"
  }

  // MARK: Decisions

  static func decision(_ decision: DecisionView, withInputs: Bool) -> JSON {
    .members([
      "at": time(decision.at), "verdict": .string(decision.verdict),
      "sentence": .string(decision.sentence), "inputs": withInputs ? decision.inputs : nil,
    ])
  }

  // MARK: Explanations

  static func explanation(_ explanation: RolloutExplanation) -> JSON {
    let rollout = explanation.view.rollout
    return .members([
      "rollout": .string(rollout.specification.name.text),
      "status": .string(rollout.status.rawValue),
      "sentence": .string(explanation.view.reason),
      "story": .array(
        explanation.story.lines.map { line in
          .members(["topic": .string(line.topic.rawValue), "sentence": .string(line.sentence)])
        }),
      "decisions": .array(explanation.decisions.map { decision($0, withInputs: false) }),
      "events": .array(explanation.moments.map { moment($0.at, $0.sentence) }),
    ])
  }

  static func explanation(_ explanation: DeviceExplanation) -> JSON {
    let story = explanation.story
    return .members([
      "device": .string(explanation.device.text),
      "rollout": .string(explanation.rollout.specification.name.text),
      "status": .string(explanation.rollout.status.rawValue),
      "standing": explanation.action.map { .string($0.standing.label) },
      "attempt": explanation.action.map { JSON($0.attempt) },
      "deadline": explanation.action?.deadline.map(time),
      "stratum": explanation.stratum.map { .string($0) },
      "place": explanation.place.map { place in
        .members([
          "position": JSON(place.position), "of": JSON(max(place.size, place.position)),
          "stratum": .string(place.label), "opened": JSON(place.opened),
        ])
      },
      "sentence": .string(story.reason), "next": .string(story.next),
      "facts": .array(story.facts.map { .string($0) }),
    ])
  }

  /// Something that happened, for a history.
  static func moment(_ at: Instant, _ sentence: String) -> JSON {
    .members(["at": time(at), "sentence": .string(sentence)])
  }

  // MARK: Safeguards

  static func safeguard(_ safeguard: SafeguardView) -> JSON {
    .members([
      "id": JSON(safeguard.id), "filter": .string(safeguard.filter.description),
      "reason": .string(safeguard.reason),
      "rollout": .members([
        "id": .integer(Int64(safeguard.rollout.number)),
        "name": safeguard.rolloutName.map { .string($0.text) },
      ]),
      "since": time(safeguard.since),
    ])
  }
}
