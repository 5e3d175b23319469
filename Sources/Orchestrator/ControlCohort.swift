// ControlCohort: devices that a rollout reaches last; what they do tells what silence means.

import RolloutEngine
import UpdateModel

/// The control cohort of one rollout, with a healthy clock for each of its domains.
struct ControlCohort {
  /// Devices of the cohort, with their domain; nil where the policy names none.
  private(set) var members: [(device: DeviceID, domain: String?)] = []
  private var clock = HealthyClock()
  private var clocks: [String: HealthyClock] = [:]
  /// When it was last looked at.
  private(set) var lookedAt: Instant?

  /// Of each stratum so many devices at most are kept.
  static let membersPerStratum = 5000
  /// Of all strata together.
  static let membersMax = 20_000
  /// A domain with fewer devices in the cohort goes by the clock of all.
  private static let membersOfOwnClock = 20

  init() {}

  init(_ members: [(device: DeviceID, domain: String?)]) { self.members = members }

  /// Healthy time that passed in a domain between two instants.
  func elapsed(from: Instant, to: Instant, domain: String?) -> Interval {
    (domain.flatMap { clocks[$0] } ?? clock).elapsed(from: from, to: to)
  }

  /// Looks at the cohort: who is heard, who is lost. Moves the clocks.
  ///
  /// For each member in order, `isGranted` tells who left the cohort, `lastHeard` when a device was
  /// last heard (nil for one that is gone). When hardly anybody is left to compare with, all
  /// devices tell together whether there is an outage, and what silence is ordinary is not known.
  mutating func look(
    terms: Policy.Evidence, poll: Interval, stepOpenedAt: Instant, now: Instant,
    isGranted: [Bool], lastHeard: [Instant?]
  ) -> ControlSample {
    lookedAt = now
    let silence = terms.silence(poll: poll)
    let recent = Interval(milliseconds: poll.milliseconds * 3 / 2)
    var control = Census()
    var everyone = Census()
    var domains: [String: Census] = [:]
    for (index, domain) in members.lazy.map(\.domain).enumerated() {
      guard let heard = lastHeard[index], stepOpenedAt - heard < silence else { continue }
      let isHeard = now - heard <= recent
      let isLost = elapsed(from: heard, to: now, domain: domain) >= silence
      everyone.add(isHeard: isHeard, isLost: false)
      guard !isGranted[index] else { continue }
      control.add(isHeard: isHeard, isLost: isLost)
      if let domain { domains[domain, default: Census()].add(isHeard: isHeard, isLost: isLost) }
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
      devices: isEnough ? control.devices : 0, lost: isEnough ? control.lost : 0, heard: heard,
      at: now)
  }

  private struct Census {
    var devices = 0
    var lost = 0
    private var heardCount = 0

    mutating func add(isHeard: Bool, isLost: Bool) {
      devices += 1
      if isHeard { heardCount += 1 }
      if isLost { lost += 1 }
    }

    /// Everybody while there is nobody.
    var heard: Share {
      devices == 0 ? .whole : Share(basisPoints: heardCount * 10_000 / devices) ?? .whole
    }
  }
}
