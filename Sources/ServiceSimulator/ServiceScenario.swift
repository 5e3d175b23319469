// ServiceScenario: everything that decides a run of the real service; a seed gives a whole
// scenario.

public import FleetSimulator
public import UpdateModel

/// One run: a fleet, a policy, what devices are like, and what goes wrong around the service.
public struct ServiceScenario: Sendable {
  /// Seed of everything that is drawn during the run.
  public var seed: UInt64
  /// Devices at the start.
  public var deviceCount: Int
  /// How many of them, the first ones, are in the policy's canary group.
  public var canaryCount: Int
  /// All lengths of time are multiplied by this; runs with a large one last for weeks.
  public var scale: Int64
  /// The policy `drawn` that rollouts follow, as JSON.
  public var policy: String
  /// What the devices are like.
  public var traits: FleetTraits
  /// How many of the devices speak the native protocol; the others speak DDI.
  public var native: Share
  /// What goes wrong between devices and service.
  public var network: FaultPlan
  /// What goes wrong around the service.
  public var world: WorldFaults

  /// What devices run at first.
  public static let oldVersion = "1.0"
  /// What the first rollout delivers, and the second.
  public static let newVersions = ["2.0", "3.0"]
  /// Group that goes first.
  public static let canaryGroup = "staging"

  /// The scenario of a seed.
  public static func drawn(seed: UInt64) -> ServiceScenario {
    var random = SeededRandom(seed: seed, stream: 0x7365_7276)
    let deviceCount = random.within(3...20)
    let canaryCount = random.below(2) == 0 ? random.within(1...min(3, deviceCount - 1)) : 0
    // Most runs last for hours, some for days, some for weeks.
    let scale: Int64 = [1, 1, 1, 12, 72][random.below(5)]
    var network = FaultPlan(drawing: &random)
    network.lateness = scaled(network.lateness, scale)
    network.lasting = scaled(.minutes(Int64(random.within(120...300))), scale)
    let policy = drawPolicy(canary: canaryCount > 0, scale: scale, &random)
    let traits = drawTraits(scale: scale, &random)
    let world = WorldFaults(drawing: &random, scale: scale)
    // Mostly a mixed fleet, at times all of one kind.
    let native = share([0, 3000, 5000, 7000, 10_000][random.below(5)])
    return ServiceScenario(
      seed: seed, deviceCount: deviceCount, canaryCount: canaryCount, scale: scale,
      policy: policy, traits: traits, native: native, network: network, world: world)
  }

  /// Whether the device of a number speaks the native protocol.
  func speaksNative(_ number: Int) -> Bool {
    var random = SeededRandom(seed: seed ^ 0x6e61_7469, stream: UInt64(number) &+ 1)
    return random.chance(native)
  }

  static func scaled(_ length: Interval, _ scale: Int64) -> Interval {
    Interval(milliseconds: length.milliseconds * scale)
  }

  private static func drawTraits(scale: Int64, _ random: inout SeededRandom) -> FleetTraits {
    var traits = FleetTraits()
    // A third of the releases is good, a third bad, a third somewhere between.
    switch random.below(3) {
    case 0: break
    case 1: traits.failureRate = share(random.within(2000...8000))
    default: traits.failureRate = share(random.within(1...1000))
    }
    traits.failingVersion = newVersions[random.below(4) == 0 ? 1 : 0]
    traits.bootFailures = share(random.below(2) * 5000)
    traits.silentRate = share(random.below(3) == 0 ? random.within(0...1500) : 0)
    // Who never sees an offer gives no verdict, and no stage can be said to wait for it in vain.
    traits.silences = [.whileInstalling, .afterSuccess]
    traits.versionAware = random.below(4) == 0 ? share(8000) : .whole
    traits.slow = share(random.within(0...3000))
    traits.stubborn = share(random.within(0...5000))
    traits.poll = scaled(.minutes(5), scale)
    traits.download = scaled(.minutes(2), scale)
    traits.install = scaled(.minutes(3), scale)
    traits.reboot = scaled(.minutes(1), scale)
    return traits
  }

