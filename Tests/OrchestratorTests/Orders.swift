// Orders: commands as the workshop's people send them and its devices get them.

import Orchestrator
import Testing
import UpdateModel

extension Workshop {
  /// Sends a command; returns it.
  @discardableResult
  func send(
    _ name: String, to device: String, _ arguments: JSON = .object([]),
    expiresIn: Interval = .days(7), isForced: Bool = false
  ) throws -> Command {
    let request = CommandRequest(
      name: try Name(name), arguments: arguments, lifetime: expiresIn, isForced: isForced)
    return try plane.send(request, to: try DeviceID(device), by: "alice", in: room).sent.command
  }

  /// Polls by the native protocol, as a device that forgets what it was told.
  func brief(_ device: String, known: UInt32? = nil) throws -> BriefingAnswer {
    let token = try #require(tokens[device])
    return Array(device.utf8).withUnsafeBytes { id in
      Array(token.utf8).withUnsafeBytes { plane.brief(room, device: id, token: $0, known: known) }
    }
  }

  /// Polls; the commands that are shown.
  func orders(_ device: String) throws -> [Command] {
    guard case .briefing(let briefing) = try brief(device) else { return [] }
    return briefing.commands
  }

  func say(
    _ word: CommandReport.Word, _ command: CommandID, _ device: String, percent: Int? = nil,
    result: JSON? = nil, text: String? = nil
  ) throws -> CommandOutcome {
    plane.recordCommand(
      CommandReport(word, percent: percent, result: result, text: text), id: command,
      of: try DeviceID(device), in: room)
  }

  func command(_ id: CommandID, _ device: String) throws -> Command {
    try plane.command(id, of: try DeviceID(device), in: room)
  }

  /// What the history of a device says about commands, the newest first.
  func orderHistory(_ device: String) throws -> [String] {
    try flush()
    return try plane.moments(of: try DeviceID(device), in: room, before: nil, limit: 1000).moments
      .filter { $0.kind == "command" }.map(\.text)
  }

  /// Says what a device can do.
  func advertise(_ device: String, _ capabilities: JSON) throws {
    _ = try plane.report(
      by: try DeviceID(device), .object([.init("capabilities", capabilities)]), in: room)
  }

  // MARK: Jobs

  @discardableResult
  func startJob(
    _ name: String, _ command: String = "reboot", _ arguments: JSON = .object([]),
    to target: JobTarget = .everyone, perMinute: Int? = nil, concurrent: Int? = nil,
    stop: JobLimits.FailureStop? = nil, length: Interval = .days(7), expiresIn: Interval = .hours(1)
  ) throws -> JobView {
    let request = JobRequest(
      name: try Name(name), target: target,
      command: CommandRequest(
        name: try Name(command), arguments: arguments, lifetime: expiresIn),
      limits: JobLimits(perMinute: perMinute, concurrent: concurrent, failureStop: stop),
      length: length)
    return try plane.startJob(request, by: "alice", in: room).job
  }

  func job(_ name: String) throws -> JobView { try plane.job(name, in: room) }

  func steer(_ steering: JobSteering, job: String) throws {
    _ = try plane.steer(steering, job: job, by: "bob", in: room)
  }

  /// Lets time pass and the service notice it.
  func pass(_ length: Interval) {
    clock.advance(length)
    plane.advance()
  }
}

/// The problem that a body throws.
func problem(_ body: () throws -> Void) -> Problem? {
  do {
    try body()
    return nil
  } catch { return error as? Problem }
}

/// An answer of another kind than the test is about.
struct Unexpected: Error {}
