// AgentAttention: what the agent does between two polls: the end of a command's work, and requests
// to start again.

public import UpdateModel

extension Agent {
  /// Does what comes due between two polls; called when the agent has slept.
  ///
  /// - Parameter isWoken: whether something ended the sleep: a command's work, or somebody who
  ///   wants a poll.
  /// - Returns: how to end, when that is due.
  /// - Throws: `LinkError` for trouble of the device itself.
  public func attend(isWoken: Bool) throws(LinkError) -> AgentExit? {
    // Whoever wakes an agent for anything else wants a poll.
    if try !lookAtCommand(), isWoken { nextPollDue = clock.now() }
    if case .exit(let code) = try leave() { return code }
    showStatus()
    return nil
  }

  /// How long the agent may sleep before `attend` or the next `cycle`.
  public var untilAttention: Interval {
    var due = nextPollDue
    if let command = desk.running {
      // What is to be left waits for the command, whose end wakes.
      due = min(due, command.due)
    } else if let departureDue {
      due = min(due, departureDue)
    }
    return max(.zero, due - clock.now())
  }

  /// Whether a command is being done.
  public var isDoingCommand: Bool { desk.running != nil }

  /// Waits until the commands that were told are done; for callers that end then.
  ///
  /// - Throws: `LinkError` for trouble of the device itself.
  public func finishCommands() throws(LinkError) {
    while desk.running != nil, !interruption.isStopping {
      let length = untilAttention.milliseconds
      interruption.whileIdle { _ = interruption.sleep(milliseconds: max(length, 100)) }
      try lookAtCommand()
    }
  }

  /// Takes up what a command's work came to, tells it, and begins the next one; false when there
  /// was nothing new.
  @discardableResult
  func lookAtCommand() throws(LinkError) -> Bool {
    // A stop ends the program; the next process tells that it was interrupted.
    guard desk.running != nil, !interruption.isStopping else { return false }
    let hasEnded = try desk.look(session, at: clock.now())
    // What waited for the command goes on.
    if hasEnded, waiting != nil || !isIdle { nextPollDue = clock.now() }
    guard let session else { return hasEnded }
    do throws(LinkError) {
      if hasEnded { try obeyCommands(session) }
      try desk.deliver(through: session)
    } catch {
      guard error.isOfServer else { throw error }
      trouble = error.description
    }
    return hasEnded
  }

  /// Whether the time of the next poll has come.
  public var isPollDue: Bool { nextPollDue <= clock.now() }
}
