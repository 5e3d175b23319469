// DrawScenario: a seed to a whole scenario: the fleet, its policy, and what goes wrong.

import UpdateModel

extension Scenario {
  /// The scenario of a seed: in half of them stages are planned, in the others the evidence opens
  /// each step; outages, absences, newcomers and models that the release breaks are drawn for both.
  public static func drawn(seed: UInt64) -> Scenario {
    // A sequence of its own, so that the planned scenario of a seed stays what it was.
    var random = SeededRandom(seed: seed, stream: 0x6576_6964)
    var scenario = random.below(2) == 0 ? planned(seed: seed) : evidence(seed: seed, &random)
    scenario.drawTrouble(&random)
    return scenario
  }

  /// The scenario of a seed with a policy that asks for the state of devices, whose users use them,
  /// run their batteries down and say "not now".
  public static func heldBack(seed: UInt64) -> Scenario {
    var scenario = drawn(seed: seed)
    var random = SeededRandom(seed: seed, stream: 0x6865_6c64)
    var moods = Moods()
    moods.sparesUsers = random.below(4) != 0
    let terms = Policy.Postponing.Consequence.allCases
    let postpone =
      #"{"atMost": "\#(random.within(20...240))m", "then": "\#(terms[random.below(4)].rawValue)""#
      + (random.below(2) == 0 ? #", "times": \#(random.within(1...4))}"# : "}")
    let more = #""conditions": \#(moods.conditions), "postpone": \#(postpone)"#
    let canary = scenario.canaryCount > 0
    scenario.policy =
      scenario.policy.evidence == nil
      ? drawPolicy(canary: canary, more: more, &random)
      : drawEvidencePolicy(canary: canary, poll: scenario.traits.poll, more: more, &random)
    scenario.moods = moods
    scenario.horizon = .days(10)
    return scenario
  }

  /// A small fleet of one model, drawn stages, traits and faults of messages.
  public static func planned(seed: UInt64) -> Scenario {
    var random = SeededRandom(seed: seed, stream: 0x7363_656e)
    let fleetSize = random.within(3...40)
    let canaryCount = random.below(2) == 0 ? random.within(1...min(4, fleetSize)) : 0
    var traits = FleetTraits()
    // A third of the releases is good, a third bad, a third somewhere between.
    switch random.below(3) {
    case 0: break
    case 1: traits.failureRate = Share(basisPoints: random.within(2000...8000)) ?? .none
    default: traits.failureRate = Share(basisPoints: random.within(1...1000)) ?? .none
    }
    traits.failingVersion = newVersion
    traits.bootFailures = Share(basisPoints: random.below(2) * 5000) ?? .none
    traits.silentRate = Share(basisPoints: random.below(2) * random.within(0...1000)) ?? .none
    traits.silences = [.whileInstalling, .afterSuccess]
    traits.versionAware = random.below(4) == 0 ? Share(basisPoints: 8000) ?? .whole : .whole
    traits.slow = Share(basisPoints: random.within(0...3000)) ?? .none
    traits.stubborn = Share(basisPoints: random.within(0...5000)) ?? .none
    let policy = drawPolicy(canary: canaryCount > 0, &random)
    return Scenario(
      seed: seed, fleetSize: fleetSize, canaryCount: canaryCount, policy: policy, traits: traits,
      faults: FaultPlan(drawing: &random))
  }

  // Fleets are larger here, because evidence needs devices, and poll more seldom.
  private static func evidence(seed: UInt64, _ random: inout SeededRandom) -> Scenario {
    var scenario = planned(seed: seed)
    scenario.fleetSize = random.within(12...70)
    scenario.canaryCount =
      random.below(3) == 0 ? random.within(1...min(4, scenario.fleetSize - 1)) : 0
    scenario.traits.poll = .minutes(Int64([10, 15, 30][random.below(3)]))
    // Half of the releases are good here: what must not be stopped matters as much.
    if random.below(3) == 0 {
      scenario.traits.failureRate = .none
      scenario.traits.silentRate = .none
    }
    // Devices that cannot say what they run leave much open; most fleets have none.
    if random.below(2) == 0 { scenario.traits.versionAware = .whole }
    let count = random.within(1...3)
    scenario.models = (0..<count).map { number in
      HardwareModel(name: "model-\(["a", "b", "c"][number])", weight: random.within(1...4))
    }
    if count > 1 {
      // Two in five releases break one model alone.
      let faults = HardwareModel.Fault.allCases
      let drawn = random.below(faults.count * 5 / 2)
      if drawn < faults.count { scenario.models[count - 1].fault = faults[drawn] }
    }
    scenario.policy = drawEvidencePolicy(
      canary: scenario.canaryCount > 0, poll: scenario.traits.poll, &random)
    scenario.horizon = .days(10)
    return scenario
  }

  private mutating func drawTrouble(_ random: inout SeededRandom) {
    let isByEvidence = policy.evidence != nil
    if random.below(isByEvidence ? 2 : 6) == 0 {
      faults.outageAfter = .minutes(Int64(random.within(10...400)))
      faults.outageLength = .minutes(Int64(random.within(5...300)))
    }
    if isByEvidence, random.below(6) == 0 {
      faults.absent = Share(basisPoints: random.within(300...2000)) ?? .none
    }
    if random.below(8) == 0 {
      traits.failingVersion = Scenario.newVersion
      traits.lateFailures = Share(basisPoints: random.within(100...4000)) ?? .none
    }
    if random.below(4) == 0 {
      newcomers = Newcomers(
        count: random.within(1...6), within: .hours(Int64(random.within(1...12))))
      if random.below(2) == 0 {
        models.append(HardwareModel(name: "model-n", weight: 0))
      }
    }
    if random.below(2) == 0 {
      person.acts = random.within(1...8)
      person.liftsQuarantine = random.below(3) == 0
    }
  }

  static func drawPolicy(
    canary: Bool, more: String? = nil, _ random: inout SeededRandom
  ) -> Policy {
    let growth = ["1.5", "2", "2.5", "4"][random.below(4)]
    let stages =
      random.below(4) == 0
      ? #"[{"upTo": "10%", "soak": "10m", "waitAtMost": "3h"},"#
        + #"{"upTo": "100%", "soak": "5m", "waitAtMost": "3h"}]"#
      : #"{"start": \#(random.within(1...8)), "growth": \#(growth), "quorum": "80%","#
        + #""soak": "\#(random.within(0...20))m", "waitAtMost": "3h"}"#
    return policy(
      #"{"name": "drawn","# + (more.map { "\($0)," } ?? "")
        + (canary
          ? #""canary": {"group": "staging", "soak": "10m", "quorum": "80%","#
            + #""waitAtMost": "3h"},"# : "")
        + #""stages": \#(stages), "failureLimit": {"share": "15%", "minimum": "#
        + #"\#(random.within(1...4))}, "limits": \#(drawLimits(&random)),"#
        + #""timeouts": {"accept": "15m", "download": "30m", "install": "30m","#
        + #""verify": "30m", "reboot": "10m"}, "retry": "#
        + #"\#(drawRetry(&random)),"#
        + #""onAbort": "\#(random.below(4) == 0 ? "stop" : "rollback")"}"#)
  }
}
