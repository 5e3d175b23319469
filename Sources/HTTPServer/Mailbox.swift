// What other threads ask of a loop: two arrays that are swapped under a lock.
import Synchronization

/// A request from another thread to a loop.
enum LoopMessage: Sendable {
  /// Answer this exchange.
  case complete(PendingReply, Response, ticket: UInt64)
  /// The exchange was dropped without an answer.
  case dropped(ConnectionToken)
  /// The sink of this exchange takes bytes again.
  case resume(ConnectionToken)
  /// This stream has events, or was closed.
  case events(ConnectionToken)
  /// Stop accepting, finish what runs, be gone after so many milliseconds.
  case drain(milliseconds: Int)
}

/// Names a connection without keeping it: stale names find nobody.
struct ConnectionToken: Sendable, Equatable {
  var slot: UInt32
  var generation: UInt32
  /// Counts the exchanges of a connection, so that a late message cannot hit a later request.
  var exchange: UInt32

  /// Slot and generation as one word for epoll.
  var word: UInt64 { UInt64(generation) << 32 | UInt64(slot) }
}

/// The inbox of one loop.
final class Mailbox: Sendable {
  let waker: Waker
  private let messages = Mutex<[LoopMessage]>([])

  init(waker: Waker) { self.waker = waker }

  func post(_ message: LoopMessage) {
    messages.withLock { $0.append(message) }
    waker.wake()
  }

  /// Takes all messages and leaves `empty`, so that its capacity is used again.
  func exchange(with empty: inout [LoopMessage]) {
    messages.withLock { swap(&$0, &empty) }
  }

  var isEmpty: Bool { messages.withLock { $0.isEmpty } }
}
