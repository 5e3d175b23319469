// EventCalendar: what happens to which device at which tick, in buckets, so that adding is cheap.

/// Events of devices by tick. Those of one tick leave in the order they came, so runs repeat.
struct EventCalendar {
  /// What happens to a device.
  enum Kind: UInt32 {
    /// It calls.
    case poll = 0
    /// Its installation ends and the report arrives.
    case done
    /// It fails late.
    case late
    /// The report of its late failure arrives.
    case complaint
    /// It drops out.
    case away
    /// Somebody should look how long it has been silent.
    case silence
    /// The deadline of its lease passes.
    case expiry
  }

  private static let deviceBits: UInt32 = 28
  private var buckets: [[UInt32]]

  /// A calendar that ends before `horizon`; what would happen later is dropped.
  init(horizon: Int) { buckets = [[UInt32]](repeating: [], count: horizon) }

  /// Adds an event.
  mutating func add(_ kind: Kind, _ device: Int, at tick: Int) {
    guard tick < buckets.count else { return }
    buckets[tick].append(kind.rawValue << EventCalendar.deviceBits | UInt32(device))
  }

  /// Takes the events of a tick.
  mutating func take(_ tick: Int) -> [UInt32] {
    guard tick < buckets.count else { return [] }
    let events = buckets[tick]
    buckets[tick] = []
    return events
  }

  /// The parts of a packed event.
  static func unpack(_ word: UInt32) -> (kind: Kind, device: Int) {
    guard let kind = Kind(rawValue: word >> deviceBits) else {
      preconditionFailure("an event was packed by the calendar")
    }
    return (kind, Int(word & (1 << deviceBits - 1)))
  }
}
