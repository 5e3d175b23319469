// Scenario: everything that decides a simulated rollout; a seed gives a whole scenario.

public import UpdateModel

/// One simulated rollout of release 2.0 over a fleet that runs 1.0.
public struct Scenario: Sendable {
  /// Seed of everything that is drawn during the run.
  public var seed: UInt64
  /// Devices in all.
  public var fleetSize: Int
  /// Devices in the policy's canary group: the first ones.
  public var canaryCount: Int
  /// The policy the rollout follows.
  public var policy: Policy
  /// What the devices are like.
  public var traits: FleetTraits
  /// What goes wrong on the way.
  public var faults: FaultPlan
  /// Devices are spread over so many sites, which are failure domains; every fifth is at none.
  public var siteCount = 3
  /// Size of the image.
  public var imageBytes: Int64 = 50_000_000
  /// The run ends here at the latest, counted from its start.
  public var horizon: Interval
  /// A bug built into the server model, to see that the invariants find it.
  public var sabotage: Sabotage?

  /// Bugs that can be built in.
  public enum Sabotage: String, Sendable, CaseIterable {
    /// Grants although as many leases as allowed are held.
    case ignoresLimits
    /// Grants although as many devices of a failure domain as allowed hold a lease.
    case ignoresDomains
    /// Grants although the line is full.
    case ignoresBandwidth
    /// Repeats attempts although the budget for them is spent.
    case ignoresRetryBudget
    /// Grants to devices whose stage is closed.
    case ignoresStages
    /// Grants although the rollout is paused or stopped.
    case ignoresStatus
    /// Counts some devices anew when they change, instead of moving them.
    case miscounts
    /// Does not notice that a deadline passed.
    case forgetsDeadlines
    /// Does not bring devices back.
    case neverTurnsBack
  }

  /// What devices run at first.
  public static let oldVersion = "1.0"
  /// What the rollout delivers.
  public static let newVersion = "2.0"

  /// Joins the parts of a scenario.
  public init(
    seed: UInt64, fleetSize: Int, canaryCount: Int, policy: Policy,
    traits: FleetTraits = FleetTraits(), faults: FaultPlan = FaultPlan(),
    horizon: Interval = .days(4)
  ) {
    precondition(fleetSize > 0 && canaryCount <= fleetSize, "canaries are part of the fleet")
    self.seed = seed
    self.fleetSize = fleetSize
    self.canaryCount = policy.canary == nil ? 0 : canaryCount
    self.policy = policy
    self.traits = traits
    self.faults = faults
    self.horizon = horizon
  }

  /// The scenario of a seed: a small fleet, a drawn policy, drawn traits and faults.
  public static func drawn(seed: UInt64) -> Scenario {
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

  private static func drawPolicy(canary: Bool, _ random: inout SeededRandom) -> Policy {
    let growth = ["1.5", "2", "2.5", "4"][random.below(4)]
    let stages =
      random.below(4) == 0
      ? #"[{"upTo": "10%", "soak": "10m", "waitAtMost": "3h"},"#
        + #"{"upTo": "100%", "soak": "5m", "waitAtMost": "3h"}]"#
      : #"{"start": \#(random.within(1...8)), "growth": \#(growth), "quorum": "80%","#
        + #""soak": "\#(random.within(0...20))m", "waitAtMost": "3h"}"#
    return policy(
      #"{"name": "drawn","#
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

  /// Reads a policy that is part of the program.
  public static func policy(_ text: String) -> Policy {
    do {
      return try Policy.read(Array(text.utf8), file: "simulation")
    } catch {
      preconditionFailure("a policy of the simulator is valid: \(error.detail)")
    }
  }

  /// A policy as fleets of hundreds of devices use it: a staging group, then doubling stages from
  /// 2 %, back to the old version after more than 5 % failures.
  public static let standardPolicy = policy(
    #"""
    {
      "name": "standard", "canary": {"group": "staging", "soak": "10m", "waitAtMost": "6h"},
      "stages": {"start": "2%", "growth": 2, "soak": "10m", "waitAtMost": "6h"},
      "failureLimit": {"share": "5%", "minimum": 2},
      "timeouts": {"accept": "15m", "download": "30m", "install": "30m", "verify": "30m",
        "reboot": "10m"},
      "retry": {"attempts": 2, "backoff": "2m", "maximum": "10m"}, "onAbort": "rollback"
    }
    """#)
}
