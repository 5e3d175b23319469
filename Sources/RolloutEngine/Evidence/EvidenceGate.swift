// EvidenceGate: counts to the decision of a rollout: stop, take a model out, wait, hold or widen.
//
// In this order: evidence against strata and against the whole (always looked at, so that late
// failures count), silence of the control, open verdicts, completion, sizes of the next step.
// Not responsible for: what counts as lost or matured (the caller and `HealthyClock`), and for
// bringing devices back.

internal import Glibc

/// The gate of a rollout: may it widen, by how much, or must it stop?
public enum EvidenceGate {
  /// Decides for the present counts. Safe to ask at any time and as often as one likes.
  public static func decide(
    strata: [StratumCounts], control: ControlCounts, step: StepCounts, parameters: GateParameters
  ) -> GateDecision {
    let evidence = Evidence(control: control, parameters: parameters)
    var live = strata.indices.filter { !strata[$0].isQuarantined }
    var decision = start(strata, live: live, stall: step.stall, evidence, parameters)

    while !live.isEmpty {
      let bad = blamed(strata, live: live, decision, evidence, parameters)
      if bad.isEmpty {
        guard evidence.logE(live.map { strata[$0] }) >= decision.abortThreshold else { break }
        decision.verdict = .abort
        return decision
      }
      decision.quarantine += bad.map { strata[$0].id }
      live.removeAll(where: bad.contains)
    }
    if !decision.quarantine.isEmpty {
      decision.verdict = isTooMuch(strata, live: live, parameters) ? .abort : .quarantine
      return decision
    }
    if evidence.isFrozen {
      decision.verdict = .pause
    } else if !step.verdictsIn {
      decision.verdict = .wait
    } else if live.allSatisfy({ strata[$0].left == 0 }) {
      decision.verdict = .complete
    } else {
      widen(&decision, strata, step: step, parameters)
    }
    return decision
  }

  /// The most failures that may be expected in one step: the budget, but in a fleet of less than
  /// 100 times that only one in a hundred devices, and never less than 10.
  public static func budget(devices: Int, parameters: GateParameters) -> Double {
    min(parameters.budget, max(10, 0.01 * Double(devices)))
  }

  /// How many devices of each stratum the next step has, and the bounds that say so.
  ///
  /// - Parameters:
  ///   - strata: All of them; quarantined ones get no size.
  ///   - lossEstimate: The ordinary loss, which is taken off each bound.
  ///   - budget: Failures to be expected in the step at most.
  ///   - parameters: The settings of the gate.
  /// - Returns: Sizes of strata that are not quarantined; bounds of all strata and of the whole.
  static func nextStep(
    _ strata: [StratumCounts], lossEstimate: Double, budget: Double, parameters: GateParameters
  ) -> (sizes: [GateDecision.StratumSize], upper: [Double], upperAll: Double) {
    func size(_ counts: [StratumCounts], _ upper: Double) -> Int {
      RateBound.nextSize(
        exposed: counts.sum(\.exposed), left: counts.sum(\.left), upper: upper,
        tolerance: parameters.tolerance, budget: budget, growth: parameters.growth,
        first: parameters.first)
    }
    func bound(_ counts: [StratumCounts]) -> Double {
      upperBound(counts, lossEstimate: lossEstimate, alpha: parameters.alphaAdvance)
    }
    let live = strata.filter { !$0.isQuarantined }
    let upper = strata.map { $0.isQuarantined ? 1 : bound([$0]) }
    let upperAll = bound(live)
    // Nobody is exposed: each stratum has its first step, also those that were taken out.
    let cap =
      live.sum(\.exposed) == 0 ? parameters.first * strata.count : size(live, upperAll)
    let wanted = zip(strata, upper).filter { !$0.0.isQuarantined }.map { counts, upper in
      GateDecision.StratumSize(id: counts.id, count: size([counts], upper))
    }
    let total = wanted.sum(\.count)
    guard total > cap else { return (wanted, upper, upperAll) }
    let scaled = wanted.map { wish in
      GateDecision.StratumSize(
        id: wish.id, count: wish.count > 0 ? max(1, share(wish.count, cap, of: total)) : 0)
    }
    return (scaled, upper, upperAll)
  }

  private static func start(
    _ strata: [StratumCounts], live: [Int], stall: Int, _ evidence: Evidence,
    _ parameters: GateParameters
  ) -> GateDecision {
    // One half of alpha for the whole, the other split over the strata; a single one has it all.
    let isSingle = strata.count == 1
    let alpha = parameters.alphaAbort
    let perStratum = isSingle ? alpha : alpha / (2 * Double(max(1, strata.count)))
    return GateDecision(
      verdict: .wait, stall: stall,
      budget: budget(devices: strata.sum(\.size), parameters: parameters),
      logE: strata.map { evidence.logE([$0]) }, logEAll: evidence.logE(live.map { strata[$0] }),
      lossUpper: evidence.lossUpper, lossEstimate: evidence.lossEstimate,
      abortThreshold: EValue.threshold(alpha: isSingle ? alpha : alpha / 2),
      stratumThreshold: EValue.threshold(alpha: perStratum))
  }

