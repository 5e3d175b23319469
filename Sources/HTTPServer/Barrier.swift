// "Answer after commit": replies wait for a ticket, a writer thread settles tickets in order.
import Glibc
import Synchronization

/// Holds replies back until what they acknowledge is safe.
///
/// A handler sends with `after: ticket`; the bytes wait in the connection's output. The writer
/// calls `advance(to:)` after each commit. Tickets count up from 1; 0 means "send now". Held
/// replies leave in the order they were held on each loop, so tickets should be handed out in that
/// order too.
public final class Barrier: Sendable {
  /// What became of a ticket.
  enum Outcome {
    case pending, committed, failed
  }

  /// Failed runs of tickets kept apart; beyond it neighbours are merged, which may fail a reply
  /// that was safe, never the other way round.
  private static let failureLimit = 1_024

  private let settled = Atomic<UInt64>(0)
  private let hasFailures = Atomic<Bool>(false)
  private let failures = Mutex<[ClosedRange<UInt64>]>([])
  private let wakers = Mutex<[Waker]>([])

  /// Makes a barrier with nothing settled.
  public init() {}

  /// The highest ticket that is settled, committed or failed.
  public var settledTicket: UInt64 { settled.load(ordering: .sequentiallyConsistent) }

  /// Lets all held replies up to a ticket go.
  ///
  /// - Parameter ticket: the last ticket of a commit; lower than an earlier one is ignored.
  public func advance(to ticket: UInt64) {
    settle(ticket)
    wake()
  }

  /// Turns all held replies up to a ticket, that are not yet settled, into 503 with `Retry-After:
  /// 5`.
  ///
  /// - Parameter ticket: the last ticket of the commit that failed.
  public func fail(through ticket: UInt64) {
    failures.withLock { runs in
      let first = settledTicket + 1
      guard first <= ticket else { return }
      if let last = runs.last, last.upperBound + 1 == first {
        runs[runs.count - 1] = last.lowerBound...ticket
      } else {
        runs.append(first...ticket)
      }
      if runs.count > Self.failureLimit {
        runs.replaceSubrange(0...1, with: [runs[0].lowerBound...runs[1].upperBound])
      }
      hasFailures.store(true, ordering: .sequentiallyConsistent)
      settle(ticket)
    }
    wake()
  }

  func outcome(of ticket: UInt64) -> Outcome {
    if ticket == 0 { return .committed }
    if settled.load(ordering: .sequentiallyConsistent) < ticket { return .pending }
    guard hasFailures.load(ordering: .sequentiallyConsistent) else { return .committed }
    return failures.withLock { $0.contains { $0.contains(ticket) } } ? .failed : .committed
  }

  func attach(_ waker: Waker) { wakers.withLock { $0.append(waker) } }

  func detach(_ waker: Waker) { wakers.withLock { $0.removeAll { $0 === waker } } }

  private func settle(_ ticket: UInt64) {
    settled.max(ticket, ordering: .sequentiallyConsistent)
  }

  private func wake() {
    wakers.withLock { wakers in
      for waker in wakers where waker.holdsReplies.load(ordering: .sequentiallyConsistent) {
        waker.wake()
      }
    }
  }
}
