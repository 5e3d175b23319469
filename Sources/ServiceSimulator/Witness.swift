// Witness: watches the service from outside, counts for itself, and keeps the first thing that must
// never be.
//
// It knows what was answered to whom, and reads the public views of the service. What it needs of
// the engine is little: leases, statuses, stages and counters.

import FleetStore
import Orchestrator
import RolloutEngine
import UpdateModel

/// What was seen and promised in one run.
struct Witness {
  /// A device's part in the newest rollout it takes part in.
  struct Part: Equatable {
    let rollout: RolloutID
    let id: ActionID
    let isLeased: Bool
  }

  /// What people were told about a rollout, by its name.
  struct Promise {
    var isStarted = false
    var isPaused = false
    var isStopped = false
    var approved: Set<Int> = []
  }

  private struct Glimpse {
    let status: Rollout.Status
    let openStage: Int?
  }

  private struct Grant {
    let id: ActionID
    let rollout: RolloutID
    let at: Instant
  }

  private(set) var first: (at: Instant, sentence: String)?
  private(set) var grantCount = 0
  var promises: [String: Promise] = [:]
  private(set) var parts: [DeviceID: Part] = [:]
  /// The members of the canary group, as people were told.
  var canaries: Set<DeviceID> = []
  private var glimpses: [RolloutID: Glimpse] = [:]
  private var recentGrants: [Grant] = []

  /// The true time, for what is reported; checks use the clock of the service.
  var trueNow = Instant.epoch

  mutating func violate(_ sentence: String) {
    if first == nil { first = (trueNow, sentence) }
  }

  /// The clock of the service was set: minutes counted before are no minutes now.
  mutating func clockJumped() { recentGrants = [] }

  // MARK: After each step of the service

  /// A device polled.
  mutating func polled(_ device: DeviceID, _ life: ServiceLife) {
    let views = life.plane.rollouts(in: life.room)
    let action = life.plane.overview(of: device, in: life.room)?.part?.action
    note(action, of: device, views, mayBeGranted: true)
    look(views)
  }

  /// Something else happened that concerns one device.
  mutating func reported(_ device: DeviceID, _ life: ServiceLife) {
    let views = life.plane.rollouts(in: life.room)
    let action = life.plane.overview(of: device, in: life.room)?.part?.action
    note(action, of: device, views, mayBeGranted: false)
    look(views)
  }

  /// Anything may have happened: every action is read and every counter is counted again.
  ///
  /// With `now`, the service has just looked at the time: no lease may have outlived its deadline.
  mutating func recount(_ life: ServiceLife, after now: Instant? = nil) {
    let views = life.plane.rollouts(in: life.room)
    let deadline = life.plane.isStoreHealthy ? now ?? .epoch : .epoch
    var present: [DeviceID: Action] = [:]
    var ids: Set<ActionID> = []
    for view in views where view.rollout.status != .draft && view.rollout.status != .closed {
      let actions = actions(of: view.rollout, life)
      checkCounters(view.rollout, actions)
      checkEvidence(view.rollout, actions)
      for action in actions {
        if let end = action.deadline, end <= deadline {
          violate("the lease of \(action.device) ended at \(end) and is still held at \(deadline)")
        }
        if action.isLeased, !ids.insert(action.id).inserted {
          violate("two devices hold leases with id \(action.id)")
        }
        let other = present[action.device]
        if let other, other.isLeased, action.isLeased {
          violate("\(action.device) holds leases in two rollouts")
        }
        if other.map({ Witness.isBefore($0, action) }) ?? true { present[action.device] = action }
      }
    }
    for device in present.keys.sorted() {
      note(present[device], of: device, views, mayBeGranted: false)
    }
    parts = parts.filter { present[$0.key] != nil }
    look(views)
  }

