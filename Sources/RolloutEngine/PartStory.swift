// PartStory: the story of a device that takes part in a rollout: its attempt, its verdict, its way.

import UpdateModel

/// A device with an action, in words.
struct PartStory {
  let action: Action
  let subject: DeviceStory.Subject
  let answer: Eligibility
  let recovery: Recovery
  let rollout: Rollout
  let now: Instant

  private var name: Name { rollout.specification.name }
  private var isUpdate: Bool { action.kind == .update }
  private var thing: String { isUpdate ? "the release" : "what it ran before" }

  private var attempts: String {
    "attempt \(action.attempt) of \(max(action.attempt, rollout.policy.retry.attempts))"
  }

  private var failure: String {
    action.failure.map { "\($0.cause.rawValue): \($0.detail)" } ?? "no reason was given"
  }

  private var isQuarantined: Bool { rollout.isQuarantined(action) }

  // MARK: Where it is

  var reason: String {
    if action.isSilent, let exposed = action.exposedAt {
      return "lost as it seems: it began to install at \(exposed) and is silent while others are "
        + "heard, which counts against the release"
    }
    switch action.state {
    case .leased(let phase, _): return leased(phase)
    case .retrying:
      if let aside = action.aside {
        return action.isUngranted ? aside.clause : "\(aside.clause), \(attempts)"
      }
      return isUpdate
        ? "\(attempts) failed, \(failure)"
        : "\(attempts) at the way back failed, \(failure)"
    case .ended(let outcome): return ended(outcome)
    }
  }

  private func leased(_ phase: Action.Phase) -> String {
    let why = action.standby == nil ? action.aside.map { ": \($0.clause)" } ?? "" : ""
    let asked = action.cancel == .requested ? "; it was asked to stop\(why)" : ""
    let doing =
      switch phase {
      case .offered: "was offered \(thing) at \(action.grantedAt) and has not taken it up yet"
      case .downloading: "has been fetching \(thing) since \(action.changedAt)"
      case .installing: "has been installing \(thing) since \(action.changedAt)"
      case .verifying:
        "said at \(action.installedAt ?? action.changedAt) that it installed \(thing), and has yet "
          + "to prove it by what it reports"
      }
    let forced = action.standby?.isForced ?? false ? "; it may not be put off any more" : ""
    return (isUpdate ? doing : "is being brought back: it \(doing)")
      + ", \(attempts)\(asked)\(forced)"
  }

  private func ended(_ outcome: Action.Outcome) -> String {
    switch outcome {
    case .succeeded: "runs the release, verified at \(action.provenAt ?? action.changedAt)"
    case .unverified:
      "says that it installed the release and calls, but cannot report what it runs"
    case .failed: "failed for good in \(attempts), \(failure)"
    case .lost: "fell silent while it held \(attempts), and was given up at \(action.changedAt)"
    case .cancelled: "was stopped at \(action.changedAt) before it installed anything"
    case .returned: "was brought back at \(action.changedAt) to what it ran before"
    case .returnFailed: "could not be brought back in \(attempts), \(failure)"
    case .stranded:
      action.failure?.cause == .noWayBack
        ? "should go back and cannot, \(failure)"
        : "should go back, but nothing is known that it could go back to"
    case .undelivered:
      "did not take the release in the time it was given, which says nothing about it"
        + (action.failure.map { ": \($0.detail)" } ?? "")
    case .superseded: "is another rollout's now" + (action.aside.map { ": \($0.clause)" } ?? "")
    }
  }

  // MARK: What comes

  var next: String {
    if rollout.status == .closed {
      return "nothing more from this rollout: a later one took its place"
    }
    if rollout.status.isStopped || isQuarantined, let words = recovering { return words }
    if action.isSilent { return "whatever it reports when it calls again decides" }
    switch action.state {
    case .leased(let phase, let deadline): return expected(phase, by: deadline)
    case .retrying(let from): return retrying(from)
    case .ended(let outcome): return afterwards(outcome)
    }
  }

  /// What the stop of the rollout wants from it; nil when it wants nothing.
  private var recovering: String? {
    switch recovery {
    case .nothing: nil
    case .cancel: "it is asked to stop at its next poll"
    case .turnBack: "it is given back what it ran before, at its next poll"
    case .retryTurnBack: "it is given another attempt at the way back, at its next poll"
    case .strand:
      "it is listed as stranded at its next poll; bring it back by hand, or with a rollout of a "
        + "release that fits it"
    case .wait(let reason): reason.sentence(in: rollout)
    }
  }

