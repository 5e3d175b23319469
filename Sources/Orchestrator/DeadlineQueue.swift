// DeadlineQueue: leases by the time they expire; entries of leases that moved on are dropped late.

import UpdateModel

/// Deadlines of leases. An entry is a hint: whoever takes it looks at the action itself.
struct DeadlineQueue {
  struct Entry {
    let deadline: Instant
    let rollout: RolloutID
    let device: DeviceID
  }

  private var heap = TimeHeap<Entry>()

  mutating func insert(_ entry: Entry) { heap.insert(entry, at: entry.deadline) }

  /// Takes up to `limit` entries whose deadline has passed.
  mutating func take(until now: Instant, limit: Int) -> [Entry] {
    heap.take(until: now, limit: limit)
  }
}
