// DeliverCommands: what a device that polls is told to do now, from its queue and from jobs.

import FleetStore
import RolloutEngine
public import UpdateModel

/// The commands for one poll.
public struct PendingCommands: Sendable {
  /// What the device is to be shown, the oldest first.
  public let commands: [Command]
  /// The answer may leave once this is durable; 0 for at once.
  public let ticket: UInt64
  /// When the device may be given more; nil when that is not known.
  public let askAgain: Instant?

  static let none = PendingCommands(commands: [], ticket: 0, askAgain: nil)
}

extension ControlPlane {
  /// What a device that polls is told to do: not yet acknowledged commands of its queue, at most
  /// `CommandLimits.shownPerPoll`, and those of jobs that are due now.
  ///
  /// A device that has nothing to be told is not touched. While something waits for it, it is
  /// looked at again at each poll.
  public func pendingCommands(
    for device: DeviceID, in room: Room, now: Instant
  ) -> PendingCommands {
    guard isStoreHealthy else {
      // The poll may have found it idle; what waits for it must not stay behind that.
      room.fleet.markIdle(device, epoch: Fleet.waits)
      return .none
    }
    return room.ledger.withLock { ledger in
      guard !ledger.commands.open(of: device).isEmpty || !ledger.commands.jobs.live.isEmpty else {
        return .none
      }
      let key = DeviceKey(tenant: room.tenant, device: device)
      guard let (known, seen) = room.fleet.device(key) else { return .none }
      var draft = Draft(room, now: now)
      endOverdue(of: device, &ledger, &draft)
      var isWaiting = false
      let askAgain = grantFromJobs(
        to: known, lastSeen: seen, &ledger, &draft, isWaiting: &isWaiting)
      let isInstalling = ledger.isInstalling(device)
      let isQuarantined = known.state == .quarantined
      let undelivered = ledger.commands.open(of: device).filter(\.isUndelivered)
      // A device that may be in wrong hands is told nothing that only its product understands.
      let allowed = undelivered.filter { command in
        (!command.isDisruptive || command.isForced || !isInstalling)
          && (!isQuarantined || StandardCommand(rawValue: command.name.text) != nil)
      }
      let commands = allowed.prefix(CommandLimits.shownPerPoll).map {
        show($0, &ledger, &draft)
      }
      // The next ones need not wait for the usual poll.
      let hasMore = allowed.count > commands.count
      if !undelivered.isEmpty || isWaiting { room.fleet.markIdle(device, epoch: Fleet.waits) }
      let isChanged = !draft.changes.isEmpty
      let ticket = commit(draft, &ledger)
      // An answer that shows nothing and changed nothing promises nothing, so it waits for nobody.
      return PendingCommands(
        commands: commands, ticket: commands.isEmpty && !isChanged ? 0 : ticket,
        askAgain: hasMore ? now : askAgain)
    }
  }

  // The first showing is stored, so that nobody who takes the command back is told that no device
  // can have seen it.
  private func show(
    _ command: Command, _ ledger: inout Ledger, _ draft: inout Draft
  ) -> Command {
    // A showing is never refused.
    guard let next = try? CommandMachine.apply(.shown, to: command, at: draft.now) else {
      return command
    }
    if command.state == .queued {
      draft.add(ledger.commands.put(next, of: draft.room.tenant, now: draft.now))
    } else {
      ledger.commands.refresh(next)
    }
    return next
  }

  // What is overdue or belongs to a job that was cancelled is never shown again.
  private func endOverdue(
    of device: DeviceID, _ ledger: inout Ledger, _ draft: inout Draft
  ) {
    for command in ledger.commands.open(of: device) {
      let next = ledger.step(command, at: draft.now)
      guard next != command else { continue }
      draft.add(ledger.commands.put(next, of: draft.room.tenant, now: draft.now))
    }
  }

  // MARK: Jobs

