// A coarse, lazy timing wheel: moving a deadline later costs one store, earlier one append.

/// Deadlines of connections in ticks.
///
/// Entries are hints: the owner checks the real deadline when one is due and schedules it again if
/// that lies later.
struct TimingWheel {
  /// Length of a tick; every deadline is late by up to one tick.
  static let tickMilliseconds = 100
  /// Ticks of one turn: 102 s, above the longest default; longer ones are simply seen again.
  private static let bucketCount = 1_024

  private var buckets: [[UInt64]]
  /// The last tick whose bucket was emptied.
  private(set) var current: UInt32 = 0

  init() {
    buckets = Array(repeating: [], count: Self.bucketCount)
  }

  /// Schedules a look at `token` at a tick; returns the tick at which it will happen.
  mutating func schedule(_ token: UInt64, at tick: UInt32) -> UInt32 {
    let horizon = current + UInt32(Self.bucketCount) - 1
    let due = min(max(tick, current + 1), horizon)
    buckets[Int(due) % Self.bucketCount].append(token)
    return due
  }

  /// Moves time on to `tick` and appends the tokens that are due.
  mutating func advance(to tick: UInt32, due: inout [UInt64]) {
    var steps = 0
    while current < tick, steps < Self.bucketCount {
      current += 1
      steps += 1
      let index = Int(current) % Self.bucketCount
      due.append(contentsOf: buckets[index])
      buckets[index].removeAll(keepingCapacity: buckets[index].count < 4_096)
    }
    // After a suspended machine all buckets were seen once, which is all that is needed.
    current = max(current, tick)
  }
}

/// The times of `Limits` in ticks, converted once: `Duration` divides 128-bit numbers.
struct DeadlineTicks {
  let header: UInt32
  let handshake: UInt32
  let idle: UInt32
  let body: UInt32
  let write: UInt32
  let linger: UInt32
  let heartbeat: UInt32

  init(_ limits: Limits) {
    header = limits.headerTimeout.ticks
    handshake = limits.handshakeTimeout.ticks
    idle = limits.idleTimeout.ticks
    body = limits.bodyTimeout.ticks
    write = limits.writeTimeout.ticks
    linger = limits.lingerTimeout.ticks
    heartbeat = limits.eventHeartbeat.ticks
  }
}

extension Duration {
  /// Whole ticks, at least one.
  var ticks: UInt32 {
    let (seconds, attoseconds) = components
    let milliseconds = min(max(seconds, 0), 1_000_000) * 1_000 + attoseconds / 1_000_000_000_000_000
    return UInt32(max(1, milliseconds / Int64(TimingWheel.tickMilliseconds)))
  }
}
