// AgentWork: as much of an update as may be done now: download, install, prove, start again.

import HTTPClient
import UpdateModel

extension Agent {
  /// Between two reports of a download's progress, and two looks at what the server wants.
  private static let progressPause = Interval.seconds(15)
  private static let glancePause = Interval.seconds(60)
  /// Readings of the clock are spared: progress is looked at after so many bytes.
  private static let progressBytes: Int64 = 256 << 10
  /// Refusals of an offered image in a row, after which it cannot be had.
  private static let refusalsMax = 4

  /// Goes on with the update at work.
  ///
  /// - Returns: when to come again at the latest, if that is before the next poll.
  func work() throws(LinkError) -> Interval? {
    // A trial that failed and a system that is to be left are not looked at again.
    if departure == nil { try checkTrial() }
    if let action = answer?.cancelledAction {
      try tell(.cancelled(action: action))
      answer?.cancelledAction = nil
    }
    var soonest: Interval?
    if departure == nil, let offer = answer?.offer, wasAnswered { soonest = try consider(offer) }
    // What came of it goes out at once: the server waits for it.
    if let session, !updater.state.outbox.isEmpty || needsTelling {
      do throws(LinkError) {
        try deliver(session)
        try tellPostponement(session)
      } catch {
        guard error.isOfServer else { throw error }
        trouble = error.description
        soonest = min(soonest ?? configuration.pacing.least, configuration.pacing.least)
      }
    }
    if departure == nil, case .onTrial = updater.state.phase { return Agent.trialPause }
    return soonest
  }

  private func checkTrial() throws(LinkError) {
    guard case .onTrial(_, _, let place, _) = updater.state.phase else { return }
    switch place {
    case .slot:
      perform(
        try Agent.device { () throws(AgentError) in
          try updater.checkTrial { isReachable() }
        })
    case .agent: if wasAnswered { try tell(.trialPassed) }
    }
  }

  /// Whether a poll of this process was answered; asks once more when none was.
  private func isReachable() -> Bool {
    if wasAnswered { return true }
    // A person beside the device may vouch for it; an order that cannot be read is none.
    if (try? LocalOrder.isConfirming(state)) == true { return true }
    guard let session else { return false }
    do throws(LinkError) {
      _ = try poll(session, wait: .zero)
    } catch {
      trouble = error.description
    }
    return wasAnswered
  }

  // MARK: Offers

  private func consider(_ offer: UpdateOffer) throws(LinkError) -> Interval? {
    let action = offer.update.action
    switch updater.state.phase {
    case .idle, .downloading:
      guard try mayDownload(offer) else { return nil }
      perform(
        try Agent.device { () throws(AgentError) in try updater.offer(offer.update) })
      if let pause = try download(offer) { return pause }
    case .verified: break
    case .preparing, .writing, .written, .armed, .onTrial, .reverting: return nil
    }
    guard case .verified(let update) = updater.state.phase else { return nil }
    if update != offer.update {
      perform(
        try Agent.device { () throws(AgentError) in try updater.offer(offer.update) })
    }
    if let command = desk.running, command.isDisruptive {
      let reason = "command \(command.id) is being done"
      note(Waiting(action: action, step: "install", reason: reason, until: nil))
      return nil
    }
    guard case .verified = updater.state.phase, try mayInstall(offer) else { return nil }
    log.write("installs", ["action": action.text, "version": update.version.text])
    showStatus()
    try announceInstallation()
    try tell(.installAllowed(action: action))
    try state.remove(Postponement.consentName)
    return nil
  }

  /// The report that writing begins is worth little after it: it is sent before.
  private func announceInstallation() throws(LinkError) {
    guard let session else { return }
    do throws(LinkError) { try deliver(session) } catch {
      guard error.isOfServer else { throw error }
    }
  }

