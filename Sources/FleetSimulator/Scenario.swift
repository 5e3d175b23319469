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
  /// The hardware models of the fleet; with evidence, each is a stratum.
  public var models = [HardwareModel(name: "model-a", weight: 1)]
  /// Devices that register after the start of the rollout.
  public var newcomers: Newcomers?
  /// How the state of devices changes, where the policy asks for it; nil where it does not.
  public var moods: Moods?
  /// What a person does about a rollout that needs one.
  public var person = Person()
  /// Size of the image.
  public var imageBytes: Int64 = 50_000_000
  /// The run ends here at the latest, counted from its start.
  public var horizon: Interval
  /// A bug built into the server model, to see that the invariants find it.
  public var sabotage: Sabotage?

  /// Whether the release works everywhere, nobody goes away, and what is said arrives, apart from
  /// an outage of the server's network: then nothing may ever stop it.
  public var isHealthy: Bool {
    traits.failureRate == .none && traits.lateFailures == .none && traits.silentRate == .none
      && traits.versionAware == .whole && faults.absent == .none && faults.lostReports == .none
      && faults.lateReports == .none && faults.corruptDownloads == .none
      && models.allSatisfy { $0.fault == nil }
  }

  /// How often the server looks at what time alone changes.
  var lookPause: Interval { Interval(milliseconds: traits.poll.milliseconds * 2 / 5) }

  /// What the devices of one hardware model are like.
  func traits(of model: Int) -> FleetTraits {
    var own = traits
    switch models[model].fault {
    case nil: break
    case .fails:
      own.failureRate = .whole
      own.failingVersion = Scenario.newVersion
    case .bricks:
      own.silentRate = .whole
      own.silences = [.whileInstalling, .afterSuccess]
      own.failingVersion = Scenario.newVersion
      own.failureRate = .none
    case .failsLate:
      own.lateFailures = .whole
      own.failingVersion = Scenario.newVersion
      own.failureRate = .none
    }
    return own
  }

  /// The hardware model of each device, drawn by weight; newcomers come last.
  func drawModels() -> [Int] {
    let count = fleetSize + (newcomers?.count ?? 0)
    let known = models.indices.filter { models[$0].weight > 0 }
    let total = known.reduce(0) { $0 + models[$1].weight }
    return (0..<count).map { number in
      var random = SeededRandom(seed: seed ^ 0x6d6f_6465_6c, stream: UInt64(number) &+ 1)
      var drawn = random.below(total)
      // Every other newcomer is of the kind that nobody knows, if there is one.
      if number >= fleetSize, models.count > known.count, number.isMultiple(of: 2) {
        return models.count - 1
      }
      for index in known {
        drawn -= models[index].weight
        if drawn < 0 { return index }
      }
      return 0
    }
  }

  /// A hardware model of the fleet.
  public struct HardwareModel: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// How often it is drawn, against the others; 0 for one that only newcomers have.
    public var weight: Int
    /// What the release does to all devices of it; nil when they are like the others.
    public var fault: Fault?

    /// What a release can do to a model.
    public enum Fault: String, Sendable, CaseIterable {
      /// It cannot be installed.
      case fails
      /// Devices are not heard again once they installed it.
      case bricks
      /// Devices run it for some hours and then fall back.
      case failsLate
    }

    /// Describes a model.
    public init(name: String, weight: Int, fault: Fault? = nil) {
      self.name = name
      self.weight = weight
      self.fault = fault
    }
  }

  /// Devices that register while the rollout is under way.
  public struct Newcomers: Equatable, Sendable {
    /// How many.
    public var count: Int
    /// They come within this time from the start.
    public var within: Interval

    /// Describes them.
    public init(count: Int, within: Interval) {
      self.count = count
      self.within = within
    }
  }

  /// A person who looks after the rollout now and then.
  public struct Person: Equatable, Sendable {
    /// How often the person acts before the rollout is left to itself.
    public var acts = 0
    /// How long a rollout waits for the person each time.
    public var delay = Interval.minutes(40)
    /// Whether the person lets quarantined models take part again.
    public var liftsQuarantine = false

    /// Nobody looks.
    public init() {}
  }

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
    /// Grants to more devices of a stratum than are open.
    case ignoresPlaces
    /// Grants to strata that are quarantined.
    case ignoresQuarantine
    /// Takes the silence of all for the silence of each.
    case ignoresOutages
    /// Never notices that a device fell silent.
    case ignoresSilence
    /// Leaves some devices out when it counts what they say about the release.
    case miscountsEvidence
    /// Brings back any number at the same time.
    case ignoresReturnGate
    /// Does not bring devices back.
    case neverTurnsBack
    /// Grants although the state of the device forbids it.
    case ignoresConditions
    /// Lets devices install that have the image and may not.
    case ignoresPermission
    /// Leaves the lease to devices that are held back.
    case keepsSlots
    /// Lets devices put their update off for ever.
    case forgetsPutOff

    /// Whether it shows only where conditions are asked.
    public var isAboutConditions: Bool {
      switch self {
      case .ignoresConditions, .ignoresPermission, .keepsSlots, .forgetsPutOff: true
      default: false
      }
    }
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
