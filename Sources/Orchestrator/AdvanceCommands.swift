// AdvanceCommands: what time alone does to commands and jobs: they expire, end and are forgotten.

import FleetStore
import RolloutEngine
import UpdateModel

extension ControlPlane {
  /// Commands looked at in one go, so that polls never wait long for the ledger.
  private static let commandsPerTurn = 500
  /// A job whose devices seem to be through is counted so often at most.
  private static let recountSoon = Interval.seconds(10)
  /// A job that waits for devices is counted so often, because they may have left.
  private static let recountLate = Interval.minutes(10)

  /// To be called about once a second.
  func advanceCommands(in room: Room) {
    while expireCommands(in: room) == ControlPlane.commandsPerTurn {}
    while withdrawCommands(in: room) == ControlPlane.commandsPerTurn {}
    finishJobs(in: room)
    forgetCommands(in: room)
  }

  private func expireCommands(in room: Room) -> Int {
    let now = clock.now
    return room.turn { ledger in
      let (due, looked) = ledger.commands.takeDue(
        until: now, limit: ControlPlane.commandsPerTurn)
      step(due, in: room, &ledger, now: now)
      return looked
    }
  }

  private func withdrawCommands(in room: Room) -> Int {
    let now = clock.now
    return room.turn { ledger in
      let devices = ledger.commands.jobs.takeWithdrawing(limit: ControlPlane.commandsPerTurn)
      step(devices.flatMap { ledger.commands.open(of: $0) }, in: room, &ledger, now: now)
      return devices.count
    }
  }

  private func step(
    _ commands: [Command], in room: Room, _ ledger: inout Ledger, now: Instant
  ) {
    var draft = Draft(room, now: now)
    for command in commands {
      let next = ledger.step(command, at: now)
      guard next != command else { continue }
      draft.add(ledger.commands.put(next, of: room.tenant, now: now))
    }
    _ = commit(draft, &ledger)
  }

  private func forgetCommands(in room: Room) {
    let now = clock.now
    room.turn { ledger in
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.forget(of: room.tenant, now: now))
      for id in ledger.commands.jobs.takeLeftovers(limit: ControlPlane.commandsPerTurn) {
        draft.add(.deleteDocument(room.tenant, .jobPart, id))
      }
      _ = commit(draft, &ledger)
    }
  }

  // MARK: Jobs

  private func finishJobs(in room: Room) {
    let now = clock.now
    // Jobs share the time of a turn; the one that was counted longest ago comes first.
    var budget = JobWalk.devicesPerTurn
    for id in room.ledger.withLock({ $0.commands.jobs.liveByCount }) {
      let waiting = recount(id, &budget, in: room, now: now)
      room.turn { ledger in
        guard let book = ledger.commands.jobs[id], !book.job.isOver,
          JobPlanner.isFinished(book.job, book.counts, waiting: waiting, at: now)
        else { return }
        var job = book.job
        job.status = .finished
        job.endedAt = now
        var draft = Draft(room, now: now)
        draft.add(ledger.commands.jobs.put(job, tenant: room.tenant, now: now))
        _ = commit(draft, &ledger)
      }
    }
  }

  // How many devices of the target have no command yet; nil when it is not worth a look, or when
  // the count goes on at the next turn. Walks over the fleet without the ledger.
  private func recount(
    _ id: JobID, _ budget: inout Int, in room: Room, now: Instant
  ) -> Int? {
    guard budget > 0 else { return nil }
    let found = room.ledger.withLock { ledger -> (JobRecount, Ledger)? in
      guard let book = ledger.commands.jobs[id] else { return nil }
      if let recount = book.recount { return (recount, ledger.selectionCopy()) }
      guard book.counts.open == 0 else { return nil }
      let age = book.census.map { now - $0.at } ?? ControlPlane.recountLate
      let seemsThrough = book.census.map { book.counts.granted >= $0.size } ?? true
      guard age >= (seemsThrough ? ControlPlane.recountSoon : ControlPlane.recountLate) else {
        return nil
      }
      return (JobRecount(book.job, granted: book.counts.granted), ledger.selectionCopy())
    }
    guard case (var recount, let ledger)? = found else { return nil }
    let able = recount.walk.next(&budget, in: room, ledger, now: now)
    return room.ledger.withLock {
      $0.commands.jobs.note(recount, able: able, of: id, now: now)
    }
  }
}
