// Mark: how one device counts as evidence about the release; follows from its action alone.

public import UpdateModel

/// What a device says about the firmware. Each participant has exactly one mark.
///
/// Apart from `Standing`, which tells people how far a device is: a device that could not fetch the
/// image has failed, yet says nothing about the firmware; one that succeeded says little before it
/// has run for the soak time.
public enum Mark: Equatable, Sendable {
  /// Has not begun to install: says nothing.
  case unexposed
  /// Was taken out before it began to install: says nothing, and never will.
  case spared
  /// Could not fetch the image: speaks about the delivery, not about the firmware.
  case undelivered
  /// Began to install; no verdict yet.
  case open(since: Instant)
  /// Began to install, failed, and waits for another attempt. No verdict yet; but where no further
  /// attempts are given, it is a failure.
  case failing(since: Instant)
  /// Runs the release, verified; counts as proven once the soak time has passed.
  case proven(since: Instant)
  /// Failed to install, fell back, or went bad later. Stays for good.
  case reported
  /// Began to install and fell silent while others are heard; mends when it is heard again.
  case lost
  /// Began to install and was taken out of the rollout without a verdict.
  case withdrawn
}

extension Action {
  /// How the action counts as evidence.
  public var mark: Mark {
    guard let exposedAt else {
      switch state {
      case .ended(.failed): return .undelivered
      case .ended(.lost): return .unexposed
      case .ended: return .spared
      case .leased, .retrying: return .unexposed
      }
    }
    if isReported { return .reported }
    if isSilent { return .lost }
    if let provenAt { return .proven(since: provenAt) }
    switch (kind, state) {
    case (.update, .retrying) where failure != nil: return .failing(since: exposedAt)
    case (.update, .leased), (.update, .retrying), (.update, .ended(.lost)),
      (.update, .ended(.failed)), (.update, .ended(.succeeded)), (.update, .ended(.unverified)):
      return .open(since: exposedAt)
    case (.rollback, _), (.update, .ended): return .withdrawn
    }
  }
  /// Whether the silence of the device would be evidence.
  public var isWatched: Bool {
    guard kind == .update, exposedAt != nil, !isReported, !isSilent else { return false }
    return mark != .withdrawn
  }
}