  /// The service came back: what is there is the new beginning.
  mutating func restarted(_ life: ServiceLife) {
    glimpses = [:]
    parts = [:]
    var there: Set<ActionID> = []
    let views = life.plane.rollouts(in: life.room)
    for view in views where view.rollout.status != .draft && view.rollout.status != .closed {
      for action in actions(of: view.rollout, life) {
        there.insert(action.id)
        let other = parts[action.device]
        if other.map({ !$0.isLeased && (action.isLeased || $0.id.number < action.id.number) })
          ?? true
        {
          parts[action.device] = Part(action)
        }
      }
    }
    // What was granted and not written was never answered: nobody was given it.
    recentGrants.removeAll { !there.contains($0.id) }
    recount(life)
  }

  // A lease tells more than an end, and of two ends the later one.
  private static func isBefore(_ left: Action, _ right: Action) -> Bool {
    left.isLeased == right.isLeased ? left.id.number < right.id.number : right.isLeased
  }

  // MARK: Grants

  private mutating func note(
    _ action: Action?, of device: DeviceID, _ views: [RolloutView], mayBeGranted: Bool
  ) {
    let before = parts[device]
    guard let action else {
      parts[device] = nil
      return
    }
    parts[device] = Part(action)
    guard action.isLeased, before?.id != action.id || before?.rollout != action.rollout else {
      return
    }
    guard let view = views.first(where: { $0.rollout.specification.id == action.rollout }) else {
      return violate("\(device) was granted rollout \(action.rollout), which is not shown")
    }
    if !mayBeGranted { violate("\(device) was granted \(action.id) without a poll") }
    checkGrant(action, view.rollout, now: action.grantedAt)
  }

  private mutating func checkGrant(_ action: Action, _ rollout: Rollout, now: Instant) {
    grantCount += 1
    let name = rollout.specification.name.text
    let promise = promises[name] ?? Promise()
    switch action.kind {
    case .update:
      if rollout.status != .running, rollout.status != .completed {
        violate("\(action.device) was granted while \(name) is \(rollout.status.rawValue)")
      }
      if promise.isPaused { violate("\(action.device) was granted after \(name) was paused") }
      if promise.isStopped { violate("\(action.device) was granted after \(name) was stopped") }
      checkStage(action, rollout)
    case .rollback:
      if rollout.status != .rollingBack, rollout.status != .rolledBack {
        violate("\(action.device) goes back while \(name) is \(rollout.status.rawValue)")
      }
    }
    recentGrants.append(Grant(id: action.id, rollout: action.rollout, at: now))
    checkLimits(rollout, now: now)
  }

  private mutating func checkLimits(_ rollout: Rollout, now: Instant) {
    let id = rollout.specification.id
    let limits = rollout.policy.limits
    if let concurrent = limits.concurrent {
      let leased = parts.values.count { $0.rollout == id && $0.isLeased }
      if leased > concurrent { violate("\(leased) leases are held, \(concurrent) are allowed") }
    }
    guard let perMinute = limits.perMinute else { return }
    recentGrants.removeAll { now - $0.at >= .minutes(1) }
    let count = recentGrants.count { $0.rollout == id }
    if count > perMinute { violate("\(count) grants in a minute, \(perMinute) are allowed") }
  }

  /// The stage that a device belongs to; nil when it belongs to none.
  func stage(of device: DeviceID, in rollout: Rollout) -> Int? {
    let rank = Cohort.rank(of: device, salt: rollout.specification.salt)
    return rollout.stages.firstIndex { stage in
      switch stage.plan.selection {
      case .group: canaries.contains(device)
      case .ranks(let upTo): rank <= upTo
      // All devices are of one model, so there is one stratum.
      case .strata(let openings): openings.contains { rank <= $0.bound }
      }
    }
  }

  private mutating func checkStage(_ action: Action, _ rollout: Rollout) {
    let own = stage(of: action.device, in: rollout)
    let open = rollout.openStage ?? -1
    if action.stage > open || (action.attempt == 1 && own ?? Int.max > open) {
      violate(
        "\(action.device) of stage index \(own.map(String.init) ?? "none") was granted while "
          + "\(open) is open")
    }
  }

