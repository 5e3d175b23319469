// TimedQueue: what is due next; equal times leave in the order they came, so runs repeat exactly.

public import UpdateModel

/// A priority queue by due time (binary heap).
public struct TimedQueue<Element: Sendable>: Sendable {
  private struct Entry: Sendable {
    let due: Instant
    let order: UInt64
    let element: Element

    func precedes(_ other: Entry) -> Bool { (due, order) < (other.due, other.order) }
  }

  private var heap: [Entry] = []
  private var nextOrder: UInt64 = 0

  /// An empty queue.
  public init() {}

  /// How many elements wait.
  public var count: Int { heap.count }

  /// When the first element is due; nil when none waits.
  public var firstDue: Instant? { heap.first?.due }

  /// Adds an element.
  public mutating func add(_ element: Element, due: Instant) {
    heap.append(Entry(due: due, order: nextOrder, element: element))
    nextOrder += 1
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].precedes(heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  /// Takes the first element and its time; nil when none waits.
  public mutating func removeFirst() -> (due: Instant, element: Element)? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if heap.isEmpty { return (first.due, first.element) }
    heap[0] = last
    sink(from: 0)
    return (first.due, first.element)
  }

  /// Takes the first element when it is due by `now`.
  public mutating func removeFirst(dueBy now: Instant) -> Element? {
    guard let due = firstDue, due <= now else { return nil }
    return removeFirst()?.element
  }

  private mutating func sink(from start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child].precedes(heap[least]) { least = child }
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
