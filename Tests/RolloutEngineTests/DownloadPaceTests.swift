// DownloadPaceTests: granted bytes against the ceiling, over every stretch of time.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct DownloadPaceTests {
  private func rollout(_ bandwidth: String, burst: String = "1m") throws -> Rollout {
    try started(
      policy(
        #""stages": {"start": 10, "soak": "1m"}, "limits": {"bandwidth": "\#(bandwidth)", "#
          + #""bandwidthBurst": "\#(burst)"}"#), population: 10)
  }

  private func delay(_ rollout: Rollout, _ bytes: Int64, at now: Instant) throws -> Instant? {
    let limits = rollout.policy.limits
    return rollout.pace.delay(
      of: bytes, rate: try #require(limits.bandwidth), burst: limits.bandwidthBurst, at: now)
  }

  /// Asks at each of these times and grants when it may; what was granted, and when.
  private func run(
    _ rollout: inout Rollout, _ requests: [(after: Int64, bytes: Int64)]
  ) throws -> [(at: Int64, bytes: Int64)] {
    var grants: [(at: Int64, bytes: Int64)] = []
    for (after, bytes) in requests {
      let now = noon + Interval(milliseconds: after)
      guard try delay(rollout, bytes, at: now) == nil else { continue }
      rollout.evolve(.downloadGranted(bytes: bytes), at: now)
      grants.append((after, bytes))
    }
    return grants
  }

  @Test(arguments: [("1MB/s", "10s"), ("333kB/s", "1s"), ("20MB/s", "1m"), ("7B/s", "1d")])
  func `no stretch of time sees more than the ceiling and one burst`(
    bandwidth: String, burst: String
  ) throws {
    var rollout = try rollout(bandwidth, burst: burst)
    let rate = try #require(rollout.policy.limits.bandwidth).bytesPerSecond
    let credit = rate * rollout.policy.limits.bandwidthBurst.milliseconds / 1000
    // Sizes and gaps of all kinds, none above the burst.
    var state: UInt64 = 1
    var clock: Int64 = 0
    let requests = (0..<3000).map { _ -> (after: Int64, bytes: Int64) in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      clock += Int64(state >> 33) % 900
      return (clock, 1 + Int64(state >> 20) % credit)
    }
    let grants = try run(&rollout, requests)
    #expect(grants.count > 3)
    for first in grants.indices {
      var sum: Int64 = 0
      for grant in grants[first...] {
        sum += grant.bytes
        #expect(sum <= rate * (grant.at - grants[first].at) / 1000 + credit)
      }
    }
  }

  @Test func `the line is used to the full when there is always somebody to grant`() throws {
    var rollout = try rollout("1MB/s", burst: "10s")
    let grants = try run(&rollout, (0..<1000).map { (Int64($0) * 100, 500_000) })
    let bytes = grants.reduce(0) { $0 + $1.bytes }
    // 100 s at 1 MB/s, and the burst.
    #expect(bytes >= 109_000_000 && bytes <= 110_000_000, "\(bytes)")
  }

  @Test func `an image larger than the burst waits for a free line and is then granted`() throws {
    var rollout = try rollout("1MB/s", burst: "1s")
    #expect(try delay(rollout, 30_000_000, at: noon) == nil)
    rollout.evolve(.downloadGranted(bytes: 30_000_000), at: noon)
    #expect(
      try delay(rollout, 30_000_000, at: noon + .seconds(29))
        == noon + Interval(milliseconds: 30_001))
    #expect(try delay(rollout, 30_000_000, at: noon + .seconds(30)) == nil)
  }

  @Test func `sizes and rates at the ends of their ranges do not overflow`() throws {
    var slow = try rollout("1B/s")
    slow.evolve(.downloadGranted(bytes: .max), at: noon)
    let until = try #require(try delay(slow, .max, at: noon))
    #expect(until - noon >= .days(3649))
    var fast = try rollout("1000GB/s")
    fast.evolve(.downloadGranted(bytes: 999_999_999_999), at: noon)
    #expect(try delay(fast, 1, at: noon) == nil)
  }

  @Test func `a clock that was wrong for a while does not stop the downloads for ever`() throws {
    var rollout = try rollout("1MB/s", burst: "1s")
    rollout.evolve(.downloadGranted(bytes: 1_000_000), at: noon + .days(365))
    #expect(try delay(rollout, 1_000_000, at: noon) == nil)
    rollout.evolve(.downloadGranted(bytes: 1_000_000), at: noon)
    #expect(try delay(rollout, 1_000_000, at: noon) != nil)
    #expect(try delay(rollout, 1_000_000, at: noon + .seconds(1)) == nil)
  }

  @Test func `a restart starts without a burst and goes on at the ceiling`() throws {
    var rollout = try rollout("1MB/s", burst: "1m")
    let before = try action(.leased(.downloading, deadline: noon + .hours(2)))
    rollout.restoreGrant(of: before, largest: 10_000_000, at: noon + .seconds(30))
    let now = noon + .seconds(30)
    #expect(try delay(rollout, 10_000_000, at: now) == now + Interval(milliseconds: 10_001))
    #expect(try delay(rollout, 10_000_000, at: now + .seconds(10)) == nil)
    var idle = try self.rollout("1MB/s", burst: "1m")
    idle.restoreGrant(of: before, largest: 10_000_000, at: noon + .hours(1))
    #expect(try delay(idle, 10_000_000, at: noon + .hours(1)) == nil)
  }
}
