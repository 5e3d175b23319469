// Standing: how a device counts in its rollout; each participant counts in exactly one standing.

/// The columns of a rollout's counters.
public enum Standing: Int, Sendable, CaseIterable {
  /// Was told that there is an update.
  case offered
  /// Is fetching it.
  case downloading
  /// Is installing it.
  case installing
  /// Says that it installed; proof is awaited.
  case verifying
  /// Waits for another attempt.
  case retrying
  /// Runs the release, verified.
  case succeeded
  /// Runs the release as far as it can tell.
  case unverified
  /// Failed for good.
  case failed
  /// Fell silent.
  case lost
  /// Was stopped before it installed.
  case cancelled
  /// Is being brought back.
  case returning
  /// Waits for another attempt at the way back.
  case returnRetrying
  /// Runs again what it ran before.
  case returned
  /// Could not be brought back.
  case returnFailed
  /// Should go back but has nothing to go back to.
  case stranded
  /// Puts its update off, or gives way to another rollout; holds no slot.
  case postponed
  /// Did not take the release in the time it was given; says nothing about the release.
  case undelivered
  /// Is another rollout's now.
  case superseded
  /// Is held back by a condition, its own wish or a window; holds no slot.
  case waiting
  /// Put its update off for longer than the policy allows, and a person has to decide.
  case undecided

  /// The word used in APIs and tables.
  public var label: String {
    switch self {
    case .offered: "offered"
    case .downloading: "downloading"
    case .installing: "installing"
    case .verifying: "verifying"
    case .retrying: "retrying"
    case .succeeded: "succeeded"
    case .unverified: "unverified"
    case .failed: "failed"
    case .lost: "lost"
    case .cancelled: "cancelled"
    case .returning: "returning"
    case .returnRetrying: "return-retrying"
    case .returned: "returned"
    case .returnFailed: "return-failed"
    case .stranded: "stranded"
    case .postponed: "postponed"
    case .undelivered: "undelivered"
    case .superseded: "superseded"
    case .waiting: "waiting"
    case .undecided: "undecided"
    }
  }

  /// Whether the device has reached its verdict about the release.
  public var isVerdict: Bool {
    switch self {
    case .succeeded, .unverified, .failed, .lost: true
    default: false
    }
  }

  /// Whether the verdict counts against the release.
  public var isFailure: Bool { self == .failed || self == .lost }

  /// Whether the device began to install the release.
  ///
  /// A device that waits for another attempt counts, so that a failed attempt never makes the
  /// exposure smaller than it was.
  public var isExposed: Bool {
    switch self {
    case .offered, .downloading, .cancelled, .postponed, .undelivered, .superseded, .waiting,
      .undecided:
      false
    default: true
    }
  }
}

extension Action {
  /// How the action counts.
  public var standing: Standing {
    switch (state, kind) {
    case (.leased(let phase, _), .update):
      switch phase {
      case .offered: .offered
      case .downloading: .downloading
      case .installing: .installing
      case .verifying: .verifying
      }
    case (.retrying, .update):
      switch aside {
      case nil: .retrying
      case .standby(let standby):
        standby.isUndecided ? .undecided : standby.isPostponed ? .postponed : .waiting
      case .yielded, .superseded: .postponed
      }
    case (.leased, .rollback): .returning
    case (.retrying, .rollback): .returnRetrying
    case (.ended(let outcome), _):
      switch outcome {
      case .succeeded: .succeeded
      case .unverified: .unverified
      case .failed: .failed
      case .lost: .lost
      case .cancelled: .cancelled
      case .returned: .returned
      case .returnFailed: .returnFailed
      case .stranded: .stranded
      case .undelivered: .undelivered
      case .superseded: .superseded
      }
    }
  }
}

/// Counters of devices by standing.
public struct Tally: Equatable, Sendable {
  private var counts = [Int](repeating: 0, count: Standing.allCases.count)

  /// All zero.
  public init() {}

  /// Devices in one standing.
  public subscript(standing: Standing) -> Int { counts[standing.rawValue] }

  /// Moves one device between standings; `from` is nil when it is new.
  public mutating func move(from: Standing?, to: Standing) {
    if let from {
      precondition(counts[from.rawValue] > 0, "a device leaves a standing that counts it")
      counts[from.rawValue] -= 1
    }
    counts[to.rawValue] += 1
  }

  /// Adds another tally.
  public static func + (left: Tally, right: Tally) -> Tally {
    var sum = left
    for index in sum.counts.indices { sum.counts[index] += right.counts[index] }
    return sum
  }

  /// Devices that take part.
  public var participants: Int { counts.reduce(0, +) }
  /// Devices that hold a lease.
  public var leased: Int {
    self[.offered] + self[.downloading] + self[.installing] + self[.verifying] + self[.returning]
  }
  /// Devices with a verdict about the release.
  public var verdicts: Int { total { $0.isVerdict } }
  /// Devices that count against the release.
  public var failures: Int { total { $0.isFailure } }
  /// Devices that began to install the release.
  public var exposed: Int { total { $0.isExposed } }

  private func total(_ included: (Standing) -> Bool) -> Int {
    Standing.allCases.reduce(0) { included($1) ? $0 + self[$1] : $0 }
  }
}
