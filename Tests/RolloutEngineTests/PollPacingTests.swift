// PollPacingTests: devices come when something can happen, and not all at once.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct PollPacingTests {
  private let noon = Instant(milliseconds: 43_200_000)

  private func pacing(fleet: Int = 10, perSecond: Int = 100) -> PollPacing {
    PollPacing(
      usual: .minutes(5), quiet: .minutes(15), fleetSize: fleet, pollsPerSecondMax: perSecond)
  }

  @Test(arguments: [
    (PollPacing.Occasion.nothingOpen, 810...900), (.mayGetItsTurn, 270...300), (.busy, 270...300),
  ])
  func `the wait is the interval less up to a tenth`(
    occasion: PollPacing.Occasion, seconds: ClosedRange<Int64>
  ) {
    let waits = (0..<1000).map { salt in
      pacing().wait(for: occasion, salt: UInt64(salt) &* 0x9E37_79B9_7F4A_7C15, now: noon)
        .wholeSeconds
    }
    #expect(waits.allSatisfy(seconds.contains))
    #expect(waits.min() == seconds.lowerBound && waits.max() == seconds.upperBound)
  }

  @Test(arguments: [(60, 61), (-5, 1), (0, 1), (1, 2), (299, 300), (100_000, 300)])
  func `a turn that comes before the next poll makes it come just after`(
    ahead: Int, seconds: Int64
  ) {
    let turn = noon + .seconds(Int64(ahead))
    #expect(pacing().wait(for: .turn(turn), salt: 0, now: noon) == .seconds(seconds))
  }

  @Test func `a fleet makes no more polls than the server should get`() {
    for fleet in [0, 1, 29_999, 30_001, 1_000_000, 5_000_000] {
      let pacing = pacing(fleet: fleet)
      let waits = (0..<997).map {
        pacing.wait(for: .mayGetItsTurn, salt: UInt64($0) &* 7919, now: noon).wholeSeconds
      }
      let mean = Double(waits.reduce(0, +)) / Double(waits.count)
      // A tenth is spread evenly, so the mean is a twentieth below the interval.
      #expect(Double(fleet) / mean <= 100 / 0.94)
    }
  }

  @Test func `nonsense settings do not stop devices from coming`() {
    let odd = PollPacing(usual: .zero, quiet: .zero, fleetSize: 0, pollsPerSecondMax: 0)
    #expect(odd.wait(for: .mayGetItsTurn, salt: .max, now: noon) == .seconds(1))
  }
}