  // MARK: Rollouts

  private func actions(of rollout: Rollout, _ life: ServiceLife) -> [Action] {
    // A rollout that is shown can be asked for.
    let parts = try? life.plane.participants(
      of: String(rollout.specification.id.number), in: life.room, standing: nil, after: nil,
      limit: 1000)
    return parts?.map(\.part.action) ?? []
  }

  private mutating func checkCounters(_ rollout: Rollout, _ actions: [Action]) {
    let columns = Standing.allCases.count
    var counts = [Int](repeating: 0, count: rollout.stages.count * columns)
    for action in actions { counts[action.stage * columns + action.standing.rawValue] += 1 }
    for (index, stage) in rollout.stages.enumerated() {
      for standing in Standing.allCases {
        let counted = counts[index * columns + standing.rawValue]
        guard stage.tally[standing] != counted else { continue }
        violate(
          "\(stage.plan.name) of \(rollout.specification.name) counts \(stage.tally[standing]) as "
            + "\(standing.label), recounted \(counted)")
      }
    }
  }

  // The evidence is what the actions say, and no stratum has more devices than its steps opened.
  private mutating func checkEvidence(_ rollout: Rollout, _ actions: [Action]) {
    let name = rollout.specification.name
    for (index, stratum) in rollout.strata.enumerated() {
      let marks = actions.filter { $0.stratum == index }.map(\.mark)
      let counts = stratum.evidence
      let found = [
        marks.count, marks.count { $0 == .reported }, marks.count { $0 == .lost },
        marks.count { if case .proven = $0 { true } else { false } },
      ]
      let counted = [counts.granted, counts.reported, counts.lost, counts.proven]
      if found != counted {
        violate("\(stratum.label) of \(name) counts \(counted), recounted \(found)")
      }
      if marks.count > stratum.opened {
        violate("\(marks.count) devices of \(name) were granted, \(stratum.opened) were open")
      }
    }
  }

  private mutating func look(_ views: [RolloutView]) {
    for view in views {
      let rollout = view.rollout
      let name = rollout.specification.name.text
      let status = rollout.status
      if let before = glimpses[rollout.specification.id] {
        let stays = before.openStage == rollout.openStage
        if before.status.isStopped, !stays || !(status.isStopped || status == .closed) {
          violate("\(name) was \(before.status.rawValue) and went on to \(status.rawValue)")
        }
        if before.status == .paused, status == .paused, !stays {
          violate("\(name) widened while it was paused")
        }
      }
      glimpses[rollout.specification.id] = Glimpse(status: status, openStage: rollout.openStage)
      check(promises[name] ?? Promise(), rollout)
    }
    for (name, promise) in promises.sorted(by: { $0.key < $1.key }) {
      let isShown = views.contains { $0.rollout.specification.name.text == name }
      if !isShown, promise.isStarted { violate("rollout \(name) was acknowledged and is gone") }
    }
  }

  private mutating func check(_ promise: Promise, _ rollout: Rollout) {
    let name = rollout.specification.name
    let status = rollout.status
    let isOver = status.isStopped || status == .closed
    if promise.isStarted, status == .draft { violate("the start of \(name) was forgotten") }
    if promise.isPaused, status != .paused, !isOver {
      violate("the pause of \(name) was forgotten: it is \(status.rawValue)")
    }
    if promise.isStopped, !isOver {
      violate("the end of \(name) was forgotten: it is \(status.rawValue)")
    }
    for stage in promise.approved.sorted() where rollout.stages[stage].signedOffBy == nil {
      violate("the approval of \(rollout.stages[stage].plan.name) of \(name) was forgotten")
    }
  }
}

extension Witness.Part {
  init(_ action: Action) {
    rollout = action.rollout
    id = action.id
    isLeased = action.isLeased
  }
}
