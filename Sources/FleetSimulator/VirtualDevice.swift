// VirtualDevice: the behaviour of one device as a pure state machine.
//
// States: idle, fetching (reads instructions), downloading, installing, rebooting, silent. Inputs
// are `DeviceEvent`; the answers are `DeviceIntent`, to be carried out in order. Whoever drives the
// device feeds `.due` once `dueAt` has come. The machine does not know HTTP, hashes or clocks; the
// real fleet and the simulation share it. Known oddity, kept on purpose because RAUC's updater does
// it too: success is reported before the restart, so the first proof comes after it.

public import UpdateModel

/// One device with two slots.
public struct VirtualDevice: Sendable {
  /// What kind of device it is.
  public let personality: Personality
  /// What it runs.
  public private(set) var version: String
  /// What the other slot holds; nil while it is empty.
  public private(set) var otherVersion: String?
  /// What it does at present.
  public private(set) var state: State = .idle
  /// Attempts that it reported as failed.
  public private(set) var failureCount = 0

  /// When the version it runs goes bad; nil when it will not.
  public private(set) var relapsesAt: Instant?

  private var nextPoll: Instant
  private var pollInterval: Interval
  private var random: SeededRandom
  private var pastVersions: [String]
  private var finalReport: DeviceReport?
  private var unsent: DeviceReport?
  private var attributesLink: String?
  private var hasNews = true

  /// What a device does.
  public enum State: Equatable, Sendable {
    /// Polls.
    case idle
    /// Reads the instructions of an offer.
    case fetching(link: String)
    /// Fetches an image; goes on polling.
    case downloading(Job)
    /// Writes the other slot; goes on polling.
    case installing(Job, until: Instant)
    /// Restarts; says nothing.
    case rebooting(Job, until: Instant)
    /// Will never be heard of again.
    case silent
  }

  /// The update under way.
  public struct Job: Equatable, Sendable {
    /// Its action.
    public let action: String
    /// Where its instructions are.
    public let link: String
    /// What it installs.
    public let version: String
  }

  /// A device that runs `version` and polls for the first time within one interval from `now`.
  public init(number: Int, seed: UInt64, traits: FleetTraits, version: String, now: Instant) {
    personality = Personality(number: number, seed: seed, traits: traits)
    random = SeededRandom(seed: seed ^ 0x706f_6c6c, stream: UInt64(number) &+ 1)
    self.version = version
    pastVersions = [version]
    pollInterval = personality.poll
    nextPoll = now + random.interval(below: personality.poll)
  }

  /// When it wants `.due`; nil when it waits for another event or is silent.
  public var dueAt: Instant? {
    switch state {
    case .idle: relapsesAt.map { min($0, nextPoll) } ?? nextPoll
    case .downloading: nextPoll
    case .installing(_, let until): min(until, nextPoll)
    case .rebooting(_, let until): until
    case .fetching, .silent: nil
    }
  }

  /// Whether an update is under way.
  public var isWorking: Bool {
    switch state {
    case .idle, .silent: false
    case .fetching, .downloading, .installing, .rebooting: true
    }
  }

  /// Whether it downloads the image of an action.
  func isDownloading(_ action: String) -> Bool {
    if case .downloading(let job) = state { job.action == action } else { false }
  }

  /// Takes one event and returns what the device wants done.
  public mutating func handle(_ event: DeviceEvent, now: Instant) -> [DeviceIntent] {
    if state == .silent { return [] }
    switch event {
    case .due: return due(now)
    case .answered(let answer): return answered(answer, now: now)
    case .instructed(let action, let version): return begin(action, version)
    case .refused:
      if case .fetching = state { state = .idle }
      return []
    case .downloaded(let action, let verified): return install(action, verified, now: now)
    case .downloadCut(let action):
      // The offer stands: the next poll takes it up from the start.
      if case .downloading(let job) = state, job.action == action { state = .idle }
      return []
    case .reportLost(let report):
      if report.execution == .closed { unsent = report }
      return []
    case .powerLost:
      losePower(now)
      return []
    }
  }

  // The slot that was being written is worthless; a restart that was due anyway just goes on.
  private mutating func losePower(_ now: Instant) {
    if case .rebooting = state { return }
    state = .idle
    hasNews = true
    nextPoll = now + personality.reboot
  }

  // MARK: Polling

  private mutating func due(_ now: Instant) -> [DeviceIntent] {
    switch state {
    case .installing(let job, let until) where now >= until: return finish(job, now: now)
    case .rebooting(let job, let until) where now >= until: return boot(job, now: now)
    case .idle:
      if let relapsesAt, now >= relapsesAt { return relapse(now) }
      return now >= nextPoll ? poll(now) : []
    case .downloading, .installing: return now >= nextPoll ? poll(now) : []
    case .rebooting, .fetching, .silent: return []
    }
  }

  private mutating func poll(_ now: Instant) -> [DeviceIntent] {
    scheduleNextPoll(now)
    defer { unsent = nil }
    return (unsent.map { [.report($0)] } ?? []) + [.poll]
  }

  // Nine to eleven tenths of the interval, so that a fleet never falls into step.
  private mutating func scheduleNextPoll(_ now: Instant) {
    let tenth = Interval(milliseconds: pollInterval.milliseconds / 10)
    let least = Interval(milliseconds: pollInterval.milliseconds - tenth.milliseconds)
    nextPoll = now + least
    nextPoll = nextPoll + random.interval(below: Interval(milliseconds: tenth.milliseconds * 2))
  }