  private func mayDownload(_ offer: UpdateOffer) throws(LinkError) -> Bool {
    let action = offer.update.action
    if case .refused(let reason, let until) = offer.download {
      note(Waiting(action: action, step: "download", reason: reason, until: until))
      return false
    }
    let facts = present()
    if !configuration.allowsMetered, !offer.isForced, facts["network"]?["metered"]?.bool == true {
      let reason = "the network is metered"
      note(Waiting(action: action, step: "download", reason: reason, until: nil), isOurs: true)
      return false
    }
    let missing = try Agent.device { () throws(AgentError) in
      try updater.downloads.missingBytes(offer.update.images)
    }
    let verdict = conditions.download(
      missingBytes: missing, isSafeMode: updater.state.safeMode != nil, try localFacts(facts))
    return try follow(verdict, offer, step: "download")
  }

  private func mayInstall(_ offer: UpdateOffer) throws(LinkError) -> Bool {
    let action = offer.update.action
    if case .refused(let reason, let until) = offer.install {
      note(Waiting(action: action, step: "install", reason: reason, until: until))
      return false
    }
    let isConsented = try Postponement.consentedAction(in: state) == action
    let isSafe = updater.state.safeMode != nil
    if !offer.isForced, !isConsented,
      let postponement = try Postponement.load(from: state, at: wall())
    {
      note(
        Waiting(
          action: action, step: "install", reason: postponement.reason,
          until: postponement.until), isOurs: true)
      return false
    }
    let verdict = conditions.install(
      isForced: offer.isForced, isAllowedByPerson: isConsented, isSafeMode: isSafe,
      try localFacts(present()))
    return try follow(verdict, offer, step: "install")
  }

  private func follow(
    _ verdict: LocalVerdict, _ offer: UpdateOffer, step: String
  ) throws(LinkError) -> Bool {
    switch verdict {
    case .allowed:
      waiting = nil
      return true
    case .postponed(let reason):
      note(
        Waiting(action: offer.update.action, step: step, reason: reason, until: nil),
        isOurs: true)
      return false
    case .refused(let failure):
      try tell(.refused(offer.update, failure))
      return false
    }
  }

  /// Notes why nothing happens; `isOurs` when the server cannot know.
  private func note(_ reason: Waiting, isOurs: Bool = false) {
    if waiting != reason {
      log.write("waits", ["step": reason.step, "reason": reason.reason])
    }
    waiting = reason
    isWaitingOurs = isOurs
  }

  private var needsTelling: Bool {
    isWaitingOurs && waiting != nil && waiting != toldPostponement
  }

  private func tellPostponement(_ session: DeviceSession) throws(LinkError) {
    guard needsTelling, let waiting else { return }
    try sendReport(
      session,
      UpdateNews(postponed: waiting.action, reason: waiting.reason, until: waiting.until).document)
    toldPostponement = waiting
  }

  // MARK: Downloads

  /// Fetches what is missing; nil when all images are here, else when to try again.
  private func download(_ offer: UpdateOffer) throws(LinkError) -> Interval? {
    while case .downloading(let update, let index) = updater.state.phase {
      guard let session else { return configuration.pacing.least }
      let outcome: ImageDownload.Outcome
      do throws(LinkError) {
        outcome = try fetch(update, index, session)
      } catch {
        if case .device(.system(_, _, let code)) = error, code == 28 {  // ENOSPC
          try tell(.downloadFailed(UpdateFailure(.storage, error.description)))
          return nil
        }
        guard error.isOfServer else { throw error }
        return pauseDownload(error.description)
      }
      switch outcome {
      case .complete:
        downloadFailures = 0
        perform(try Agent.device { () throws(AgentError) in try updater.finishDownload() })
      case .stopped: return .zero
      case .tooSlow(let rate):
        return pauseDownload("\(rate) bytes per second are too few")
      case .interrupted(let reason): return pauseDownload(reason)
      case .refused(let status, let detail, let seconds):
        if status == 401 { session.forgetToken() }
        // The offer may just have been taken back, which the next poll tells; an image that is
        // offered and refused time and again is a failure.
        if [403, 404, 410].contains(status), downloadFailures >= Agent.refusalsMax {
          downloadFailures = 0
          try tell(.downloadFailed(UpdateFailure(.download, "status \(status): \(detail)")))
          return nil
        }
        let pause = pauseDownload("status \(status): \(detail)")
        return max(pause, .seconds(Int64(min(max(seconds ?? 0, 0), 86_400))))
      }
    }
    return nil
  }

