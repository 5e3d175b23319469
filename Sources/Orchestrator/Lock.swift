// Lock: the one kind of lock of the shell; a value that is reachable only while it is held.

import Synchronization

/// Guards a value. Held for microseconds, never across I/O.
///
/// Order of locks, outer first: a room's ledger, a fleet shard, the store's queue. Nobody who holds
/// an inner lock asks for an outer one.
public final class Lock<Value>: Sendable {
  private let mutex: Mutex<Value>

  /// Guards an initial value.
  public init(_ value: sending Value) { mutex = Mutex(value) }

  /// Runs `body` with the value, alone.
  public func withLock<Result, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock(body)
  }
}
