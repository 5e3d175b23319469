// TimeHeap: things by the time at which they are to be looked at, the earliest first.

import UpdateModel

/// A binary heap by time. An entry is a hint: whoever takes it looks at the thing itself.
struct TimeHeap<Thing> {
  private var heap: [(time: Instant, thing: Thing)] = []

  /// Entries that wait.
  var count: Int { heap.count }

  mutating func insert(_ thing: Thing, at time: Instant) {
    heap.append((time, thing))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].time < heap[parent].time else { break }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes up to `limit` things whose time has come.
  mutating func take(until now: Instant, limit: Int) -> [Thing] {
    var due: [Thing] = []
    while due.count < limit, let first = heap.first, first.time <= now {
      due.append(first.thing)
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
      where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