  private mutating func answered(_ answer: PollAnswer, now: Instant) -> [DeviceIntent] {
    if let sleep = answer.sleep, sleep != pollInterval {
      pollInterval = sleep
      scheduleNextPoll(now)
    }
    var intents: [DeviceIntent] = []
    attributesLink = answer.attributesLink ?? attributesLink
    if let link = attributesLink, answer.attributesLink != nil || hasNews {
      hasNews = false
      intents.append(.describe(link: link, version: personality.isVersionAware ? version : nil))
    }
    switch answer.offer {
    case .none:
      let isUpdated = pastVersions.count > 1 && intents.isEmpty && state == .idle
      switch personality.silence {
      case .beforeOffer: state = .silent
      case .afterUpdate where isUpdated: state = .silent
      case .afterUpdate, .afterOffer, .whileInstalling, .afterSuccess, nil: break
      }
    case .deployment(let action, let link): intents += offered(action, link)
    case .cancel(let action, let link): intents += asked(toStop: action, link)
    }
    return intents
  }

  private mutating func offered(_ action: String, _ link: String) -> [DeviceIntent] {
    if let finalReport, finalReport.action == action {
      // The server offers what is done already: it did not get the report.
      return [.report(finalReport)]
    }
    switch state {
    case .downloading(let job) where job.action == action: return []
    case .installing, .rebooting, .fetching, .silent: return []
    case .idle, .downloading: break
    }
    switch personality.silence {
    case .beforeOffer, .afterOffer:
      state = .silent
      return []
    case .whileInstalling, .afterSuccess, .afterUpdate, nil:
      state = .fetching(link: link)
      return [.fetch(link: link)]
    }
  }

  private mutating func asked(toStop action: String, _ link: String) -> [DeviceIntent] {
    if case .installing = state, personality.refusesCancel {
      return [.answerCancel(link: link, action: action, accepted: false)]
    }
    if case .rebooting = state { return [] }
    state = .idle
    return [.answerCancel(link: link, action: action, accepted: true)]
  }

  // MARK: Updating

  private mutating func begin(_ action: String, _ version: String) -> [DeviceIntent] {
    guard case .fetching(let link) = state else { return [] }
    let job = Job(action: action, link: link, version: version)
    state = .downloading(job)
    return [
      .report(report(job, .proceeding, "instructions read")),
      .report(report(job, .download, "download begins")),
      .download(action: action),
    ]
  }

  private mutating func install(
    _ action: String, _ verified: Bool, now: Instant
  ) -> [DeviceIntent] {
    guard case .downloading(let job) = state, job.action == action else { return [] }
    guard verified else {
      return fail(job, "the image is not what was announced")
    }
    let words = [DeviceIntent.report(report(job, .downloaded, "image is complete"))]
    if personality.silence == .whileInstalling {
      state = .silent
      return words
    }
    state = .installing(job, until: now + personality.install)
    let half = DeviceReport.Progress(count: 1, of: 2)
    return words + [.report(report(job, .proceeding, "installs", progress: half))]
  }

  private mutating func finish(_ job: Job, now: Instant) -> [DeviceIntent] {
    if isBad(job.version), !personality.failsAtBoot {
      return fail(job, "installation of \(job.version) failed")
    }
    otherVersion = job.version
    let success = report(job, .closed, "installed \(job.version)", finished: .success)
    finalReport = success
    state =
      personality.silence == .afterSuccess
      ? .silent : .rebooting(job, until: now + personality.reboot)
    return [.report(success)]
  }

  private mutating func boot(_ job: Job, now: Instant) -> [DeviceIntent] {
    state = .idle
    hasNews = true
    if !isBad(job.version) {
      otherVersion = version
      version = job.version
      relapsesAt = pastVersions.contains(version) ? nil : lateFailure(now)
      if !pastVersions.contains(version) { pastVersions.append(version) }
    }
    return poll(now)
  }

  private func lateFailure(_ now: Instant) -> Instant? {
    guard personality.failsLate(version), let lateness = personality.lateness else { return nil }
    return now + lateness
  }

  // What it runs has gone bad: it restarts into the other slot. One that cannot say what it runs
  // says that much.
  private mutating func relapse(_ now: Instant) -> [DeviceIntent] {
    relapsesAt = nil
    guard let other = otherVersion else { return poll(now) }
    otherVersion = version
    version = other
    hasNews = true
    guard !personality.isVersionAware, let last = finalReport else { return poll(now) }
    let failure = DeviceReport(
      action: last.action, link: last.link, execution: .closed, finished: .failure, progress: nil,
      details: "fell back to \(version)")
    finalReport = failure
    return [.report(failure)] + poll(now)
  }

  private mutating func fail(_ job: Job, _ words: String) -> [DeviceIntent] {
    let failure = report(job, .closed, words, finished: .failure)
    failureCount += 1
    finalReport = failure
    state = .idle
    return [.report(failure)]
  }

  // What ran before runs again: a way back never fails.
  private func isBad(_ version: String) -> Bool {
    !pastVersions.contains(version) && personality.fails(version)
  }

  private func report(
    _ job: Job, _ execution: DeviceReport.Execution, _ details: String,
    finished: DeviceReport.Finished = .none, progress: DeviceReport.Progress? = nil
  ) -> DeviceReport {
    DeviceReport(
      action: job.action, link: job.link, execution: execution, finished: finished,
      progress: progress, details: details)
  }
}
