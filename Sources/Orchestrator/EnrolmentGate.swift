// EnrolmentGate: how many strangers a tenant listens to at a time, and how many of one address.
//
// While a tenant is asked little, addresses do not matter: a whole site may stand behind one, and
// behind a proxy everybody does. Once half of a burst is used up, each address has its own share,
// so that one that floods or guesses claim codes leaves enough to all others.

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
  /// Addresses that are told apart at the same time; the one that asked longest ago goes first, by
  /// halves of the table. About 100 bytes each, and only while there is a flood.
  static let addressesMax = 8192
  /// The part of a tenant's rate and burst that one address has in times of need: 1 in so many.
  static let addressShare = 8

  // A signature is checked in about a tenth of a millisecond, a challenge made in a hundredth; so a
  // flood costs a tenth of one core at most, and a thousand devices that start at once get in.
  private static func bucket(_ request: UnknownRequest, at now: Instant) -> TokenBucket {
    switch request {
    case .enrol: TokenBucket(rate: 100, burst: 1000, at: now)
    case .challenge: TokenBucket(rate: 1000, burst: 10_000, at: now)
    case .session: TokenBucket(rate: 500, burst: 10_000, at: now)
    }
  }

  private struct Caller: Hashable {
    let address: String
    let request: UnknownRequest
  }

  private struct State {
    var tenant: [UnknownRequest: TokenBucket] = [:]
    // Two halves: when the newer one is full, the older one is forgotten.
    var newer: [Caller: TokenBucket] = [:]
    var older: [Caller: TokenBucket] = [:]
  }

  private let state = Lock(State())

  /// Takes a place; otherwise tells after how many seconds to come again. The address is asked for
  /// only when it matters.
  func wait(_ request: UnknownRequest, from address: () -> String, at now: Instant) -> Int? {
    state.withLock { state in
      var tenant = state.tenant[request] ?? EnrolmentGate.bucket(request, at: now)
      defer { state.tenant[request] = tenant }
      guard tenant.isBelowHalf(at: now) else { return tenant.take(at: now) }
      // First, so that who is refused takes nothing from the others.
      let caller = Caller(address: address(), request: request)
      return EnrolmentGate.takeShare(of: caller, tenant, in: &state, at: now)
        ?? tenant.take(at: now)
    }
  }

  private static func takeShare(
    of caller: Caller, _ tenant: TokenBucket, in state: inout State, at now: Instant
  ) -> Int? {
    var own =
      state.newer[caller] ?? state.older[caller]
      ?? TokenBucket(
        rate: tenant.rate / addressShare, burst: tenant.burst / addressShare, at: now)
    let seconds = own.take(at: now)
    if state.newer[caller] == nil, state.newer.count >= addressesMax / 2 {
      (state.older, state.newer) = (state.newer, [:])
    }
    state.newer[caller] = own
    return seconds
  }
}

extension ControlPlane {
  /// Takes a place for a request without credentials; otherwise tells after how many seconds to
  /// come again. `address` says where it came from, and is asked for only in a flood.
  public func waitBefore(
    _ request: UnknownRequest, from address: @autoclosure () -> String, in room: Room
  ) -> Int? {
    room.gate.wait(request, from: address, at: clock.now)
  }
}
