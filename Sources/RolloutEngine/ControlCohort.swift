// ControlCohort: devices that a rollout reaches last; what they do tells what silence means.
//
// The driver keeps one for each rollout, tells it who is heard, feeds what it finds to the rollout
// as `.controlSeen`, and asks it what the silence of a device that took the release means.

public import UpdateModel

/// The control cohort of one rollout, with a healthy clock for each of its domains.
public struct ControlCohort: Sendable {
  /// Devices of the cohort, with their domain; nil where the policy names none.
  public private(set) var members: [(device: DeviceID, domain: String?)] = []
  private var clock = HealthyClock()
  private var clocks: [String: HealthyClock] = [:]
  /// When it was last looked at.
  public private(set) var lookedAt: Instant?

  /// Of each stratum so many devices at most are kept.
  public static let membersPerStratum = 5000
  /// Of all strata together.
  public static let membersMax = 20_000
  /// A domain with fewer devices in the cohort goes by the clock of all.
  private static let membersOfOwnClock = 20

  /// What the silence of a device means.
  public enum Silence: Equatable, Sendable {
    /// It is longer than is normal: evidence.
    case lost
    /// Nothing yet; look again then.
    case tooShort(lookAgain: Instant)
  }

  /// Nobody to compare with.
  public init() {}

  /// A cohort of the devices that are reached last.
  public init(_ members: [(device: DeviceID, domain: String?)]) { self.members = members }

  /// Healthy time that passed in a domain between two instants.
  public func elapsed(from: Instant, to: Instant, domain: String?) -> Interval {
    (domain.flatMap { clocks[$0] } ?? clock).elapsed(from: from, to: to)
  }

  /// What it means that a device of a domain was last heard at `heard`, for devices of which a
  /// healthy `silence` is more than normal.
  public func judge(
    heard: Instant, silence: Interval, domain: String?, now: Instant
  ) -> Silence {
    let passed = elapsed(from: heard, to: now, domain: domain)
    if passed >= silence { return .lost }
    let left = Interval(milliseconds: max(1000, silence.milliseconds - passed.milliseconds))
    return .tooShort(lookAgain: now + left)
  }

  /// Whether it is time for another look: four in a poll interval notice an outage soon enough, and
  /// no more than one a second.
  public func isDue(poll: Interval, now: Instant) -> Bool {
    let pause = Interval(milliseconds: max(1000, min(60_000, poll.milliseconds / 4)))
    return lookedAt.map { now - $0 >= pause } ?? true
  }

  /// Looks at the cohort: who is heard, who is lost. Moves the clocks.
  ///
  /// `isGranted` tells who left the cohort, `lastHeard` when a device was last heard (nil for one
  /// that is gone). When hardly anybody is left to compare with, all devices tell together whether
  /// there is an outage, and what silence is ordinary is not known.
  public mutating func look(
    terms: Policy.Evidence, poll: Interval, startedAt: Instant, stepOpenedAt: Instant,
    now: Instant, isGranted: (DeviceID) -> Bool, lastHeard: (DeviceID) -> Instant?
  ) -> ControlSample {
    look(
      terms: terms, poll: poll, startedAt: startedAt, stepOpenedAt: stepOpenedAt, now: now,
      isGranted: members.map { isGranted($0.device) },
      lastHeard: members.map { lastHeard($0.device) })
  }

  /// As the other, with what is known about each member in the order of `members`.
  public mutating func look(
    terms: Policy.Evidence, poll: Interval, startedAt: Instant, stepOpenedAt: Instant,
    now: Instant, isGranted: [Bool], lastHeard: [Instant?]
  ) -> ControlSample {
    lookedAt = now
    let silence = terms.silence(poll: poll)
    let recent = Interval(milliseconds: poll.milliseconds * 3 / 2)
    var loss = (devices: 0, lost: 0)
    var control = Census()
    var everyone = Census()
    var domains: [String: Census] = [:]
    for (index, member) in members.enumerated() {
      guard let heard = lastHeard[index], startedAt - heard < silence else { continue }
      let domain = member.domain
      let isLeft = !isGranted[index]
      if isLeft {
        loss.devices += 1
        if elapsed(from: heard, to: now, domain: domain) >= silence { loss.lost += 1 }
      }
      guard stepOpenedAt - heard < silence else { continue }
      let isHeard = now - heard <= recent
      everyone.add(isHeard: isHeard)
      guard isLeft else { continue }
      control.add(isHeard: isHeard)
      if let domain { domains[domain, default: Census()].add(isHeard: isHeard) }
    }
    let isEnough = control.devices >= ControlCohort.membersOfOwnClock
    let heard = isEnough ? control.heard : everyone.heard
    clock.observe(isHealthy: heard >= terms.minHeard, at: now)
    for (domain, census) in domains where census.devices >= ControlCohort.membersOfOwnClock {
      clocks[domain, default: clock].observe(isHealthy: census.heard >= terms.minHeard, at: now)
    }
    for domain in clocks.keys
    where (domains[domain]?.devices ?? 0) < ControlCohort.membersOfOwnClock {
      clocks[domain] = nil
    }
    return ControlSample(
      devices: isEnough ? loss.devices : 0, lost: isEnough ? loss.lost : 0, heard: heard,
      at: now)
  }

  private struct Census {
    var devices = 0
    private var heardCount = 0

    mutating func add(isHeard: Bool) {
      devices += 1
      if isHeard { heardCount += 1 }
    }

    /// Everybody while there is nobody.
    var heard: Share {
      devices == 0 ? .whole : Share(basisPoints: heardCount * 10_000 / devices) ?? .whole
    }
  }
}

extension Rollout {
  /// What it means that the deadline of an action passed, whose device was last heard at `heard`.
  ///
  /// With evidence, a device that was not heard lately is silent even if it spoke since its state
  /// last changed. It did not fail: the clock for silence decides about it, and that stands still
  /// in an outage.
  public func expiry(of action: Action, heard: Instant, now: Instant) -> ActionInput {
    let lately = Interval(milliseconds: specification.pollInterval.milliseconds * 3 / 2)
    return .expired(silent: heard <= action.changedAt || gathersEvidence && now - heard > lately)
  }
}
