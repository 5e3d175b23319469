// GateVectorFunctions: the questions that take more than a line to read, `decide` among them.

internal import UpdateModel

extension GateVectors {
  @Sendable static func posteriorAbove(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let (failures, trials) = try input.failures()
    // As much as a prior may be worth, or as little, without overflow further on.
    let prior = 1e-6...1e12
    return try number(
      ExactBinomial.posteriorAbove(
        rate: try input.number("p", in: 0...1), failures: failures, trials: trials,
        a: try input.number("a", in: prior), b: try input.number("b", in: prior)))
  }

  @Sendable static func logCounts(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    try number(
      EValue.logCounts(
        treated: try input.count("treated"), control: try input.count("control"),
        treatedExposure: try input.period("exposureTreated"),
        controlExposure: try input.period("exposureControl"), ratio: try input.period("ratio")))
  }

  @Sendable static func logBounded(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    try number(
      EValue.logBounded(
        try input.numbers("y", in: 0...1), mean: try input.number("m", in: 0...1)))
  }

  @Sendable static func bernoulliCusum(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    var chart = BernoulliCusum(good: try input.rate("p0"), bad: try input.rate("p1"))
    for outcome in try input.numbers("x", in: 0...1) {
      guard outcome == 0 || outcome == 1 else {
        throw GateVectorFault(reason: "x: found \(outcome) where 0 or 1 is expected")
      }
      chart.add(isFailure: outcome == 1)
    }
    return [try number(chart.value), try number(chart.peak)]
  }

  @Sendable static func lostTick(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let tick = HealthyClock.lostTick(
      heard: try input.numbers("heard", in: 0...VectorInput.heardMax),
      lastSeen: try input.count("lastSeen"), threshold: try input.count("threshold"),
      minHeard: try input.number("minHeard", in: 0...VectorInput.heardMax))
    return tick.map { JSON($0) } ?? .null
  }

  @Sendable static func nextSize(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    JSON(
      RateBound.nextSize(
        exposed: try input.count("exposed"), left: try input.count("left"),
        upper: try input.number("upper", in: 0...1), tolerance: try input.number("pTol", in: 0...1),
        budget: try input.number("budget", in: 0...1e12), growth: try input.count("growth"),
        first: try input.count("first")))
  }

  @Sendable static func stageSizes(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let sizes = StageForecast.stageSizes(
      size: try input.count("size"), reach: try input.number("reach", in: 0...1),
      failureRate: try input.number("expect", in: 0...1), parameters: try parameters(input))
    return .array(sizes.map { JSON($0) })
  }

  @Sendable static func predictive95(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let (failures, trials) = try input.failures()
    // One step per device: a second or two for the most.
    let next = try input.count("m", atMost: 100_000_000)
    return JSON(ExactBinomial.predictive95(failures: failures, trials: trials, next: next))
  }

  @Sendable static func coverageTime(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    try number(
      PollArithmetic.coverageTime(
        share: try input.number("q", in: 0...1), poll: try input.period("poll"),
        miss: try input.miss()))
  }

  @Sendable static func retry(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let result = PollArithmetic.retry(
      failure: try input.number("eps", in: 0...1),
      retries: try input.count("retries", atMost: 1000),
      backoff: try input.number("backoff", in: 0...1e12),
      attempt: try input.number("attempt", in: 0...1e12))
    return [try number(result.success), try number(result.extra)]
  }

  // MARK: decide

  @Sendable static func decide(_ input: VectorInput) throws(GateVectorFault) -> JSON {
    let control = try input.object("control")
    let step = try input.object("step")
    let devices = try control.count("n")
    let decision = EvidenceGate.decide(
      strata: try strata(input),
      control: ControlCounts(
        devices: devices, lost: try control.count("lost", atMost: devices),
        heard: try control.number("heard", in: 0...VectorInput.heardMax)),
      step: StepCounts(
        verdictsIn: try step.flag("verdictsIn"), previous: try step.count("previous"),
        stall: try step.count("stall")),
      parameters: try parameters(input))
    let hasSizes = decision.verdict == .advance || decision.verdict == .hold
    return .members([
      "decision": .string(decision.verdict.rawValue),
      "quarantine": decision.verdict == .quarantine
        ? .array(decision.quarantine.map { .string($0) }) : nil,
      "sizes": hasSizes
        ? .object(decision.sizes.map { JSON.Member($0.id, JSON($0.count)) }) : nil,
      "stall": hasSizes ? JSON(decision.stall) : nil,
    ])
  }

  private static func strata(_ input: VectorInput) throws(GateVectorFault) -> [StratumCounts] {
    var strata: [StratumCounts] = []
    var seen: Set<String> = []
    for counts in try input.objects("strata", atMost: 1000) {
      let size = try counts.count("size")
      let exposed = try counts.count("exposed", atMost: size)
      let reported = try counts.count("reported", atMost: exposed)
      let stratum = StratumCounts(
        id: try counts.text("id"), size: size, left: try counts.count("left", atMost: size),
        exposed: exposed, matured: try counts.count("matured", atMost: exposed),
        reported: reported, lost: try counts.count("lost", atMost: exposed - reported),
        isQuarantined: try counts.flag("quarantined", default: false))
      guard seen.insert(stratum.id).inserted else {
        throw GateVectorFault(reason: "\(counts.path("id")): two strata have the same id")
      }
      strata.append(stratum)
    }
    guard !strata.isEmpty else {
      throw GateVectorFault(reason: "strata: there is none; give at least one")
    }
    return strata
  }

  /// The recommended settings, with those replaced that `params` names.
  private static func parameters(_ input: VectorInput) throws(GateVectorFault) -> GateParameters {
    var parameters = GateParameters()
    guard input.has("params") else { return parameters }
    let given = try input.object("params")
    for name in given.names {
      switch name {
      case "pTol": parameters.tolerance = try given.rate(name)
      case "alphaAbort": parameters.alphaAbort = try given.rate(name)
      case "alphaAdv": parameters.alphaAdvance = try given.rate(name)
      case "budget": parameters.budget = try given.number(name, in: 0...1e12)
      case "growth": parameters.growth = try given.count(name)
      case "first": parameters.first = try given.count(name, atMost: 1_000_000_000)
      case "minHeard": parameters.minHeard = try given.number(name, in: 0...VectorInput.heardMax)
      case "stallLimit": parameters.stallLimit = try given.count(name)
      case "stallFactor": parameters.stallFactor = try given.number(name, in: 0...1e12)
      case "attribution": parameters.attribution = try given.period(name)
      case "quarantineLimit": parameters.quarantineLimit = try given.count(name)
      case "quarantineShare": parameters.quarantineShare = try given.number(name, in: 0...1e12)
      case "noControlLoss": parameters.lossWithoutControl = try given.number(name, in: 0...1)
      default:
        throw GateVectorFault(reason: "\(given.path(name)): there is no such parameter")
      }
    }
    return parameters
  }
}