  /// Strata with evidence of their own; or the worst one, if it alone explains that of the whole.
  private static func blamed(
    _ strata: [StratumCounts], live: [Int], _ decision: GateDecision, _ evidence: Evidence,
    _ parameters: GateParameters
  ) -> [Int] {
    guard strata.count > 1 else { return [] }
    let bad = live.filter { decision.logE[$0] >= decision.stratumThreshold }
    guard bad.isEmpty, evidence.logE(live.map { strata[$0] }) >= decision.abortThreshold else {
      return bad
    }
    var worst = live[0]
    for index in live where decision.logE[index] > decision.logE[worst] { worst = index }
    let rest = live.filter { $0 != worst }
    let isAlone =
      !rest.isEmpty && decision.logE[worst] >= log(parameters.attribution)
      && evidence.logE(rest.map { strata[$0] }) < 0
    return isAlone ? [worst] : []
  }

  private static func isTooMuch(
    _ strata: [StratumCounts], live: [Int], _ parameters: GateParameters
  ) -> Bool {
    let gone = strata.indices.filter { !live.contains($0) }
    let devices = gone.map { strata[$0] }.sum(\.size)
    let share = Double(devices) / Double(max(1, strata.sum(\.size)))
    return gone.count >= parameters.quarantineLimit || share >= parameters.quarantineShare
  }

  private static func widen(
    _ decision: inout GateDecision, _ strata: [StratumCounts], step: StepCounts,
    _ parameters: GateParameters
  ) {
    let next = nextStep(
      strata, lossEstimate: decision.lossEstimate, budget: decision.budget, parameters: parameters)
    decision.sizes = next.sizes
    decision.upper = next.upper
    decision.upperAll = next.upperAll
    let total = next.sizes.sum(\.count)
    let left = strata.filter { !$0.isQuarantined }.sum(\.left)
    let grows = Double(total) >= parameters.stallFactor * Double(step.previous) || total >= left
    decision.stall = grows ? 0 : step.stall + 1
    let isHeld = total == 0 || decision.stall >= parameters.stallLimit
    decision.verdict = isHeld ? .hold : .advance
  }

  private static func upperBound(
    _ strata: [StratumCounts], lossEstimate: Double, alpha: Double
  ) -> Double {
    let failures = strata.sum { $0.reported + $0.lost }
    let trials = failures + strata.sum(\.matured)
    guard trials > 0 else { return 1 }
    return max(
      0, RateBound.upper(failures: failures, trials: trials, alpha: alpha) - lossEstimate)
  }

  /// `count * cap / total`, rounded down, where the product may be too large for 64 bits.
  private static func share(_ count: Int, _ cap: Int, of total: Int) -> Int {
    total.dividingFullWidth(count.multipliedFullWidth(by: cap)).quotient
  }
}

/// How counts become evidence, given what the control shows about ordinary silence.
private struct Evidence {
  let lossEstimate: Double
  let lossUpper: Double
  /// Whether the control is silent too, so that silence says nothing.
  let isFrozen: Bool
  private let tolerance: Double
  /// What reports and silence together may be without blame.
  private let toleranceWithLoss: Double

  init(control: ControlCounts, parameters: GateParameters) {
    lossEstimate = control.lossEstimate
    if control.devices > 0 {
      lossUpper = ExactBinomial.clopperPearsonUpper(
        failures: control.lost, trials: control.devices, confidence: 0.95)
    } else {
      lossUpper = parameters.lossWithoutControl
    }
    isFrozen = control.heard < parameters.minHeard
    tolerance = parameters.tolerance
    toleranceWithLoss = min(parameters.tolerance + lossUpper, 0.999)
  }

  func logE(_ strata: [StratumCounts]) -> Double {
    let exposed = strata.sum(\.exposed)
    guard exposed > 0 else { return 0 }
    let reported = strata.sum(\.reported)
    let byReports = EValue.logAbort(failures: reported, trials: exposed, tolerance: tolerance)
    if isFrozen { return byReports }
    let bySilence = EValue.logAbort(
      failures: reported + strata.sum(\.lost), trials: exposed, tolerance: toleranceWithLoss)
    return EValue.logMean(byReports, bySilence)
  }
}

extension Array {
  fileprivate func sum(_ count: (Element) -> Int) -> Int { reduce(0) { $0 + count($1) } }
}
