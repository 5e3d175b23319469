// EvidenceGateTests: each rule of the gate, just inside and just outside, and their order.

import RolloutEngine
import Testing

@Suite struct EvidenceGateTests {
  private func stratum(
    _ id: String, _ size: Int = 10_000, exposed: Int = 5, reported: Int = 0, lost: Int = 0,
    open: Int = 0, isQuarantined: Bool = false
  ) -> StratumCounts {
    StratumCounts(
      id: id, size: size, left: size - exposed, exposed: exposed,
      matured: exposed - reported - lost - open, reported: reported, lost: lost,
      isQuarantined: isQuarantined)
  }

  private func decide(
    _ strata: [StratumCounts], heard: Double = 0.99, verdictsIn: Bool = true, previous: Int = 5,
    stall: Int = 0, controlDevices: Int = 50_000,
    _ change: (inout GateParameters) -> Void = { _ in }
  ) -> GateDecision {
    var parameters = GateParameters()
    change(&parameters)
    return EvidenceGate.decide(
      strata: strata,
      control: ControlCounts(
        devices: controlDevices, lost: controlDevices * 35 / 10_000, heard: heard),
      step: StepCounts(verdictsIn: verdictsIn, previous: previous, stall: stall),
      parameters: parameters)
  }

  @Test func `a model that is bricked is taken out and the others go on`() {
    let decision = decide([stratum("A"), stratum("B"), stratum("C", 200, lost: 5)])
    #expect(decision.verdict == .quarantine)
    #expect(decision.quarantine == ["C"])
    #expect(decision.logE[2] >= decision.stratumThreshold)
    let gone = stratum("C", 200, lost: 5, isQuarantined: true)
    let rest = decide([stratum("A"), stratum("B"), gone])
    #expect(rest.verdict == .advance)
    #expect(rest.sizes.map(\.id) == ["A", "B"])
    #expect(rest.upper[2] == 1)
  }

  @Test func `a second bad model stops the whole rollout`() {
    let strata = [
      stratum("A"), stratum("B", 200, lost: 5, isQuarantined: true), stratum("C", 200, lost: 5),
    ]
    let decision = decide(strata)
    #expect(decision.verdict == .abort)
    #expect(decision.quarantine == ["C"])
    #expect(decide(strata) { $0.quarantineLimit = 3 }.verdict == .quarantine)
  }

  @Test func `a bad model with half of the devices stops the whole rollout`() {
    #expect(decide([stratum("A", 10_000, lost: 5), stratum("B", 10_000)]).verdict == .abort)
    #expect(decide([stratum("A", 9999, lost: 5), stratum("B", 10_000)]).verdict == .quarantine)
  }

  @Test func `evidence that no single model explains stops the whole rollout`() {
    // Three failures of a hundred are not enough against one model, but against all together.
    let strata = (1...4).map { stratum("\($0)", exposed: 100, reported: 3) }
    let decision = decide(strata)
    #expect(decision.logE.allSatisfy { $0 < decision.stratumThreshold })
    #expect(decision.logEAll >= decision.abortThreshold)
    #expect(decision.verdict == .abort)
    #expect(decision.quarantine.isEmpty)
  }

  @Test func `the worst model is blamed when it alone explains the evidence`() {
    func strata(otherFailures: Int) -> [StratumCounts] {
      [
        stratum("A", reported: otherFailures), stratum("B"), stratum("C"),
        stratum("D", exposed: 100, reported: 5),
      ]
    }
    let alone = decide(strata(otherFailures: 0))
    #expect(alone.logE.allSatisfy { $0 < alone.stratumThreshold })
    #expect(alone.logEAll >= alone.abortThreshold)
    #expect(alone.verdict == .quarantine)
    #expect(alone.quarantine == ["D"])
    // Another model failed as well, so it is not the model.
    let shared = decide(strata(otherFailures: 1))
    #expect(shared.logE.allSatisfy { $0 < shared.stratumThreshold })
    #expect(shared.verdict == .abort)
    // Blame needs evidence of its own: ln 100 is more than what there is.
    #expect(decide(strata(otherFailures: 0)) { $0.attribution = 100 }.verdict == .abort)
  }

