// CommandMachine: how a command moves from its queue to its end.
//
// States: queued, sent, accepted, running, and the endings done, failed, rejected, expired and
// cancelled. Inputs: it is shown to the device, the device speaks, a person takes it back, time
// passes. Not responsible for: whether the device may be disturbed, which command comes first, what
// is written where.
//
// Oddities: a device that does not answer is shown the command again at each poll, so it keeps the
// ids of what it has done and answers the same again; a repeated answer changes nothing here. What
// was given up may have been done all the same, so its late result counts. A command that was taken
// back before it was ever shown stays taken back: no device can have done it.

/// What happens to a command.
public enum CommandInput: Equatable, Sendable {
  /// It is shown to the device.
  case shown
  /// The device says something about it.
  case reported(CommandReport)
  /// The device has uploaded a log for it.
  case logged(String)
  /// Somebody takes it back.
  case cancelled(by: String)
  /// Time has passed.
  case timePassed
}

/// Why a command cannot be taken back.
public enum CommandRefusal: Error, Equatable, Sendable {
  /// The device has taken it already.
  case underWay
  /// It is over.
  case ended(Command.Ending)
}

/// The state machine of commands.
public enum CommandMachine {
  /// Words of a device about one command that move it before it ends; more change nothing.
  public static let reportsMax = 256

  /// The command after an input; the same when nothing changed.
  public static func apply(
    _ input: CommandInput, to command: Command, at now: Instant
  ) throws(CommandRefusal) -> Command {
    var next = command
    switch input {
    case .shown:
      guard command.isUndelivered else { return command }
      next.state = .sent
      next.wasShown = true
      next.attempts = min(command.attempts + 1, 1_000_000)
    case .reported(let report): take(report, &next, now)
    case .logged(let name):
      guard !command.logs.contains(name), command.logs.count < CommandLimits.logsPerCommand else {
        return command
      }
      next.logs.append(name)
      if command.isUnderWay { next.heardAt = now }
    case .cancelled(let person):
      if let ending = command.ending { throw .ended(ending) }
      guard command.isUndelivered else { throw .underWay }
      end(&next, as: .cancelled, now)
      next.text =
        command.state == .queued
        ? "taken back by \(person) before the device had seen it"
        : "taken back by \(person); the device had been shown it and may do it all the same"
    case .timePassed:
      guard let deadline = command.deadline, deadline <= now else { return command }
      end(&next, as: .expired, now)
      next.text = command.text ?? silence(of: command)
    }
    return next
  }

  /// The command after it was given up for a reason that nobody can undo, whatever its state; the
  /// same when it is over.
  public static func abandon(
    _ command: Command, because reason: String, at now: Instant
  ) -> Command {
    guard !command.isEnded else { return command }
    var next = command
    end(&next, as: .cancelled, now)
    next.text = reason
    return next
  }

  private static func take(_ report: CommandReport, _ next: inout Command, _ now: Instant) {
    let known = next
    if let ending = known.ending {
      // What the device said first stands; only what was given up can still be mended.
      guard ending == .expired || ending == .cancelled, report.word.isFinal, known.wasShown else {
        return
      }
      next.isLate = true
    } else {
      guard report.word.isFinal || known.reports < reportsMax, known.isNews(report) else {
        // It says nothing new, but it lives.
        if known.isUnderWay { next.heardAt = now }
        return
      }
    }
    next.reports += 1
    next.heardAt = now
    next.result = report.result ?? known.result
    next.text = report.text ?? (report.word.isFinal ? nil : known.text)
    switch report.word {
    case .accepted: next.state = .accepted
    case .running: next.state = .running(percent: known.further(report))
    case .done: end(&next, as: .done, now)
    case .failed: end(&next, as: .failed, now)
    case .rejected: end(&next, as: .rejected, now)
    }
  }

  private static func end(_ next: inout Command, as ending: Command.Ending, _ now: Instant) {
    next.state = .ended(ending)
    next.endedAt = now
  }

  private static func silence(of command: Command) -> String {
    switch command.state {
    case .queued: "the device did not call in time"
    case .sent: "the device was shown it and did not answer in time"
    case .accepted, .running, .ended: "the device took it and did not say how it ended"
    }
  }
}

extension CommandReport.Word {
  /// Whether the device is done with the command.
  public var isFinal: Bool {
    switch self {
    case .accepted, .running: false
    case .done, .failed, .rejected: true
    }
  }
}

extension Command {
  // Whether a report says more than is known.
  fileprivate func isNews(_ report: CommandReport) -> Bool {
    switch report.word {
    case .done, .failed, .rejected: return true
    case .accepted: return isUndelivered
    case .running:
      guard case .running(let percent) = state else { return true }
      let isFurther = report.percent.map { $0 > percent ?? -1 } ?? false
      let saysMore = report.text != nil && report.text != text
      return isFurther || saysMore || (report.result.map { $0 != result } ?? false)
    }
  }

  // Percent never goes back.
  fileprivate func further(_ report: CommandReport) -> Int? {
    guard case .running(let percent?) = state else { return report.percent }
    return max(percent, report.percent ?? percent)
  }
}
