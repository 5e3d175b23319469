// Standby: an update that is put off or held back for a while, since when, and who decides.

public import UpdateModel

/// A device that takes part and holds no slot, because it puts its update off or because something
/// holds it back. Kept through the grants in between until an installation ends, so that a device
/// which says "not now" again and again comes to the limit of the policy.
public struct Standby: Equatable, Sendable {
  /// Why it waits.
  public internal(set) var cause: Cause
  /// Since when it waits without a break, for that cause.
  public internal(set) var since: Instant
  /// Since when the device or its user puts the update off, in a row; nil when only operators'
  /// conditions held it back.
  public internal(set) var putOffSince: Instant?
  /// How often the device put it off, in a row.
  public internal(set) var count: Int
  /// Whether it has the images and waits to install them.
  public internal(set) var hasImage: Bool
  /// What was decided when the limit of the policy was reached, or by a person before.
  public internal(set) var ruling: Ruling

  /// Why a device waits.
  public enum Cause: Equatable, Sendable {
    /// It said so; in its own words, at most 512 bytes.
    case device(String)
    /// Something of its state, or a window, holds it back; in words.
    case hindrance(Hindrance.Kind, String)
  }

  /// What was decided.
  public enum Ruling: Equatable, Sendable {
    /// Nothing yet.
    case none
    /// A person has to decide.
    case undecided(since: Instant)
    /// It may not be put off any more; by whom, nil for the policy.
    case forced(by: String?, since: Instant)
  }

  /// Joins the parts.
  public init(
    cause: Cause, since: Instant, putOffSince: Instant?, count: Int, hasImage: Bool,
    ruling: Ruling = .none
  ) {
    self.cause = cause
    self.since = since
    self.putOffSince = putOffSince
    self.count = count
    self.hasImage = hasImage
    self.ruling = ruling
  }

  /// Whether comfort, wishes and windows hold it back no more.
  public var isForced: Bool { if case .forced = ruling { true } else { false } }

  /// Whether a person has to decide before anything more happens.
  public var isUndecided: Bool { if case .undecided = ruling { true } else { false } }

  /// Whether the device itself said "not now" last.
  public var isPostponed: Bool { if case .device = cause { true } else { false } }

  // The device says "not now" once more.
  mutating func postpone(_ reason: String, at now: Instant) {
    if !isPostponed { since = now }
    cause = .device(Standby.cut(reason))
    putOffSince = putOffSince ?? now
    count += 1
  }

  // Something holds it back. What is as before changes nothing, so that nothing is written.
  mutating func hold(_ hindrance: Hindrance, at now: Instant) {
    if case .hindrance(hindrance.kind, _) = cause { return }
    if isPostponed || hindrance.kind == .turn { since = now }
    cause = .hindrance(hindrance.kind, hindrance.clause)
    if hindrance.kind.isPuttingOff { putOffSince = putOffSince ?? now }
    // It would install if there were a slot; a device that never said "not now" is not at fault.
    if hindrance.kind == .turn, count == 0 { putOffSince = nil }
  }

  private static func cut(_ text: String) -> String {
    String(decoding: text.utf8.prefix(512), as: UTF8.self)
  }

  /// One clause for people.
  public var clause: String {
    let why =
      switch cause {
      case .device(let reason):
        "postponed by the device since \(since)" + (reason.isEmpty ? "" : ": \(reason)")
      case .hindrance(_, let clause): "waits since \(since): \(clause)"
      }
    let times = count > 1 ? ", put off \(count) times" : ""
    let own = putOffSince.map { $0 < since ? ", put off in a row since \($0)" : "" } ?? ""
    return why + times + own + rulingClause
  }

  private var rulingClause: String {
    switch ruling {
    case .none: ""
    case .undecided(let since):
      "; that is longer than its policy allows, and a person has to decide since \(since)"
    case .forced(let person?, let since): "; forced by \(person) at \(since)"
    case .forced(nil, let since): "; may not be put off any more since \(since)"
    }
  }
}

extension Action {
  /// How its update is put off or held back; nil when it is not.
  public var standby: Standby? {
    if case .standby(let standby) = aside { standby } else { nil }
  }

  /// Whether it was never granted anything: its device waited from the beginning.
  public var isUngranted: Bool { attempt == 0 }

  /// The part of a device whose turn it is and which is held back before its first grant.
  public init(
    holding device: DeviceID, of specification: RolloutSpecification, stage: Int, id: ActionID,
    release: ReleaseID, for hindrance: Hindrance, stratum: Int?, now: Instant
  ) {
    self.init(
      rollout: specification.id, device: device, stage: stage, kind: .update, id: id,
      previousID: nil, attempt: 0, release: release, fallback: nil, state: .retrying(from: now),
      cancel: .none, grantedAt: now, changedAt: now, installedAt: nil, failure: nil,
      aside: .standby(
        Standby(
          cause: .hindrance(hindrance.kind, hindrance.clause), since: now,
          putOffSince: hindrance.kind.isPuttingOff ? now : nil, count: 0, hasImage: false)))
    self.stratum = stratum
  }
}