  @Test func `silence means nothing while the control is silent too, but reports still do`() {
    let silent = [stratum("A", exposed: 500, lost: 400)]
    #expect(decide(silent, heard: 0.7).verdict == .abort)
    let frozen = decide(silent, heard: 0.69)
    #expect(frozen.verdict == .pause)
    #expect(frozen.sizes.isEmpty)
    #expect(decide([stratum("A", exposed: 500, reported: 100)], heard: 0).verdict == .abort)
  }

  @Test func `silence that the control shows too is no evidence`() {
    let strata = [stratum("A", exposed: 1000, lost: 60)]
    func verdict(_ lostControl: Int) -> GateDecision.Verdict {
      EvidenceGate.decide(
        strata: strata, control: ControlCounts(devices: 1000, lost: lostControl, heard: 1),
        step: StepCounts(verdictsIn: true, previous: 5, stall: 0), parameters: GateParameters()
      ).verdict
    }
    #expect(verdict(0) == .abort)
    #expect(verdict(60) == .advance)
  }

  @Test func `without a control some loss is assumed`() {
    let decision = decide([stratum("A")], controlDevices: 0)
    #expect(decision.lossEstimate == 0)
    #expect(decision.lossUpper == 0.02)
  }

  @Test func `open verdicts keep a step from widening and failures end the wait`() {
    #expect(decide([stratum("A", open: 3)], verdictsIn: false).verdict == .wait)
    #expect(decide([stratum("A", reported: 2)], verdictsIn: false).verdict == .abort)
    #expect(decide([stratum("A", reported: 1)], verdictsIn: false).verdict == .wait)
  }

  @Test func `a rollout completes when nobody is left and late failures still stop it`() {
    let done = StratumCounts(
      id: "A", size: 1000, left: 0, exposed: 950, matured: 950, reported: 0, lost: 0)
    #expect(decide([done]).verdict == .complete)
    var late = done
    late.reported = 50
    late.matured = 900
    #expect(decide([late]).verdict == .abort)
  }

  @Test func `the first step has a few devices of each model, whatever their number`() {
    let strata =
      (1...30).map { stratum("\($0)", 10_000, exposed: 0) } + [stratum("small", 2, exposed: 0)]
    let decision = decide(strata, previous: 0)
    #expect(decision.verdict == .advance)
    #expect(decision.sizes.map(\.count) == [Int](repeating: 5, count: 30) + [2])
  }

  @Test func `a model that is seen for the first time begins small however far the others are`() {
    let far = stratum("far", 1_000_000, exposed: 100_000, reported: 50)
    let decision = decide([far, stratum("new", 1000, exposed: 0)], previous: 50_000)
    #expect(decision.verdict == .advance)
    #expect(decision.sizes.last?.count == 5)
    #expect((decision.sizes.first?.count ?? 0) > 100_000)
  }

  @Test func `the third step in a row that does not grow is held for a person`() {
    let strata = [stratum("A", 100_000, exposed: 6650, reported: 45, lost: 15)]
    func decision(stall: Int, previous: Int = 2400) -> GateDecision {
      decide(strata, previous: previous, stall: stall)
    }
    let size = decision(stall: 0).sizes[0].count
    #expect(decision(stall: 1).verdict == .advance)
    #expect(decision(stall: 2).verdict == .hold)
    #expect(decision(stall: 2).stall == 3)
    // A step that is half as large again has grown.
    let enough = Int(Double(size) / 1.5)
    #expect(decision(stall: 2, previous: enough).verdict == .advance)
    #expect(decision(stall: 2, previous: enough).stall == 0)
    #expect(decision(stall: 2, previous: enough + 1).verdict == .hold)
  }

  @Test(arguments: [(100, 10.0), (1000, 10), (1100, 11), (2500, 25), (3100, 30), (10, 10)])
  func `a small fleet risks fewer failures in a step`(devices: Int, budget: Double) {
    #expect(EvidenceGate.budget(devices: devices, parameters: GateParameters()) == budget)
    let decision = decide([stratum("A", devices)])
    #expect(decision.budget == budget)
  }

  @Test func `no step of one model risks more than the budget as long as the bound holds`() {
    for failures in 0...3 {
      for exposed in [5, 50, 500, 5000] {
        let decision = decide([stratum("A", 10_000_000, exposed: exposed, reported: failures)])
        guard decision.verdict == .advance, let size = decision.sizes.first?.count else { continue }
        #expect(Double(size) * decision.upper[0] <= 30 || decision.upper[0] <= 0.005)
      }
    }
  }
}
