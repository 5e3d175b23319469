// CommandViews: what people may look at: capabilities, commands, jobs.

import RolloutEngine
public import UpdateModel

/// A job as it stands.
public struct JobView: Sendable {
  /// The job.
  public let job: Job
  /// How many devices stand where.
  public let counts: JobCounts
  /// Devices of its target that are able, when they were last counted; nil when nobody counted
  /// since the start of the server.
  public let size: Int?
  /// Commands given out in the last minute.
  public let recent: Int
  /// What it waits for, in words.
  public let reason: String
}

extension ControlPlane {
  /// What a device can be told.
  public func capabilities(of device: DeviceID, in room: Room) throws(Problem) -> CapabilityList {
    let key = DeviceKey(tenant: room.tenant, device: device)
    guard let known = room.fleet.device(key)?.device else {
      throw Problem(.notFound, "there is no device \(device)")
    }
    return CapabilityList(reported: known.twin.reported.properties["capabilities"])
  }

  /// The commands of a device, the newest first.
  public func commands(of device: DeviceID, in room: Room) throws(Problem) -> [Command] {
    guard room.fleet.contains(device) else {
      throw Problem(.notFound, "there is no device \(device)")
    }
    return room.ledger.withLock { $0.commands.all(of: device) }
  }

  /// One command of a device.
  public func command(
    _ id: CommandID, of device: DeviceID, in room: Room
  ) throws(Problem) -> Command {
    guard let command = room.ledger.withLock({ $0.commands[id, of: device] }) else {
      throw Problem(.notFound, "device \(device) has no command \(id)")
    }
    return command
  }

  /// All jobs, the newest first.
  public func jobs(in room: Room) -> [JobView] {
    let now = clock.now
    return room.ledger.withLock { ledger in ledger.commands.jobs.all.map { $0.view(at: now) } }
  }

  /// One job, by number or name.
  public func job(_ text: String, in room: Room) throws(Problem) -> JobView {
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      try ledger.view(ofJob: text, now: now)
    }
  }

  /// The devices that were given their command by a job, by id after `cursor`, at most `limit`;
  /// empty once the job is settled.
  public func parts(
    ofJob text: String, in room: Room, part wanted: JobPart?, after cursor: String?, limit: Int
  ) throws(Problem) -> [(device: DeviceID, part: JobPart)] {
    try room.ledger.withLock { ledger throws(Problem) in
      var page = IDPage<(device: DeviceID, part: JobPart)>(after: cursor, limit: limit)
      for (device, part) in try ledger.resolve(job: text).parts
      where (wanted == nil || part == wanted) && page.takes(device) {
        page.insert((device, part), device)
      }
      return page.items
    }
  }
}

extension Ledger {
  /// Finds a job by number or name; of several with the name, the newest.
  func resolve(job text: String) throws(Problem) -> JobBook {
    if let number = UInt32(text), let book = commands.jobs[JobID(number)] { return book }
    guard let book = commands.jobs.all.first(where: { $0.job.name.text == text }) else {
      throw Problem(.notFound, "there is no job '\(text.prefix(80))'; give its number or name")
    }
    return book
  }

  func view(ofJob text: String, now: Instant) throws(Problem) -> JobView {
    try resolve(job: text).view(at: now)
  }
}

extension JobBook {
  fileprivate func view(at now: Instant) -> JobView {
    JobView(
      job: job, counts: counts, size: census?.size, recent: progress.recent(at: now),
      reason: reason(at: now))
  }

  private func reason(at now: Instant) -> String {
    switch job.status {
    case .paused(let reason): return reason
    case .cancelled(let person):
      return "cancelled by \(person)"
        + (counts.open > 0 ? "; \(counts.open) devices had begun and go on" : "")
    case .finished: return "every device is through, or its time was over"
    case .running: break
    }
    switch JobPlanner.limited(job, progress, at: now) {
    case .closed: return "its time is over; it waits for \(counts.open) devices that have begun"
    case .concurrent(let most): return "\(most) devices are at it, as many as may be"
    case .rate(let rate, _): return "\(rate) were given out in a minute, as many as may be"
    case nil: return "waits for devices to call"
    }
  }
}
