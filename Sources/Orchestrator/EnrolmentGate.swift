// EnrolmentGate: how many strangers a tenant listens to at a time.

import UpdateModel

/// What can be asked for without credentials.
public enum UnknownRequest: Sendable, CaseIterable {
  /// To become known.
  case enrol
  /// A text to sign.
  case challenge
  /// A session for a signed text.
  case session
}

/// One tenant's buckets.
final class EnrolmentGate: Sendable {
  // A signature is checked in about a tenth of a millisecond, a challenge made in a hundredth; so a
  // flood costs a tenth of one core at most, and a thousand devices that start at once get in.
  private static func bucket(_ request: UnknownRequest, at now: Instant) -> TokenBucket {
    switch request {
    case .enrol: TokenBucket(rate: 100, burst: 1000, at: now)
    case .challenge: TokenBucket(rate: 1000, burst: 10_000, at: now)
    case .session: TokenBucket(rate: 500, burst: 10_000, at: now)
    }
  }

  private let buckets = Lock<[UnknownRequest: TokenBucket]>([:])

  func wait(_ request: UnknownRequest, at now: Instant) -> Int? {
    buckets.withLock { $0[request, default: EnrolmentGate.bucket(request, at: now)].take(at: now) }
  }
}

extension ControlPlane {
  /// Takes a place for a request without credentials; otherwise tells after how many seconds to
  /// come again.
  public func waitBefore(_ request: UnknownRequest, in room: Room) -> Int? {
    room.gate.wait(request, at: clock.now)
  }
}
