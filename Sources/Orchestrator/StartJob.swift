// StartJob: a person tells many devices the same thing, a few at a time.

import FleetStore
import RolloutEngine
public import UpdateModel

/// What a job is to be.
public struct JobRequest: Sendable {
  /// What people call it.
  public let name: Name
  /// Which devices.
  public let target: JobTarget
  /// What each is told; its lifetime counts from the moment at which a device is given it.
  public let command: CommandRequest
  /// How many at a time.
  public let limits: JobLimits
  /// For how long devices are given their command.
  public let length: Interval

  /// Joins the parts.
  public init(
    name: Name, target: JobTarget, command: CommandRequest, limits: JobLimits,
    length: Interval = Job.usualLength
  ) {
    self.name = name
    self.target = target
    self.command = command
    self.limits = limits
    self.length = length
  }
}

/// The devices that a job is for at one moment.
public struct JobCensus: Sendable {
  /// Devices of the target that know the command and take these arguments.
  public internal(set) var able = 0
  /// Devices of the target that do not; they are passed over.
  public internal(set) var unable = 0
  /// Some that are able, by id.
  public internal(set) var examples: [DeviceID] = []
  /// Why the first of the others is not able.
  public internal(set) var reason: String?

  static let examplesMax = 10
}

extension ControlPlane {
  /// Looks at which devices a job would be for now; changes nothing. Takes seconds for a large
  /// fleet: not for event loops.
  public func plan(_ request: JobRequest, in room: Room) throws(Problem) -> JobCensus {
    do throws(InvalidValue) { try CommandArguments.check(request.command.arguments) } catch {
      throw Problem(error)
    }
    let ledger = room.ledger.withLock { $0.selectionCopy() }
    switch request.target {
    case .everyone: break
    case .query(let query):
      try query.requireNoUpdate(choosing: "the devices of a job", field: "where")
    case .group(let name):
      guard ledger.groups[name] != nil else {
        throw Problem(.unprocessable, "there is no group \(name)")
      }
    case .devices(let ids):
      if let stranger = ids.sorted().first(where: { !room.fleet.contains($0) }) {
        throw Problem(.unprocessable, "there is no device \(stranger); nothing was started")
      }
    }
    return census(
      of: request.target, request.command.name, request.command.arguments, ledger, in: room)
  }

  /// Starts a job. Throws `unprocessable` when it is for no device, `conflict` when one of its name
  /// is under way, `limitReached` when too many are. Takes long for a large fleet.
  public func startJob(
    _ request: JobRequest, by person: String, in room: Room
  ) throws(Problem) -> (job: JobView, ticket: UInt64) {
    try requireStore()
    let census = try plan(request, in: room)
    guard census.able > 0 else {
      let why =
        census.reason.map { "\(census.unable) belong to its target, but \($0)" }
        ?? "its target is empty"
      throw Problem(.unprocessable, "the job is for no device: \(why)")
    }
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let jobs = ledger.commands.jobs
      guard jobs.live.count < JobShelf.liveMax else {
        throw Problem(
          .limitReached,
          "\(jobs.live.count) jobs are under way; wait for one to end, or cancel one")
      }
      if jobs.live.contains(where: { jobs[$0]?.job.name == request.name }) {
        throw Problem(.conflict, "a job \(request.name) is under way; give this one another name")
      }
      let job = Job(
        id: jobs.nextID, name: request.name, target: request.target,
        command: request.command.name, arguments: request.command.arguments,
        limits: request.limits, isForced: request.command.isForced,
        lifetime: request.command.lifetime, until: now + request.length, createdAt: now,
        createdBy: person)
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.jobs.put(job, tenant: room.tenant, now: now))
      ledger.commands.jobs.note(census.able, of: job.id, now: now)
      // Everybody may belong to it, so everybody looks once.
      room.wakeFleet()
      let ticket = commit(draft, &ledger)
      return (try ledger.view(ofJob: "\(job.id)", now: now), ticket)
    }
  }

  /// Walks over the fleet without the ledger; `ledger` is a copy.
  private func census(
    of target: JobTarget, _ command: Name, _ arguments: JSON, _ ledger: Ledger, in room: Room
  ) -> JobCensus {
    var census = JobCensus()
    var page = IDPage<DeviceID>(after: nil, limit: JobCensus.examplesMax)
    var walk = JobWalk(target, command, arguments)
    let now = clock.now
    while !walk.isThrough {
      var budget = JobWalk.devicesPerTurn
      let able = walk.next(&budget, in: room, ledger, now: now)
      census.able += able.count
      for id in able where page.takes(id) { page.insert(id, id) }
    }
    census.unable = walk.unable
    census.reason = walk.reason
    census.examples = page.items
    return census
  }
}