  private func pauseDownload(_ reason: String) -> Interval {
    downloadFailures += 1
    log.write("the download stopped and will be resumed", ["reason": reason])
    trouble = "download: \(reason)"
    return configuration.pacing.pause(
      afterFailures: downloadFailures, retryAfter: nil, chance: Agent.chance())
  }

  private func fetch(
    _ update: Update, _ index: Int, _ session: DeviceSession
  ) throws(LinkError) -> ImageDownload.Outcome {
    let image = update.images[index]
    let part = try Agent.device { () throws(AgentError) in
      try PartFile(image, in: updater.downloads)
    }
    if part.isComplete { return .complete }
    let total = update.images.reduce(0) { $0 + $1.size }
    let before = update.images[..<index].reduce(0) { $0 + $1.size }
    func share(_ bytes: Int64) -> Int { Int((before + bytes) / max(1, total / 100)) }
    percent = min(share(part.offset), 99)
    showStatus()
    try sendReport(
      session,
      UpdateNews(downloading: update.action, percent: percent ?? 0, bytes: before + part.offset)
        .document)
    let window = configuration.downloadWindow
    let connection = try session.link.another(secondsMax: Int(max(5, window.wholeSeconds)))
    var download = ImageDownload(
      state: state, part: part,
      rate: DownloadRate(
        least: configuration.downloadRateMin, window: window, at: clock.now()), clock: clock)
    var progress = DownloadProgress(start: part.offset, at: clock.now())
    let outcome = try download.run(
      connection, target: session.link.target(image.source), headers: try session.proof()
    ) { bytes in
      if interruption.isStopping { return false }
      guard bytes - progress.bytes >= Agent.progressBytes else { return true }
      progress.bytes = bytes
      tellEndOfCommand(session)
      let now = clock.now()
      percent = min(share(bytes), 99)
      if now.milliseconds - progress.told.milliseconds >= Agent.progressPause.milliseconds {
        progress.told = now
        tellProgress(session, update.action, bytes: before + bytes)
      }
      if now.milliseconds - progress.glanced.milliseconds >= Agent.glancePause.milliseconds {
        progress.glanced = now
        return isStillWanted(session, update)
      }
      return true
    }
    percent = nil
    return outcome
  }

  /// Tells how far it is; the next time tells it as well, so failing is no matter.
  private func tellProgress(_ session: DeviceSession, _ action: Name, bytes: Int64) {
    showStatus()
    let news = UpdateNews(downloading: action, percent: percent ?? 0, bytes: bytes)
    do throws(LinkError) { try sendReport(session, news.document) } catch {
      trouble = error.description
    }
  }

  /// Tells how a command ended that was done meanwhile; the next turn tells it as well.
  private func tellEndOfCommand(_ session: DeviceSession) {
    do throws(LinkError) {
      if try desk.look(session, at: clock.now()) { try desk.deliver(through: session) }
    } catch {
      trouble = error.description
    }
  }

  /// Polls in the middle of a download: whether it may go on.
  private func isStillWanted(_ session: DeviceSession, _ update: Update) -> Bool {
    do throws(LinkError) {
      _ = try poll(session, wait: .zero)
    } catch {
      trouble = error.description
      return true  // an answer that fails says nothing; the download itself will tell
    }
    guard let answer else { return true }
    if let offer = answer.offer, offer.update != update || offer.download != .allowed {
      return false
    }
    return answer.cancelledAction != update.action && !hasCommandToBegin
  }
}

/// When a download's progress was looked at last.
private struct DownloadProgress {
  var bytes: Int64
  var told: Interval
  var glanced: Interval

  init(start: Int64, at now: Interval) {
    bytes = start
    told = now
    glanced = now
  }
}
