// SteerJob: a person pauses, resumes or cancels a job.

import FleetStore
import RolloutEngine
public import UpdateModel

/// What a person can do with a job.
public enum JobSteering: String, Sendable, CaseIterable {
  /// No device is given its command any more; those that have it go on.
  case pause
  /// Devices are given their command again; the failures so far no longer stop the job.
  case resume
  /// Ends the job; commands that no device has taken are taken back.
  case cancel
}

extension ControlPlane {
  /// Pauses, resumes or cancels a job, by number or name. Throws `notFound`, and `conflict` when
  /// the job is not in a state for it.
  public func steer(
    _ steering: JobSteering, job text: String, by person: String, in room: Room
  ) throws(Problem) -> (job: JobView, ticket: UInt64) {
    try requireStore()
    let now = clock.now
    return try room.ledger.withLock { ledger throws(Problem) in
      let book = try ledger.resolve(job: text)
      var job = book.job
      guard !job.isOver else {
        throw Problem(.conflict, "job \(job.name) is \(job.status.word) already")
      }
      switch steering {
      case .pause:
        guard job.status == .running else {
          throw Problem(.conflict, "job \(job.name) is paused already")
        }
        job.status = .paused(reason: "paused by \(person)")
      case .resume:
        guard job.status != .running else {
          throw Problem(.conflict, "job \(job.name) is running already")
        }
        job.status = .running
        job.pardoned = book.counts
      case .cancel:
        job.status = .cancelled(by: person)
        job.endedAt = now
      }
      var draft = Draft(room, now: now)
      draft.add(ledger.commands.jobs.put(job, tenant: room.tenant, now: now))
      if steering == .resume { room.wakeFleet() }
      let ticket = commit(draft, &ledger)
      return (try ledger.view(ofJob: "\(job.id)", now: now), ticket)
    }
  }
}