  // Returns when a device that has to wait may ask again.
  private func grantFromJobs(
    to known: Device, lastSeen seen: Instant, _ ledger: inout Ledger, _ draft: inout Draft,
    isWaiting: inout Bool
  ) -> Instant? {
    let device = known.key.device
    var askAgain: Instant?
    // Read once, and only for a device that belongs to a job.
    var read: CapabilityList?
    func capabilities(_ device: Device) -> CapabilityList {
      let list =
        read ?? CapabilityList(reported: device.twin.reported.properties["capabilities"])
      read = list
      return list
    }
    for id in ledger.commands.jobs.live {
      guard let book = ledger.commands.jobs[id], book.parts[device] == nil,
        book.job.status == .running, draft.now < book.job.until
      else { continue }
      guard ledger.isMember(known, of: book.job.target, lastSeen: seen, now: draft.now) else {
        // One that asks for an age may take it in without anything happening.
        if book.job.target.dependsOnTime { isWaiting = true }
        continue
      }
      guard let capability = capabilities(known).capability(for: book.job) else { continue }
      if capability.isDisruptive, !book.job.isForced, ledger.isInstalling(device) {
        isWaiting = true
        continue
      }
      switch JobPlanner.limited(book.job, book.progress, at: draft.now) {
      case .closed: continue
      case .concurrent: isWaiting = true
      case .rate(_, let until):
        isWaiting = true
        askAgain = min(askAgain ?? until, until)
      case nil:
        guard ledger.hasRoom(for: device) else {
          isWaiting = true
          continue
        }
        grant(book.job, capability, to: device, &ledger, &draft)
      }
    }
    return askAgain
  }

  private func grant(
    _ job: Job, _ capability: Capability, to device: DeviceID, _ ledger: inout Ledger,
    _ draft: inout Draft
  ) {
    let command = Command(
      id: ledger.commands.nextID(), device: device, name: job.command, arguments: job.arguments,
      createdAt: draft.now, createdBy: job.createdBy, expiresAt: draft.now + job.lifetime,
      job: job.id, isDisruptive: capability.isDisruptive, isForced: job.isForced)
    ledger.commands.jobs.grant(job.id, to: device, now: draft.now)
    draft.add(ledger.commands.put(command, of: draft.room.tenant, now: draft.now))
  }
}

extension JobTarget {
  /// Whether devices come and go with time alone.
  fileprivate var dependsOnTime: Bool {
    switch self {
    case .query(let query): query.dependsOnTime
    case .everyone, .group, .devices: false
    }
  }
}

extension CapabilityList {
  /// What a device says about the command of a job; nil when it does not know it or would refuse
  /// the arguments.
  fileprivate func capability(for job: Job) -> Capability? {
    guard let capability = self[job.command],
      capability.arguments?.faults(of: job.arguments).isEmpty ?? true
    else { return nil }
    return capability
  }
}

extension Ledger {
  /// Whether a device belongs to the target of a job; one in quarantine or out of service never
  /// does.
  func isMember(
    _ device: Device, of target: JobTarget, lastSeen: Instant, now: Instant
  ) -> Bool {
    guard device.state != .quarantined, device.state != .retired else { return false }
    switch target {
    case .everyone: return true
    case .group(let name): return groups[name]?.contains(device) ?? false
    case .devices(let ids): return ids.contains(device.key.device)
    case .query(let query):
      let names =
        query.fields.contains(.group)
        ? groups.values.filter { $0.contains(device) }.map(\.group.name).sorted() : nil
      return query.matches(
        DeviceSubject(device, lastSeen: lastSeen, groups: names), at: now)
    }
  }

  /// Whether a device may have one more command.
  func hasRoom(for device: DeviceID) -> Bool {
    commands.open(of: device).count < CommandLimits.openPerDevice
      && commands.openCount < CommandQueue.openMax
  }

  /// A command after time has passed, and after its job was cancelled.
  func step(_ command: Command, at now: Instant) -> Command {
    if command.isUndelivered, let job = command.job.flatMap({ commands.jobs[$0]?.job }),
      case .cancelled(let person) = job.status
    {
      return CommandMachine.abandon(
        command, because: "its job \(job.name) was cancelled by \(person)", at: now)
    }
    // The passing of time is never refused.
    return (try? CommandMachine.apply(.timePassed, to: command, at: now)) ?? command
  }
}
