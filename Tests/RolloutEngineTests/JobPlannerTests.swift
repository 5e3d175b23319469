// JobPlannerTests: rates that hold over any minute, devices at a time, when a job stops or ends.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct JobPlannerTests {
  private let start = Instant(milliseconds: 1_700_000_000_000)

  private func job(
    perMinute: Int? = nil, concurrent: Int? = nil, stop: JobLimits.FailureStop? = nil
  ) throws -> Job {
    Job(
      id: JobID(1), name: try Name("job"), target: .everyone, command: try Name("reboot"),
      arguments: .object([]),
      limits: JobLimits(perMinute: perMinute, concurrent: concurrent, failureStop: stop),
      isForced: false, lifetime: .hours(1), until: start + .days(1), createdAt: start,
      createdBy: "alice")
  }

  @Test(arguments: [1, 7, 50], UInt64(1)...8)
  func `no minute sees more than the rate, wherever it begins`(
    rate: Int, seed: UInt64
  ) throws {
    let job = try job(perMinute: rate)
    var random = SplitMix(state: seed)
    var progress = JobProgress()
    var now = start
    var granted: [Int64] = []
    // Devices call in bursts and in trickles, and the server is restarted now and then.
    while now < start + .minutes(20) {
      now = now + Interval(milliseconds: Int64(random.next() % 1500))
      for _ in 0..<(random.next() % 4) {
        switch JobPlanner.limited(job, progress, at: now) {
        case nil:
          progress.grant(at: now)
          granted.append(now.milliseconds)
        case .rate(_, let until):
          #expect(until > now && until <= now + .seconds(61), "seed \(seed)")
        case .closed, .concurrent: Issue.record("seed \(seed): there is no other limit")
        }
      }
      if random.next() % 400 == 0 {
        var restored = JobProgress()
        for time in granted {
          restored.restore(grantedAt: Instant(milliseconds: time), now: now)
        }
        progress = restored
      }
    }
    for (position, time) in granted.enumerated() {
      let within = granted[position...].prefix { $0 < time + 60_000 }.count
      #expect(within <= rate, "seed \(seed): \(within) from \(time)")
    }
    // It is not merely safe: nearly all of the rate is used.
    #expect(granted.count >= 20 * rate * 9 / 10 - rate, "seed \(seed): \(granted.count)")
  }

  @Test func `only so many are at it, and each that ends makes room`() throws {
    let job = try job(concurrent: 2)
    var progress = JobProgress()
    progress.grant(at: start)
    #expect(JobPlanner.limited(job, progress, at: start) == nil)
    progress.grant(at: start)
    #expect(JobPlanner.limited(job, progress, at: start) == .concurrent(2))
    progress.move(from: .open, to: .ended(.failed))
    #expect(JobPlanner.limited(job, progress, at: start) == nil)
  }

  @Test func `only a running job gives out commands, and not after its time`() throws {
    var job = try job()
    let end = start + .days(1)
    let before = Instant(milliseconds: end.milliseconds - 1)
    #expect(JobPlanner.limited(job, JobProgress(), at: before) == nil)
    #expect(JobPlanner.limited(job, JobProgress(), at: end) == .closed)
    for status in [.paused(reason: "x"), .cancelled(by: "x"), .finished] as [Job.Status] {
      job.status = status
      #expect(JobPlanner.limited(job, JobProgress(), at: start) == .closed)
    }
  }

  private func counts(_ outcomes: [Command.Ending: Int]) -> JobCounts {
    var counts = JobCounts()
    for (ending, count) in outcomes {
      for _ in 0..<count { counts.move(from: nil, to: .ended(ending)) }
    }
    return counts
  }

  @Test func `too many failures stop it, just over the share and the minimum`() throws {
    let tenth = try #require(Share(text: "10%"))
    var job = try job(stop: JobLimits.FailureStop(share: tenth, minimum: 3))
    #expect(JobPlanner.stop(job, counts([.failed: 2])) == nil)
    #expect(JobPlanner.stop(job, counts([.failed: 3])) != nil)
    #expect(JobPlanner.stop(job, counts([.failed: 3, .done: 27])) == nil)
    #expect(JobPlanner.stop(job, counts([.failed: 3, .done: 26])) != nil)
    #expect(JobPlanner.stop(job, counts([.rejected: 1, .expired: 1, .failed: 1])) != nil)
    #expect(JobPlanner.stop(job, counts([.cancelled: 50, .done: 1])) == nil)
    // Resumed by a person who has seen these.
    job.pardoned = counts([.failed: 3])
    #expect(JobPlanner.stop(job, counts([.failed: 5])) == nil)
    #expect(JobPlanner.stop(job, counts([.failed: 6])) != nil)
    job.status = .paused(reason: "x")
    #expect(JobPlanner.stop(job, counts([.failed: 60])) == nil)
  }

  @Test func `it is finished when nobody waits or its time is over, and nobody is at it`() throws {
    let job = try job()
    let done = counts([.done: 3])
    var open = done
    open.move(from: nil, to: .open)
    #expect(!JobPlanner.isFinished(job, done, waiting: nil, at: start))
    #expect(!JobPlanner.isFinished(job, done, waiting: 1, at: start))
    #expect(JobPlanner.isFinished(job, done, waiting: 0, at: start))
    #expect(!JobPlanner.isFinished(job, open, waiting: 0, at: start))
    #expect(JobPlanner.isFinished(job, done, waiting: nil, at: job.until))
    #expect(!JobPlanner.isFinished(job, open, waiting: nil, at: job.until))
  }

  @Test func `a job is read as it was stored`() throws {
    let query = try Query("tags.site = \"berlin\" and version < v\"2\"")
    let targets: [JobTarget] = [
      .everyone, .group(try Name("g")), .query(query),
      .devices([try DeviceID("a-b"), try DeviceID("ü")]),
    ]
    for target in targets {
      var job = Job(
        id: JobID(7), name: try Name("job"), target: target, command: try Name("reboot"),
        arguments: ["a": [1]],
        limits: JobLimits(
          perMinute: 5, concurrent: 6,
          failureStop: JobLimits.FailureStop(share: .whole, minimum: 7)),
        isForced: true, lifetime: .minutes(3), until: start + .days(2), createdAt: start,
        createdBy: "alice")
      job.pardoned = counts([.failed: 2])
      #expect(Job(id: job.id, stored: try JSON.parse(job.stored.text)) == job)
      job.status = .cancelled(by: "bob")
      job.endedAt = start
      job.settled = counts([.done: 4, .cancelled: 1])
      #expect(Job(id: job.id, stored: try JSON.parse(job.stored.text)) == job)
    }
  }
}

/// A random sequence by seed.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
