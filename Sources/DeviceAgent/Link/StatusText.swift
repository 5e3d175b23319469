// StatusText: the status of the agent in words, for the terminal and the status page.

public import UpdateModel

/// Puts a status document into lines.
public enum StatusText {
  /// Name and value of each line, in the order that a person asks for them.
  public static func lines(_ status: JSON) -> [(name: String, value: String)] {
    var lines: [(name: String, value: String)] = []
    func add(_ name: String, _ value: String?) {
      if let value, !value.isEmpty { lines.append((name, value)) }
    }
    add("Device", status["device"]?.string ?? "not enrolled")
    add("Server", joined([status["server"]?.string, status["tenant"]?.string], " tenant "))
    add("Enrolment", status["enrolment"]?.string)
    add("Version", status["version"]?.string)
    add("Slot", slot(status))
    add("Update", update(status["update"]))
    add("Waits", waiting(status["waiting"]))
    add(
      "Postponed",
      joined(
        [
          status["postponed"]?["until"]?.string.map { "until \($0)" },
          status["postponed"]?["reason"]?.string,
        ], ": "))
    add("Last update", lastEnd(status["lastUpdate"]))
    add("Last fall back", status["boot"]?["lastFailure"]?.string)
    add("Safe mode", status["safeMode"]?.string)
    add("Configuration", status["configurationFault"]?.string)
    add("Last answer", status["lastAnswer"]?.string ?? "none since the agent started")
    add("Trouble", status["trouble"]?.string)
    add("Next poll", status["nextPoll"]?.string)
    let reports = status["reportsWaiting"]?.integer ?? 0
    if reports > 0 { add("Reports waiting", "\(reports)") }
    add("Agent", joined([status["agent"]?.string, status["time"]?.string], ", status of "))
    return lines
  }

  private static func joined(_ parts: [String?], _ separator: String) -> String? {
    let parts = parts.compactMap { $0 }.filter { !$0.isEmpty }
    return parts.isEmpty ? nil : parts.joined(separator: separator)
  }

  private static func slot(_ status: JSON) -> String? {
    guard let slot = status["boot"]?["slot"]?.string else { return nil }
    guard status["boot"]?["trial"]?.bool == true else { return slot }
    let attempts = status["boot"]?["attempts"]?.integer ?? 0
    return "\(slot), on trial (start \(attempts))"
  }

  private static func update(_ update: JSON?) -> String? {
    guard let update, let phase = update["phase"]?.string else { return nil }
    let release = joined([update["release"]?.string, update["version"]?.string], " ")
    let percent = update["percent"]?.integer.map { "\($0) %" }
    return joined([release, joined([phase, percent], " ")], ", ")
  }

  private static func waiting(_ waiting: JSON?) -> String? {
    guard let waiting else { return nil }
    let step = waiting["step"]?.string.map { "to \($0)" }
    let until = waiting["until"]?.string.map { "until \($0)" }
    return joined([joined([step, waiting["reason"]?.string], ": "), until], ", ")
  }

  private static func lastEnd(_ end: JSON?) -> String? {
    guard let end else { return nil }
    let action = end["action"]?.string.map { "action \($0)" }
    return joined([joined([end["phase"]?.string, action], ", "), end["failure"]?.string], ": ")
  }
}
