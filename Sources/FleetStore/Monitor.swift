// Monitor: a lock with two places to wait, and threads; what the standard library lacks on Linux.

internal import Glibc

/// A lock around a value, with waiting.
///
/// `Synchronization.Mutex` cannot wait for a condition, and the thread sanitizer does not see it.
/// Unchecked, because the value is reached only while the lock is held.
final class Monitor<Value>: @unchecked Sendable {
  /// Where threads wait.
  enum Place {
    /// For work to do.
    case work
    /// For work to be done.
    case results
  }

  private var value: Value
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  private let work: UnsafeMutablePointer<pthread_cond_t>
  private let results: UnsafeMutablePointer<pthread_cond_t>

  init(_ value: sending Value) {
    self.value = value
    lock = .allocate(capacity: 1)
    work = .allocate(capacity: 1)
    results = .allocate(capacity: 1)
    lock.initialize(to: pthread_mutex_t())
    work.initialize(to: pthread_cond_t())
    results.initialize(to: pthread_cond_t())
    pthread_mutex_init(lock, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // Waits with a time limit are not to be fooled by a clock that is set.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(work, &attributes)
    pthread_cond_init(results, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(results)
    pthread_cond_destroy(work)
    pthread_mutex_destroy(lock)
    results.deallocate()
    work.deallocate()
    lock.deallocate()
  }

  /// Runs a short body that has the value to itself.
  func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return try body(&value)
  }

  /// Waits until a look at the value has a result; nil when the time is over first.
  ///
  /// Each look is an access of its own, as others change the value between two looks.
  func wait<Result, Failure: Error>(
    at place: Place, milliseconds: Int? = nil,
    until look: (inout Value) throws(Failure) -> Result?
  ) throws(Failure) -> Result? {
    let end = milliseconds.map(Monitor.time(in:))
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while true {
      if let result = try look(&value) { return result }
      if var end {
        if pthread_cond_timedwait(condition(place), lock, &end) == ETIMEDOUT { return nil }
      } else {
        pthread_cond_wait(condition(place), lock)
      }
    }
  }

  private static func time(in milliseconds: Int) -> timespec {
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let nanoseconds = end.tv_nsec + milliseconds % 1000 * 1_000_000
    end.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
    end.tv_nsec = nanoseconds % 1_000_000_000
    return end
  }

  /// Wakes all who wait at a place.
  func wake(_ place: Place) { pthread_cond_broadcast(condition(place)) }

  private func condition(_ place: Place) -> UnsafeMutablePointer<pthread_cond_t> {
    switch place {
    case .work: work
    case .results: results
    }
  }
}

/// A thread that is waited for.
struct JoinableThread: Sendable {
  private let handle: pthread_t

  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread.
  init(_ body: @escaping @Sendable () -> Void) {
    var handle = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let code = pthread_create(
      &handle, nil,
      { argument in
        if let argument {
          Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        }
        return nil
      }, start.toOpaque())
    precondition(code == 0, "the system has room for one more thread at the start")
    self.handle = handle
  }

  /// Waits for its end.
  func join() { pthread_join(handle, nil) }
}
