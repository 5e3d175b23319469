// Replies that wait for the barrier, first in, first out; a ring that grows and is reused.

/// A reply that waits for a ticket.
struct HeldReply {
  var word: UInt64
  var ticket: UInt64
}

/// The held replies of one loop in order.
struct HeldQueue {
  private var ring: [HeldReply] = Array(repeating: HeldReply(word: 0, ticket: 0), count: 64)
  private var first = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  var oldest: HeldReply? { count == 0 ? nil : ring[first] }

  mutating func append(_ reply: HeldReply) {
    if count == ring.count { grow() }
    // The count is always a power of two.
    ring[(first + count) & (ring.count - 1)] = reply
    count += 1
  }

  mutating func removeOldest() {
    precondition(count > 0, "the queue has an oldest reply")
    first = (first + 1) & (ring.count - 1)
    count -= 1
  }

  private mutating func grow() {
    let ordered = ring[first...] + ring[..<first]
    ring = ordered + Array(repeating: HeldReply(word: 0, ticket: 0), count: ring.count)
    first = 0
  }
}