  private static func drawPolicy(
    canary: Bool, scale: Int64, _ random: inout SeededRandom
  ) -> String {
    func time(_ minutes: Int) -> String { "\"\(Int64(minutes) * scale)m\"" }
    let patience = #""waitAtMost": \#(time(120))"#
    let signOff = random.below(3) == 0 ? #""signOff": true,"# : ""
    let group =
      canary
      ? #""canary": {"group": "\#(canaryGroup)", \#(signOff) "soak": \#(time(5)),"#
        + #""quorum": "80%", \#(patience)},"# : ""
    let growth = ["1.5", "2", "4"][random.below(3)]
    let start = random.within(1...6)
    let soak = time(random.within(0...10))
    let stages =
      random.below(4) == 0
      ? #"[{"upTo": "20%", "soak": \#(soak), \#(patience)},"#
        + #"{"upTo": "100%", "soak": \#(soak), \#(patience)}]"#
      : #"{"start": \#(start), "growth": \#(growth), "quorum": "80%","#
        + #""soak": \#(soak), \#(patience)}"#
    // A third of the policies decides by evidence, with or without stages as ceilings.
    let evidence = random.below(3) == 0
    let gate =
      #""gate": {"soak": \#(soak), "first": \#(random.within(1...3)), "tolerance": "5%","#
      + #""budget": \#(random.within(1...20)), "watch": \#(time(240)),"#
      + #""verdictWithin": \#(time(120))},"#
    let widening =
      evidence
      ? gate + (random.below(3) == 0 ? #""stages": \#(stages),"# : "") : #""stages": \#(stages),"#
    var limits: [String] = []
    if random.below(2) == 0 { limits.append(#""concurrent": \#(random.within(1...5))"#) }
    if random.below(2) == 0 { limits.append(#""perMinute": \#(random.within(1...3))"#) }
    let minimum = random.within(1...4)
    let attempts = random.within(1...3)
    let onAbort = random.below(4) == 0 ? "stop" : "rollback"
    return #"{"name": "drawn", \#(group) \#(widening)"#
      + #""failureLimit": {"share": "15%", "minimum": \#(minimum)},"#
      + #""limits": {\#(limits.joined(separator: ","))},"#
      + #""timeouts": {"accept": \#(time(15)), "download": \#(time(30)),"#
      + #""install": \#(time(30)), "verify": \#(time(30)), "reboot": \#(time(10))},"#
      + #""retry": {"attempts": \#(attempts), "backoff": \#(time(2)), "maximum": \#(time(10))},"#
      + #""onAbort": "\#(onAbort)"}"#
  }
}

/// What goes wrong around the service, and what people do to it; all of it before the faults end.
public struct WorldFaults: Equatable, Sendable {
  /// Times at which the power fails between two steps of the service.
  public var crashes = 0
  /// Times at which the power fails at some write or sync soon after.
  public var crashesAtWrite = 0
  /// Orderly restarts.
  public var restarts = 0
  /// Longest time until the service is back.
  public var downtime = Interval.zero
  /// Jumps of the service's clock.
  public var clockJumps = 0
  /// Longest jump, forward or back.
  public var clockJump = Interval.zero
  /// Times at which the disk is full or fails.
  public var diskTroubles = 0
  /// Longest time that this lasts.
  public var diskTrouble = Interval.zero
  /// Commands of people beyond the start of the first rollout.
  public var commands = 0
  /// What people order for single devices: twins and commands.
  public var orders = 0
  /// Devices that lose their power while they work.
  public var powerLosses = 0
  /// Devices that are away for a while.
  public var absences = 0
  /// Longest absence.
  public var absence = Interval.zero
  /// Pages in the store's log from which on they are moved.
  public var logPagesDue = 1000

  /// A world in which nothing happens.
  public init() {}

  /// Draws a world; each kind of trouble is missing in some runs, so that a run has a character.
  public init(drawing random: inout SeededRandom, scale: Int64) {
    func times(_ random: inout SeededRandom, _ most: Int) -> Int {
      let isOn = random.below(3) != 0
      let drawn = random.within(1...most)
      return isOn ? drawn : 0
    }
    crashes = times(&random, 2)
    crashesAtWrite = times(&random, 4)
    restarts = times(&random, 1)
    downtime = ServiceScenario.scaled(.seconds([5, 60, 900][random.below(3)]), scale)
    clockJumps = times(&random, 2)
    clockJump = ServiceScenario.scaled(.minutes([1, 20, 90][random.below(3)]), scale)
    diskTroubles = times(&random, 2)
    diskTrouble = ServiceScenario.scaled(.minutes([1, 5, 30][random.below(3)]), scale)
    commands = times(&random, 8)
    powerLosses = times(&random, 4)
    absences = times(&random, 3)
    absence = ServiceScenario.scaled(.minutes([20, 120, 360][random.below(3)]), scale)
    logPagesDue = [20, 100, 1000][random.below(3)]
    orders = times(&random, 24)
  }
}

func share(_ basisPoints: Int) -> Share { Share(basisPoints: basisPoints) ?? .none }
