// Story: rollouts of every status, devices of every standing, and random ones, to be told about.

import RolloutEngine
import Testing
import UpdateModel

/// Makes what the tests of the stories tell about.
enum Story {
  /// A rollout by evidence over strata A and B after a canary group, driven to a status.
  static func byEvidence(_ status: Rollout.Status) throws -> Rollout {
    let canary = #""canary": {"group": "staging", "soak": "0s"}, "gate": {}"#
    var rollout = try specified(
      Array(#"{"name": "test", \#(canary)}"#.utf8), strata: [("A", 700), ("B", 300)])
    drive(&rollout, to: status)
    return rollout
  }

  /// A rollout in stages with a quorum, driven to a status.
  static func byQuorum(_ status: Rollout.Status) throws -> Rollout {
    var rollout = try draft(try policy(), population: 100)
    drive(&rollout, to: status)
    return rollout
  }

  private static func specified(
    _ text: [UInt8], strata: [(label: String, size: Int)]
  ) throws -> Rollout {
    let policy = try Policy.read(text, file: "test.json")
    let specification = RolloutSpecification(
      id: RolloutID(1), name: try Name("test"), release: ReleaseID(2), target: nil,
      policy: policy, policyDocument: .null, salt: 9, createdAt: noon, pollInterval: .hours(1))
    return Rollout(
      specification: specification,
      stages: try Plan.evidenceStages(
        policy, canaries: 3, others: strata.reduce(0) { $0 + $1.size }), strata: strata)
  }

  private static func drive(_ rollout: inout Rollout, to status: Rollout.Status) {
    if status == .draft { return }
    rollout.evolve(.started, at: noon)
    switch status {
    case .draft, .running: break
    case .paused: rollout.evolve(.paused(by: "ann"), at: noon)
    case .halted: rollout.evolve(.stopped(.evidence("it broke"), rollback: false), at: noon)
    case .aborted: rollout.evolve(.stopped(.person("ann"), rollback: false), at: noon)
    case .rollingBack: rollout.evolve(.stopped(.person("ann"), rollback: true), at: noon)
    case .rolledBack:
      rollout.evolve(.stopped(.person("ann"), rollback: true), at: noon)
      rollout.evolve(.rolledBack, at: noon)
    case .completed: rollout.evolve(.completed, at: noon)
    case .ended: rollout.evolve(.ended, at: noon)
    case .closed: rollout.evolve(.closed, at: noon)
    }
  }

  /// Takes a stratum out, as the gate would.
  static func quarantine(_ stratum: Int, in rollout: inout Rollout) throws {
    let judgement = try #require(Gate.judgement(rollout, now: noon))
    rollout.evolve(.quarantined([stratum], judgement), at: noon)
  }

  /// A device by what is the matter with it.
  static func subject(
    _ kind: String = "waiting", place: DeviceStory.Place? = nil, heardAt: Instant? = noon
  ) throws -> DeviceStory.Subject {
    var candidate = Candidate(
      device: try DeviceID("d1"), fits: kind != "unknown" && kind != "foreign",
      isTargeted: kind != "outside", runsRelease: kind == "runs", isCanary: kind == "canary",
      stratum: kind == "quarantined" ? 1 : kind == "new kind" ? nil : 0)
    candidate.safeguard = kind == "guarded" ? "it broke" : nil
    return DeviceStory.Subject(
      candidate: candidate,
      hardware: kind == "unknown" ? nil : try Name(kind == "foreign" ? "board-x" : "board-a"),
      heardAt: heardAt, place: kind == "canary" || kind == "new kind" ? nil : place)
  }

  /// A part in each standing, in its first attempt.
  static func part(_ standing: Standing) throws -> Action {
    let failure = Action.Failure(.install, "no space")
    let later = noon + .hours(1)
    let (state, kind): (Action.State, Action.Kind) =
      switch standing {
      case .offered: (.leased(.offered, deadline: later), .update)
      case .downloading: (.leased(.downloading, deadline: later), .update)
      case .installing: (.leased(.installing, deadline: later), .update)
      case .verifying: (.leased(.verifying, deadline: later), .update)
      case .retrying: (.retrying(from: noon), .update)
      case .succeeded: (.ended(.succeeded), .update)
      case .unverified: (.ended(.unverified), .update)
      case .failed: (.ended(.failed), .update)
      case .lost: (.ended(.lost), .update)
      case .cancelled: (.ended(.cancelled), .update)
      case .returning: (.leased(.offered, deadline: later), .rollback)
      case .returnRetrying: (.retrying(from: noon), .rollback)
      case .returned: (.ended(.returned), .rollback)
      case .returnFailed: (.ended(.returnFailed), .rollback)
      case .stranded: (.ended(.stranded), .update)
      case .postponed: (.retrying(from: noon), .update)
      case .undelivered: (.ended(.undelivered), .update)
      case .superseded: (.ended(.superseded), .update)
      case .waiting, .undecided: (.retrying(from: noon), .update)
      }
    let isBad = [.retrying, .failed, .returnRetrying, .returnFailed].contains(standing)
    var part = try action(state, kind: kind, failure: isBad ? failure : nil)
    if standing == .postponed { part.aside = .postponed(since: noon, reason: "busy") }
    if standing == .waiting || standing == .undecided {
      part.aside = .standby(
        Standby(
          cause: .hindrance(.inUse, "it is in use"), since: noon, putOffSince: noon, count: 0,
          hasImage: false, ruling: standing == .undecided ? .undecided(since: noon) : .none))
    }
    #expect(part.standing == standing)
    if standing == .succeeded || standing == .unverified { part.provenAt = noon }
    return part
  }

  /// What is told, with what the engine itself decides about the device.
  static func tell(
    _ subject: DeviceStory.Subject, _ part: Action?, in rollout: Rollout, now: Instant = noon
  ) -> DeviceStory {
    let candidate = subject.candidate
    return DeviceStory(
      of: subject, action: part,
      answer: Eligibility.decide(candidate, action: part, in: rollout, now: now),
      recovery: part.map {
        Recovery.decide($0, runsRelease: candidate.runsRelease, in: rollout, now: now)
      }, in: rollout, now: now)
  }

  static func check(_ story: DeviceStory, _ comment: Comment? = nil) {
    for sentence in [story.reason, story.next] + story.facts { check(sentence, comment) }
  }

  /// A sentence for people: not empty, and without what only programs say.
  static func check(_ sentence: String, _ comment: Comment? = nil) {
    #expect(sentence.count > 5, comment)
    for odd in ["Optional(", "nil", "  ", "RolloutEngine.", "()"] {
      #expect(!sentence.contains(odd), comment)
    }
  }

  // MARK: Random ones

  static func random(_ dice: inout Dice) throws -> Rollout {
    let status = Rollout.Status.allCases[dice.roll(Rollout.Status.allCases.count)]
    if dice.roll(4) == 0 { return try byQuorum(status) }
    let fields = [#""gate": {}"#, #""gate": {"budget": 1, "stallLimit": 1}"#][dice.roll(2)]
    let kinds = (0...dice.roll(4)).map { (label: "kind \($0)", size: dice.roll(2_000) + 1) }
    var ramp = try Ramp(kinds, policy: fields)
    for _ in 0..<dice.roll(12) {
      let stratum = dice.roll(kinds.count)
      let found = ramp.rollout.strata[stratum]
      // Nobody is granted what is not open.
      let count = min(dice.roll(30), found.opened - found.evidence.granted)
      switch dice.roll(6) {
      case 0: ramp.succeed()
      case 1: ramp.add(count, .reported, stratum: stratum)
      case 2: ramp.add(count, .lost, stratum: stratum)
      case 3: ramp.add(count, .undelivered, stratum: stratum)
      case 4: ramp.look(heard: dice.roll(10_001))
      default: ramp.add(count, .open(since: ramp.now), stratum: stratum)
      }
    }
    var rollout = ramp.rollout
    for _ in 0..<dice.roll(30) {
      guard let stage = rollout.stages.indices.last else { break }
      let standing = Standing.allCases[dice.roll(Standing.allCases.count)]
      rollout.evolve(.moved(stage: stage, from: nil, to: standing), at: ramp.now)
    }
    if rollout.status == .running, status.isFinal || status.isStopped {
      rollout.evolve(.stopped(.person("ann"), rollback: dice.roll(2) == 0), at: ramp.now)
    }
    if status == .closed { rollout.evolve(.closed, at: ramp.now) }
    return rollout
  }

  static func randomSubject(
    _ dice: inout Dice, in rollout: Rollout
  ) throws -> DeviceStory.Subject {
    let stratum =
      rollout.strata.isEmpty || dice.roll(4) == 0 ? nil : dice.roll(rollout.strata.count)
    var candidate = Candidate(
      device: try DeviceID("d\(dice.roll(1_000))"), fits: dice.roll(5) > 0,
      isTargeted: dice.roll(5) > 0, runsRelease: dice.roll(5) == 0, isCanary: dice.roll(5) == 0,
      stratum: stratum)
    candidate.safeguard = dice.roll(5) == 0 ? "it broke" : nil
    candidate.supersededBy = dice.roll(8) == 0 ? RolloutID(7) : nil
    let place = stratum.map {
      DeviceStory.Place(
        position: dice.roll(5_000) + 1, size: rollout.strata[$0].size,
        label: rollout.strata[$0].label, opened: rollout.strata[$0].opened)
    }
    return DeviceStory.Subject(
      candidate: candidate, hardware: dice.roll(4) == 0 ? nil : try Name("board-a"),
      heardAt: dice.roll(4) == 0 ? nil : noon + .minutes(Int64(dice.roll(9_000))), place: place,
      leaseElsewhere: dice.roll(5) == 0 ? try Name("other") : nil)
  }

  static func randomPart(_ dice: inout Dice, in rollout: Rollout) throws -> Action {
    var part = try part(Standing.allCases[dice.roll(Standing.allCases.count)])
    if !rollout.strata.isEmpty, dice.roll(3) > 0 { part.stratum = dice.roll(rollout.strata.count) }
    part.attempt = dice.roll(5) + 1
    part.isSilent = dice.roll(4) == 0
    part.exposedAt = dice.roll(2) == 0 ? noon : nil
    part.provenAt = dice.roll(2) == 0 ? noon : nil
    part.failure = dice.roll(2) == 0 ? nil : Action.Failure(.timeout, "too late")
    part.cancel = dice.roll(4) == 0 ? .requested : .none
    return part
  }
}

/// SplitMix64, to draw states by seed.
struct Dice {
  var state: UInt64

  /// A number from 0 up to, not including, `sides`.
  mutating func roll(_ sides: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int((mixed ^ (mixed >> 31)) % UInt64(sides))
  }
}
