// GateParameters: what the gate is given: its settings, and counts of strata, control and step.

/// The settings of the gate; the defaults are the recommended ones.
public struct GateParameters: Equatable, Sendable {
  /// The failure rate that is tolerated; above 0 and below 1.
  public var tolerance = 0.005
  /// The chance of ever stopping a release whose failure rate is tolerated; above 0, below 1.
  public var alphaAbort = 0.05
  /// The chance that an upper bound is ever too low; above 0, below 1.
  public var alphaAdvance = 0.05
  /// Failures that may be expected in one step at most; small fleets have less. Above 0.
  public var budget = 30.0
  /// New devices per exposed device in one step at most; 1 or more.
  public var growth = 10
  /// Devices of the first step of each stratum; 1 or more.
  public var first = 5
  /// The share of the control that must be heard for silence to mean anything; 0 to 1.
  public var minHeard = 0.7
  /// A person decides after so many steps in a row that do not grow; 1 or more.
  public var stallLimit = 3
  /// A step grows when it is this many times the one before; 0 or more.
  public var stallFactor = 1.5
  /// The e-value at which the worst stratum is blamed for what the whole shows; 1 or more.
  public var attribution = 20.0
  /// So many quarantined strata stop the whole rollout; 1 or more.
  public var quarantineLimit = 2
  /// Quarantined strata with this share of the devices stop the whole rollout; above 0, to 1.
  public var quarantineShare = 0.5
  /// The ordinary loss that is assumed when no control device exists; 0 to 1.
  public var lossWithoutControl = 0.02

  /// The recommended settings.
  public init() {}
}

/// The counts of one stratum: devices of one hardware model and revision.
public struct StratumCounts: Equatable, Sendable {
  /// Names the stratum; unique among the strata of a rollout.
  public var id: String
  /// All devices of it that fit the rollout.
  public var size: Int
  /// Devices that were not offered the release yet.
  public var left: Int
  /// Devices that began to install.
  public var exposed: Int
  /// Exposed devices that run the release in good health for the soak time.
  public var matured: Int
  /// Exposed devices that reported a failure, at any time.
  public var reported: Int
  /// Exposed devices that have been silent for too long on the healthy clock, without a report.
  public var lost: Int
  /// Whether it has been taken out of the rollout.
  public var isQuarantined: Bool

  /// Joins the counts; none is negative, and reported and lost devices are exposed ones.
  public init(
    id: String, size: Int, left: Int, exposed: Int, matured: Int, reported: Int, lost: Int,
    isQuarantined: Bool = false
  ) {
    self.id = id
    self.size = size
    self.left = left
    self.exposed = exposed
    self.matured = matured
    self.reported = reported
    self.lost = lost
    self.isQuarantined = isQuarantined
  }
}

/// The counts of the control: devices that have not been offered the release.
public struct ControlCounts: Equatable, Sendable {
  /// How many there are.
  public var devices: Int
  /// How many of them have been silent for too long, by the rule that exposed devices have.
  public var lost: Int
  /// The share that was heard lately, compared with what is normal; 0 or more.
  public var heard: Double

  /// Joins the counts.
  public init(devices: Int, lost: Int, heard: Double) {
    self.devices = devices
    self.lost = lost
    self.heard = heard
  }

  /// The share that is lost without the release; 0 where there is nobody.
  var lossEstimate: Double { devices > 0 ? Double(lost) / Double(devices) : 0 }
}

/// What the gate knows about the open step.
public struct StepCounts: Equatable, Sendable {
  /// Whether every exposed device has its verdict, or the deadline of the step has passed.
  public var verdictsIn: Bool
  /// How many devices the open step has.
  public var previous: Int
  /// How many steps in a row did not grow.
  public var stall: Int

  /// Joins the facts.
  public init(verdictsIn: Bool, previous: Int, stall: Int) {
    self.verdictsIn = verdictsIn
    self.previous = previous
    self.stall = stall
  }
}
