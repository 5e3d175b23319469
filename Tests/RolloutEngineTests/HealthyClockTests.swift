// HealthyClockTests: time that passes for silent devices, around outages and beyond memory.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct HealthyClockTests {
  private func at(_ minutes: Int64) -> Instant { noon + .minutes(minutes) }

  /// A clock that stands from minute 60 to minute 90.
  private var once: HealthyClock {
    HealthyClock(freezes: [(from: at(60), to: at(90))], frozenSince: nil)
  }

  @Test(arguments: [
    (0, 50, 50), (0, 60, 60), (0, 61, 60), (0, 75, 60), (0, 90, 60), (0, 91, 61), (0, 200, 170),
    (60, 90, 0), (70, 80, 0), (75, 100, 10), (90, 100, 10), (95, 100, 5), (50, 50, 0), (50, 40, 0),
  ])
  func `an outage takes nothing but its own time from the silence of a device`(
    from: Int64, to: Int64, healthy: Int64
  ) {
    #expect(once.elapsed(from: at(from), to: at(to)) == .minutes(healthy))
  }

  @Test func `a clock stands from the first bad observation to the next good one`() {
    var clock = HealthyClock()
    clock.observe(isHealthy: true, at: at(0))
    clock.observe(isHealthy: false, at: at(60))
    #expect(clock.elapsed(from: at(0), to: at(1000)) == .minutes(60))
    #expect(clock.elapsed(from: at(70), to: at(80)) == .zero)
    clock.observe(isHealthy: false, at: at(75))
    clock.observe(isHealthy: true, at: at(90))
    #expect(clock == once)
    #expect(clock.elapsed(from: at(0), to: at(100)) == .minutes(70))
    clock.observe(isHealthy: false, at: at(120))
    #expect(clock.elapsed(from: at(0), to: at(130)) == .minutes(90))
    #expect(clock.frozenSince == at(120))
  }

  @Test func `an observation from before the last one changes nothing`() {
    var clock = once
    clock.observe(isHealthy: false, at: at(80))
    #expect(clock == once)
    clock.observe(isHealthy: false, at: at(100))
    clock.observe(isHealthy: true, at: at(99))
    #expect(clock.frozenSince == at(100))
  }

  @Test func `a clock that is kept and restored tells the same time`() {
    var clock = once
    clock.observe(isHealthy: false, at: at(100))
    clock.observe(isHealthy: true, at: at(110))
    clock.observe(isHealthy: false, at: at(200))
    let kept = clock.freezes.map { (from: $0.from, to: $0.to) }
    let restored = HealthyClock(freezes: kept, frozenSince: clock.frozenSince)
    #expect(restored == clock)
    for minute in stride(from: Int64(0), to: 300, by: 7) {
      #expect(
        restored.elapsed(from: at(3), to: at(minute)) == clock.elapsed(from: at(3), to: at(minute)))
    }
  }

  @Test func `kept freezes that overlap or run backwards are passed over`() {
    let clock = HealthyClock(
      freezes: [
        (from: at(60), to: at(90)), (from: at(80), to: at(95)), (from: at(99), to: at(98)),
      ], frozenSince: nil)
    #expect(clock == once)
  }

  @Test func `freezes are forgotten after a hundred days and not before`() {
    var clock = once
    let later = at(90) + HealthyClock.memory
    clock.observe(isHealthy: false, at: later + Interval(milliseconds: -1))
    clock.observe(isHealthy: true, at: later)
    #expect(clock.freezes.count == 2)
    clock.observe(isHealthy: false, at: later + .seconds(1))
    clock.observe(isHealthy: true, at: later + .seconds(2))
    #expect(clock.freezes.count == 2)
    // The time since is still right.
    #expect(clock.elapsed(from: later, to: later + .seconds(3)) == .seconds(2))
  }

  @Test func `a control that flickers for long takes bounded memory and loses nobody too early`() {
    var clock = HealthyClock()
    let flickers = HealthyClock.freezesMax + 500
    for number in 0..<flickers {
      clock.observe(isHealthy: false, at: noon + .seconds(Int64(number) * 10))
      clock.observe(isHealthy: true, at: noon + .seconds(Int64(number) * 10 + 4))
    }
    #expect(clock.freezes.count == HealthyClock.freezesMax)
    let end = noon + .seconds(Int64(flickers) * 10)
    #expect(clock.elapsed(from: noon + .seconds(10_000), to: end) == .seconds((10_500 - 1000) * 6))
    // The oldest have become one, which covers the time between them too.
    #expect(clock.elapsed(from: noon, to: end) < .seconds(10_500 * 6))
    #expect(clock.elapsed(from: noon, to: end) > .seconds(9990 * 6))
  }

  @Test func `a device is lost at the first tick with enough healthy silence`() {
    func tick(_ heard: [Double], lastSeen: Int, threshold: Int) -> Int? {
      HealthyClock.lostTick(
        heard: heard, lastSeen: lastSeen, threshold: threshold, minHeard: 0.7)
    }
    let calm = [Double](repeating: 1, count: 10)
    #expect(tick(calm, lastSeen: 2, threshold: 7) == 9)
    #expect(tick(calm, lastSeen: 2, threshold: 8) == nil)
    #expect(tick(calm, lastSeen: 2, threshold: 0) == 2)
    #expect(tick(calm, lastSeen: 10, threshold: 0) == nil)
    // Just enough is heard, and a little less.
    #expect(tick([0.7, 0.7, 0.7, 0.7], lastSeen: 0, threshold: 3) == 3)
    #expect(tick([0.7, 0.69, 0.7, 0.7], lastSeen: 0, threshold: 3) == nil)
    #expect(tick([0, 0, 0, 1, 1, 1], lastSeen: 1, threshold: 2) == 5)
  }
}
