// JobPlanner: may the next device of a job be given its command now? Should the job stop? Is it
// over?
//
// Nothing is scheduled per device: a device that calls is looked at, and the limits are checked at
// that moment. Not responsible for: who belongs to a job, which commands the device understands.

public import UpdateModel

/// The counters behind a job's decisions.
public struct JobProgress: Equatable, Sendable {
  /// How many devices stand where.
  public private(set) var counts = JobCounts()
  private var window = GrantWindow()

  /// Nobody yet.
  public init() {}

  /// Notes that a device was given its command.
  public mutating func grant(at now: Instant) {
    counts.move(from: nil, to: .open)
    window.count(at: now)
  }

  /// Notes that a device stands elsewhere now; nil is outside.
  public mutating func move(from old: JobPart?, to new: JobPart?) {
    counts.move(from: old, to: new)
  }

  /// Notes a command that was given out before a restart; what is too old for the rate is ignored.
  public mutating func restore(grantedAt: Instant, now: Instant) {
    guard grantedAt <= now, now - grantedAt <= .minutes(1) else { return }
    window.count(at: grantedAt)
  }

  /// Commands given out that a minute which ends now may contain.
  public func recent(at now: Instant) -> Int { window.total(at: now) }

  /// When the oldest of those no longer counts.
  func nextRelease(after now: Instant) -> Instant { window.nextRelease(after: now) }
}

/// What keeps a device of a job from being given its command now.
public enum JobDeferral: Equatable, Sendable {
  /// Nothing will come: the job is paused, over, or its time has passed.
  case closed
  /// So many devices are at it.
  case concurrent(Int)
  /// So many were given it in the last minute; there is room at this time.
  case rate(Int, until: Instant)
}

/// The decisions about jobs.
public enum JobPlanner {
  /// What forbids one more command now; nil when nothing does.
  public static func limited(
    _ job: Job, _ progress: JobProgress, at now: Instant
  ) -> JobDeferral? {
    guard job.status == .running, now < job.until else { return .closed }
    if let concurrent = job.limits.concurrent, progress.counts.open >= concurrent {
      return .concurrent(concurrent)
    }
    if let perMinute = job.limits.perMinute, progress.recent(at: now) >= perMinute {
      return .rate(perMinute, until: progress.nextRelease(after: now))
    }
    return nil
  }

  /// Why a running job must stop giving out commands; nil when it need not.
  public static func stop(_ job: Job, _ counts: JobCounts) -> String? {
    guard job.status == .running, let stop = job.limits.failureStop else { return nil }
    let failures = counts.failures - job.pardoned.failures
    let outcomes = counts.outcomes - job.pardoned.outcomes
    guard failures >= stop.minimum, stop.share.isExceeded(by: failures, of: outcomes) else {
      return nil
    }
    return "\(failures) of \(outcomes) devices did not do it, more than \(stop.share)"
  }

  /// Whether a job is finished when so many devices of its target have no command yet; nil when
  /// nobody counted.
  public static func isFinished(
    _ job: Job, _ counts: JobCounts, waiting: Int?, at now: Instant
  ) -> Bool {
    switch job.status {
    case .cancelled, .finished: return false
    case .running, .paused:
      guard counts.open == 0 else { return false }
      return now >= job.until || waiting == 0
    }
  }
}
