// DeadlineQueue: leases by the time they expire; entries of leases that moved on are dropped late.

import UpdateModel

/// A binary heap of deadlines. An entry is a hint: whoever takes it looks at the action itself.
struct DeadlineQueue {
  struct Entry {
    let deadline: Instant
    let rollout: RolloutID
    let device: DeviceID
  }

  private var heap: [Entry] = []

  mutating func insert(_ entry: Entry) {
    heap.append(entry)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].deadline < heap[parent].deadline else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes up to `limit` entries whose deadline has passed.
  mutating func take(until now: Instant, limit: Int) -> [Entry] {
    var due: [Entry] = []
    while due.count < limit, let first = heap.first, first.deadline <= now {
      due.append(first)
      removeFirst()
    }
    return due
  }

  private mutating func removeFirst() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].deadline < heap[least].deadline {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
