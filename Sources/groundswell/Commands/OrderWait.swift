// OrderWait: a command as it goes, until it is over.

import UpdateModel

/// Waits for a command.
enum OrderWait {
  /// Between two questions.
  private static let pauseMilliseconds = 500
  /// Questions in a row that may fail before it is given up: a server that is started anew.
  private static let failuresMax = 120

  /// Shows how a command goes until it is over: a line per change on standard error, the command at
  /// the end on standard output.
  static func wait(
    for sent: JSON, timeout: Interval?, _ session: Session
  ) throws(Failure) -> ExitCode {
    let (id, device) = (sent.shown("id"), sent.shown("device"))
    let target = session.target("devices", device, "commands", id)
    let signals = SignalWait()
    let start = Instant.present
    var command = sent
    var shown = ""
    var failures = 0
    while true {
      let line = line(of: command)
      if line != shown { Terminal.note("\(Table.printable(line))\n") }
      shown = line
      if command["endedAt"] != nil { break }
      if let timeout, Instant.present - start >= timeout {
        throw .failed(
          "command \(id) is not over within \(timeout)",
          hint: "groundswell device commands \(device) \(id)")
      }
      guard signals.wait(milliseconds: pauseMilliseconds) != .interrupted else {
        Terminal.note("stopped waiting; the command goes on\n")
        return .interrupted
      }
      do throws(Failure) {
        command = try session.get(target)
        failures = 0
      } catch {
        failures += 1
        guard error.code == .unreachable, failures < failuresMax else { throw error }
      }
    }
    session.show(command) { facts($0, now: .present) }
    return command.text("state") == "done" ? .success : .failed
  }

  private static func line(of command: JSON) -> String {
    let words = command.text("text").map { ": \($0)" } ?? ""
    return "\(command.shown("name")) on \(command.shown("device")): \(state(command))\(words)"
  }

  /// `running 40%`, `done`, `failed, late`.
  static func state(_ command: JSON) -> String {
    let percent = command["percent"] == nil ? "" : " \(command.count("percent"))%"
    return command.shown("state") + percent + (command["late"] == nil ? "" : ", late")
  }

  /// Everything about one command.
  static func facts(_ command: JSON, now: Instant) -> String {
    func json(_ key: String) -> String? {
      command[key].map { String(decoding: $0.text, as: UTF8.self) }
    }
    return Table.facts([
      "command": command.text("id"), "device": command.text("device"),
      "name": command.text("name"), "arguments": json("arguments"),
      "state": state(command), "said": command.text("text"), "result": json("result"),
      "logs": command["logs"] == nil ? nil : command.joined("logs"),
      "job": command.text("job"),
      "sent": "\(command.ago("createdAt", now: now)) by \(command.shown("createdBy"))",
      "expires": command.ago("expiresAt", now: now),
      "ended": command["endedAt"] == nil ? nil : command.ago("endedAt", now: now),
    ])
  }
}
