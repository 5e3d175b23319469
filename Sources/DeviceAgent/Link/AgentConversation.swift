// AgentConversation: what the agent says to its server in one turn, and how it obeys the answer.

import Crypto
import HTTPClient
import UpdateModel

extension Agent {
  /// Bytes of an answer's ETag that are kept.
  private static let tagBytesMax = 256

  /// Sends what waits: reports in their order, answers to commands, and what changed.
  func deliver(_ session: DeviceSession) throws(LinkError) {
    while let report = updater.state.outbox.first {
      do throws(LinkError) {
        try sendReport(session, UpdateNews(report).document)
      } catch {
        // A server that has had enough reports still takes the one that ends an update.
        guard case .refused(429, _, _) = error, !report.phase.isEnd else { throw error }
      }
      try tell(.reportDelivered(number: report.number))
    }
    try desk.deliver(through: session)
    let isSent = try reported.send(present(), everything: wantsEverything, through: session)
    if isSent { wantsEverything = false }
  }

  /// Sends a report; the server's final refusal of it counts as delivered.
  func sendReport(_ session: DeviceSession, _ document: JSON) throws(LinkError) {
    do throws(LinkError) {
      try session.send("POST", session.path("reports"), document: document)
    } catch {
      // The action is unknown or closed, or such a report is never taken: sending it again would
      // hold up those behind it for ever.
      guard case .refused(let status, let detail, _) = error,
        [400, 404, 409, 410, 413, 422].contains(status)
      else { throw error }
      log.write("the server does not take a report", ["reason": detail])
    }
  }

  /// Polls once; the answer is in `answer` then.
  ///
  /// - Returns: the seconds until the next poll, when the server said.
  func poll(_ session: DeviceSession, wait: Interval) throws(LinkError) -> Int? {
    let query = "?desired=\(desired.version)&wait=\(wait.wholeSeconds)"
    let headers = entityTag.map { [(name: "If-None-Match", value: $0)] } ?? []
    let response = try interruption.whileIdle { () throws(LinkError) in
      try session.send("GET", session.path(), query: query, headers: headers)
    }
    let pollAfter = response.header("Poll-After").flatMap { Int($0) }
    switch response.status {
    case 304:
      // Nothing new: what was offered still is, and so are commands that wait.
      answer?.asksForReported = false
      answer?.desired = nil
      noteAnswer()
      return pollAfter
    case 200:
      let fresh = try PollAnswer(try ServerLink.document(response))
      entityTag = response.header("ETag").flatMap {
        $0.utf8.count <= Agent.tagBytesMax ? $0 : nil
      }
      answer = fresh
      answerCame = clock.now()
      noteAnswer()
      return pollAfter ?? fresh.pollAfter
    default: throw ServerLink.refusal(response)
    }
  }

  private func noteAnswer() {
    wasAnswered = true
    lastAnswer = wall()
  }

  /// Does what the answer asks for, but for updates: description, desired properties, commands.
  func obey(_ session: DeviceSession) throws(LinkError) {
    guard let answer else { return }
    if answer.asksForReported { wantsEverything = true }
    if let fresh = answer.desired, fresh != desired { try take(fresh) }
    if let identity, configuration.tokenFile == nil {
      let rotated = try KeyRotation.follow(
        desired.properties, identity: identity, session: session, state: state)
      if let rotated {
        self.identity = rotated
        log.write("the device has a new key", [:])
        if configuration.tls(state).identity != nil { self.session = nil }
      }
    }
    try obeyCommands(session)
  }

  /// Begins the commands that may be begun, in their order; others wait in the answer.
  func obeyCommands(_ session: DeviceSession) throws(LinkError) {
    guard let answer else { return }
    // One after the other: what a command changes counts for the next.
    var waiting: [DeviceCommand] = []
    for command in answer.commands where try !obey(command, session) { waiting.append(command) }
    self.answer?.commands = waiting
  }

  /// Whether there is a command that could be begun now.
  var hasCommandToBegin: Bool { desk.running == nil && answer?.commands.isEmpty == false }

  /// Begins a command; false when it waits.
  private func obey(
    _ command: DeviceCommand, _ session: DeviceSession
  ) throws(LinkError) -> Bool {
    let own = updater.state
    let situation = CommandDesk.Situation(
      isSafeMode: own.safeMode != nil, isUpdating: own.phase.isBetweenInstallationAndEnd,
      isLeaving: !reboots.isEmpty)
    let now = clock.now()
    let surroundings = CommandDesk.Surroundings(
      interruption: interruption, time: now,
      serverTime: answer?.time.map { $0 + (now - answerCame) } ?? wall())
    let step = try desk.take(command, configuration, situation, through: session, surroundings)
    guard step != .waits else { return false }
    log.write("command", ["id": command.id.text, "name": command.name])
    switch step {
    case .taken, .waits: break
    case .asks(.reboot):
      reboots.append(command.id)
      rebootPatienceEnds = nil
    case .asks(.safeMode(let isOn)):
      try tell(isOn ? .safeModeEntered(.ordered) : .safeModeLeft)
      try desk.finish(command.id, CommandAnswer(.done, result: ["safeMode": .bool(isOn)]))
    }
    return true
  }

  private func take(_ fresh: PollAnswer.Desired) throws(LinkError) {
    try state.write(
      ["version": .integer(fresh.version), "properties": fresh.properties],
      to: Agent.desiredName)
    desired = fresh
    log.write("desired properties changed", ["version": "\(fresh.version)"])
    guard let call = configuration.desiredChanged, updater.state.safeMode == nil else { return }
    let result = CommandProgram(
      words: call.words, environment: ["GROUNDSWELL_DESIRED_VERSION=\(fresh.version)"],
      input: fresh.properties.text + [0x0A], timeout: call.timeout
    ).run()
    if !result.isSuccess {
      log.write("the hook desiredChanged failed", ["program": call.path, "ending": result.text])
    }
  }
}

/// A report as the protocol spells it: one of the durable ones, or passing news.
struct UpdateNews {
  let document: JSON

  /// A durable report.
  init(_ report: UpdateReport) {
    document = .members([
      "action": .string(report.action.text), "phase": .string(report.phase.rawValue),
      "text": report.failure.map { .string($0.text) },
      "error": report.failure.map { ["class": .string($0.failureClass.rawValue)] },
    ])
  }

  /// How far a download is.
  init(downloading action: Name, percent: Int, bytes: Int64) {
    document = [
      "action": .string(action.text), "phase": "downloading", "percent": JSON(percent),
      "bytes": .integer(bytes),
    ]
  }

  /// That the device waits.
  init(postponed action: Name, reason: String, until: Instant?) {
    document = .members([
      "action": .string(action.text), "phase": "postponed", "text": .string(reason),
      "until": until.map { .string($0.description) },
    ])
  }
}