  private func expected(_ phase: Action.Phase, by deadline: Instant) -> String {
    if action.cancel == .requested {
      return "it is asked to stop at each poll; without an answer the attempt ends at \(deadline)"
    }
    if rollout.status == .paused, phase == .offered {
      return "the offer is kept for it but not shown while the rollout is paused"
    }
    let duty =
      switch phase {
      case .offered: "take the offer up"
      case .downloading: "fetch it"
      case .installing: "report how the installation went"
      case .verifying: "report the version or the image that it was given"
      }
    let isLast = action.attempt >= rollout.policy.retry.attempts
    return "it has until \(deadline) to \(duty); otherwise this attempt ends, and "
      + (isLast ? "it was the last one" : "another one follows")
  }

  private func retrying(_ from: Instant) -> String {
    if action.standby?.isUndecided ?? false {
      return
        "nothing until a person decides: groundswell rollout force \(name) \(action.device), or "
        + "groundswell rollout let-go \(name) \(action.device)"
    }
    if action.aside != nil, now < from {
      return "it is asked again at its first poll after \(from)"
    }
    if now < from { return "\(nextAttempt) may begin at its first poll after \(from)" }
    if rollout.status == .paused {
      return "\(nextAttempt) waits until somebody lets the rollout go on: "
        + "groundswell rollout resume \(name)"
    }
    if case .eligible = answer { return "\(nextAttempt) begins at its next poll" }
    if case .deferred(.hindered(let hindrance)) = answer {
      return "it goes on at its first poll after that has changed: \(hindrance.clause)"
    }
    return isUpdate
      ? "\(nextAttempt): \(answer.sentence(in: rollout))" : "\(nextAttempt) begins at its next poll"
  }

  private var nextAttempt: String {
    "attempt \(action.attempt + 1) of \(max(action.attempt + 1, rollout.policy.retry.attempts))"
  }

  private func afterwards(_ outcome: Action.Outcome) -> String {
    switch outcome {
    case .succeeded, .unverified: return proving
    case .failed, .undelivered:
      return "nothing more is offered to it in this rollout; what it reports still counts"
    case .superseded: return "nothing from this rollout; ask about the newer one"
    case .lost: return "whatever it reports when it calls again decides"
    case .cancelled: return "nothing more from this rollout"
    case .returned: return "nothing more; a fixed release reaches it with its own rollout"
    case .returnFailed, .stranded:
      return "a person has to look: groundswell device history \(action.device)"
    }
  }

  private var proving: String {
    if rollout.status.isStopped || isQuarantined {
      return "it keeps the release; groundswell rollout rollback \(name) would bring it back"
    }
    guard let terms = rollout.policy.evidence, let proven = action.provenAt else {
      return "nothing more is to be done; a failure that it reports later still counts"
    }
    let ripe = proven + terms.soak
    return now < ripe
      ? "it counts as proven from \(ripe) on, when it has run the release for \(terms.soak)"
      : "it has run the release for \(terms.soak) and counts as proven; a failure that it reports "
        + "later still counts"
  }

  // MARK: What else

  var facts: [String] {
    var facts: [String] = []
    let stage =
      rollout.stages.indices.contains(action.stage)
      ? rollout.stages[action.stage].plan.name : "stage \(action.stage)"
    if let stratum = action.stratum {
      let found = rollout.strata[stratum]
      facts.append("it came in with \(stage), as one of \(found.label)")
      if let quarantine = found.quarantine {
        facts.append(
          "\(found.label) is in quarantine since \(quarantine.since): \(quarantine.reason)")
      }
    } else {
      facts.append("it came in with \(stage)")
    }
    if action.failure != nil, !mentionsFailure { facts.append("its last failure: \(failure)") }
    if isUpdate, action.fallback == nil, !action.isUngranted {
      facts.append("nothing is known that it could be brought back to")
    }
    return facts
  }

  private var mentionsFailure: Bool {
    switch action.state {
    case .retrying, .ended(.failed), .ended(.returnFailed): !action.isSilent
    case .leased, .ended: false
    }
  }
}
