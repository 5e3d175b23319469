// ForecastTests: the plan of a rollout against a table that was computed by other means.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct ForecastTests {
  // One stratum of 100,000 devices of which 95 % call hourly; 15 min to install, 12 h soak, 20 MB.
  private func usual(_ size: Int = 100_000) -> ForecastAssumptions {
    var assumptions = ForecastAssumptions(strata: [.init(id: "all", size: size)])
    assumptions.payloadBytes = 20_000_000
    return assumptions
  }

  private func hours(_ interval: Interval) -> Double { Double(interval.milliseconds) / 3_600_000 }
  private func length(_ step: Forecast.Step) -> Double { hours(step.end) - hours(step.start) }

  @Test func `a clean rollout over 100,000 devices takes six steps of 13 hours and a quarter`() {
    let course = Forecast(usual()).earliest
    #expect(course.steps.map(\.size) == [5, 40, 362, 3211, 34370, 62012])
    #expect(course.steps.map(\.cumulative) == [5, 45, 407, 3618, 37988, 100_000])
    #expect(course.steps.map { hours($0.end) } == [13.25, 26.5, 39.75, 53, 66.25, 79.5])
    #expect(course.steps.map { hours($0.start) } == [0, 13.25, 26.5, 39.75, 53, 66.25])
    #expect(course.isComplete)
    #expect(hours(course.delivered) == 67.25)
    #expect(course.steps.allSatisfy { !$0.needsPerson })
  }

  @Test func `each step states the harm that it risks at most`() {
    let steps = Forecast(usual()).earliest.steps
    let bounds = [1, 0.60756, 0.08284, 0.00934, 0.00105, 0.0001]
    for (step, bound) in zip(steps, bounds) { #expect(abs(step.upper - bound) < 0.000006) }
    #expect(steps.map(\.harmed95) == [5, 28, 37, 37, 44, 10])
    let means = [4.75, 23.1, 28.5, 28.5, 34.4, 5.9]
    for (step, mean) in zip(steps, means) { #expect(abs(step.harmedMean - mean) < 0.1) }
  }

  @Test func `each step states the load on the network`() {
    let steps = Forecast(usual()).earliest.steps
    let megabytes = [0.03, 0.21, 1.91, 16.95, 181.4, 327.29]
    for (step, load) in zip(steps, megabytes) {
      #expect(abs(step.bytesPerSecond / 1e6 - load) < 0.006)
    }
    // 327 MB/s at 1 MB/s for each device.
    #expect(steps.map(\.downloads) == [1, 1, 2, 17, 182, 328])
  }

  @Test func `the latest course has seven steps, each with its full deadline`() {
    let latest = Forecast(usual()).latest
    #expect(latest.steps.map(\.size) == [5, 40, 362, 1292, 3781, 52060, 42460])
    #expect(latest.steps.map(\.harmed95) == [5, 28, 37, 37, 38, 223, 85])
    #expect(hours(latest.end) == 131.25)
    #expect(latest.isComplete)
  }

  @Test func `expected failures raise the bounds of later steps and not the sizes`() {
    let forecast = Forecast(usual())
    #expect(forecast.expected.steps.map(\.size) == forecast.earliest.steps.map(\.size))
    #expect(abs(forecast.expected.steps[4].harmedMean - 104.5) < 0.1)
    #expect(abs(forecast.expected.steps[5].harmedMean - 93.2) < 0.1)
  }

  @Test func `a bandwidth ceiling is kept and paid for in time`() {
    var assumptions = usual()
    assumptions.bytesPerSecondMax = 100_000_000
    let course = Forecast(assumptions).earliest
    #expect(course.bytesPerSecondPeak == 100_000_000)
    #expect(course.downloadsPeak == 100)
    // The last step: 62,012 x 95 % x 20 MB at 100 MB/s.
    let download = 62_012 * 0.95 * 20 / 100 / 3600.0
    #expect(abs(length(course.steps[5]) - download - 12.25) < 0.001)
    #expect(hours(course.steps[0].end) == 13.25)
  }

  @Test func `a limit of grants a minute is kept and paid for in time`() {
    var assumptions = usual(1000)
    assumptions.reach = 1
    assumptions.grantsPerMinuteMax = 6
    let course = Forecast(assumptions).earliest
    let last = course.steps[course.steps.count - 1]
    #expect(last.size > 360)
    let grants = Double(last.size) / 360
    #expect(abs(length(last) - grants - 12.25) < 0.001)
    #expect(course.bytesPerSecondPeak == 2_000_000)
  }

  @Test func `a limit of leases is kept and paid for in time`() {
    var assumptions = usual(1000)
    assumptions.reach = 1
    assumptions.concurrentMax = 10
    let course = Forecast(assumptions).earliest
    // A lease lasts 20 s to download, 15 min to install and an hour until the proof.
    let last = course.steps[course.steps.count - 1]
    #expect(abs(length(last) - Double(last.size) / 10 * 4520 / 3600 - 12.25) < 0.001)
    #expect(abs(course.bytesPerSecondPeak - 10 * 20_000_000 / 4520.0) < 1)
    #expect(course.downloadsPeak == 1)
  }

  @Test func `what limits leave over when the window closes goes on the next day`() {
    var assumptions = usual(1000)
    assumptions.reach = 1
    assumptions.grantsPerMinuteMax = 1
    assumptions.window = .hours(2)
    // 300 minutes of grants: two whole windows and an hour of a third.
    #expect(Forecast.load(of: 300, after: 0, assumptions).spread == .hours(49))
    #expect(Forecast.load(of: 120, after: 0, assumptions).spread == .hours(2))
  }

  @Test func `a rate that grows is followed from step to step`() throws {
    let policy = try policy(
      #""stages": {"start": 10, "soak": "1h"}, "limits": {"rate": {"basePerMinute": 1, "#
        + #""factor": 2, "every": {"notified": 100}, "ceiling": 1000}}"#)
    var assumptions = usual(1000)
    assumptions.reach = 1
    assumptions.rateGrowth = policy.limits.rate
    let free = Forecast.load(of: 500, after: 0, usual(1000))
    let first = Forecast.load(of: 500, after: 0, assumptions)
    let later = Forecast.load(of: 500, after: 500, assumptions)
    #expect(free.spread == .hours(1))
    // 100 minutes at 1 a minute, 50 at 2, 25 at 4, 13 at 8 and 6 at 16: the last is not waited for.
    #expect(first.spread == .minutes(193))
    #expect(later.spread == .hours(1))
    #expect(first.bytesPerSecond <= 32 / 60.0 * 20_000_000)
  }

  @Test func `windows that are not the same every day are waited for as long as they are closed`() {
    var assumptions = usual(5)
    assumptions.window = .hours(4)
    assumptions.closed = .init(mean: .hours(30), longest: .hours(120))
    let forecast = Forecast(assumptions)
    #expect(hours(forecast.expected.end) == 30 + 13.25)
    #expect(hours(forecast.latest.end) == 120 + 18.75)
  }

  @Test func `a daily window delays the expected and the latest course`() {
    var assumptions = usual(5)
    assumptions.window = .hours(2)
    let forecast = Forecast(assumptions)
    #expect(!forecast.isWindowRare)
    #expect(hours(forecast.earliest.end) == 13.25)
    #expect(abs(hours(forecast.expected.end) - 13.25 - 36_300 / 3600.0) < 0.001)
    #expect(hours(forecast.latest.end) == 40.75)
    assumptions.window = .days(1)
    #expect(hours(Forecast(assumptions).expected.end) == 13.25)
  }

  @Test func `a window shorter than the polls costs days`() {
    var assumptions = usual(5)
    assumptions.window = .minutes(30)
    assumptions.poll = .hours(2)
    let forecast = Forecast(assumptions)
    #expect(forecast.isWindowRare)
    // A poll meets the window on every fourth day.
    #expect(hours(forecast.expected.end) == 96 + 2 + 12.25)
    #expect(hours(forecast.latest.end) > 24 * 20)
  }

  @Test func `polls that fail and deliveries that are tried again take their time`() {
    var assumptions = usual(5)
    assumptions.missRate = 0.1
    #expect(hours(Forecast(assumptions).earliest.end) == 3 + 12.25)
    assumptions.missRate = 0
    assumptions.retry = .init(
      failureRate: 0.5, retries: 2, backoff: .minutes(10), attempt: .minutes(20))
    let forecast = Forecast(assumptions)
    #expect(hours(forecast.earliest.end) == 13.25)
    // One half waits 10 and tries 20 minutes, one quarter 20 and 20 more.
    #expect(abs(hours(forecast.expected.end) - 13.25 - 25 / 60.0) < 0.001)
    #expect(abs(hours(forecast.latest.end) - 18.75 - 70 / 60.0) < 0.001)
    let reached = 5 * 0.95 * 0.875
    #expect(abs(forecast.earliest.steps[0].harmedMean - reached) < 1e-9)
  }

  @Test func `several models begin with a few devices each and grow as the gate lets them`() {
    var assumptions = usual()
    assumptions.strata = [
      .init(id: "A", size: 70_000), .init(id: "B", size: 27_800), .init(id: "C", size: 2000),
      .init(id: "D", size: 200),
    ]
    let forecast = Forecast(assumptions)
    #expect(forecast.earliest.steps[0].new == [5, 5, 5, 5])
    #expect(forecast.firstExposureMax == 5)
    for course in [forecast.earliest, forecast.expected, forecast.latest] {
      #expect(course.isComplete)
      for (index, stratum) in assumptions.strata.enumerated() {
        let offered = course.steps.map { $0.new[index] }.reduce(0, +)
        #expect(offered == stratum.size)
      }
    }
  }

  @Test func `the steps of a forecast are the steps that the gate then takes`() {
    var assumptions = usual()
    assumptions.strata = [.init(id: "A", size: 9000), .init(id: "B", size: 700)]
    assumptions.reach = 1
    var counts = assumptions.strata.map {
      StratumCounts(
        id: $0.id, size: $0.size, left: $0.size, exposed: 0, matured: 0, reported: 0, lost: 0)
    }
    var step = StepCounts(verdictsIn: true, previous: 0, stall: 0)
    for planned in Forecast(assumptions).earliest.steps {
      let decision = EvidenceGate.decide(
        strata: counts, control: ControlCounts(devices: 0, lost: 0, heard: 1), step: step,
        parameters: assumptions.parameters)
      #expect(decision.verdict == .advance)
      #expect(decision.sizes.map(\.count) == planned.new)
      for index in counts.indices {
        counts[index].exposed += planned.new[index]
        counts[index].matured += planned.new[index]
        counts[index].left -= planned.new[index]
      }
      step = StepCounts(verdictsIn: true, previous: planned.size, stall: decision.stall)
    }
    #expect(counts.allSatisfy { $0.left == 0 })
  }

  @Test func `a course that a person has to help along says so`() {
    var assumptions = usual()
    // Near the tolerance, where steps stop growing.
    assumptions.failureRate = 0.004
    let forecast = Forecast(assumptions)
    #expect(forecast.latest.steps.contains { $0.needsPerson })
    #expect(forecast.earliest.steps.allSatisfy { !$0.needsPerson })
  }

  @Test func `a fleet without devices has no steps and no harm`() {
    let forecast = Forecast(usual(0))
    #expect(forecast.latest.steps.isEmpty)
    #expect(forecast.latest.isComplete)
    #expect(forecast.latest.end == .zero)
    #expect(forecast.firstExposureMax == 0)
  }

  @Test func `absurd assumptions give absurd times and no trap`() {
    var assumptions = usual(1_000_000)
    assumptions.poll = .zero
    assumptions.bytesPerSecondMax = 0
    assumptions.payloadBytes = Int64.max
    assumptions.grantsPerMinuteMax = 0
    assumptions.deviceBytesPerSecond = 0
    assumptions.reach = 0
    assumptions.failureRate = 1
    for course in [Forecast(assumptions).earliest, Forecast(assumptions).latest] {
      #expect(course.end <= .days(36_500))
      #expect(!course.isComplete)
    }
  }
}
