// Jobs: work that would hold up an event loop, on threads of its own, with a limit.

import Dispatch
import Synchronization

/// Runs what touches the disk or takes long beside the event loops.
public final class Jobs: Sendable {
  private let queue = DispatchQueue(label: "gateway-jobs", attributes: .concurrent)
  private let underWay = Atomic<Int>(0)
  private let limit: Int

  /// Takes at most `limit` jobs at a time, waiting ones included.
  public init(limit: Int = 512) { self.limit = limit }

  /// Runs a job soon; false when too many are under way already.
  func run(_ job: @escaping @Sendable () -> Void) -> Bool {
    guard underWay.add(1, ordering: .relaxed).newValue <= limit else {
      underWay.subtract(1, ordering: .relaxed)
      return false
    }
    queue.async {
      job()
      self.underWay.subtract(1, ordering: .relaxed)
    }
    return true
  }
}

/// A number of places, for what needs much memory or disk while it is under way.
final class Places: Sendable {
  private let taken = Atomic<Int>(0)
  private let count: Int

  init(_ count: Int) { self.count = count }

  /// A place that is free again when the result is let go; nil when there is none.
  func take() -> Place? {
    guard taken.add(1, ordering: .relaxed).newValue <= count else {
      taken.subtract(1, ordering: .relaxed)
      return nil
    }
    return Place(self)
  }

  /// One taken place.
  final class Place: Sendable {
    private let places: Places

    fileprivate init(_ places: Places) { self.places = places }

    deinit { places.taken.subtract(1, ordering: .relaxed) }
  }
}
