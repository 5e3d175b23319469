// CommandDocument: a command as the JSON that is stored, and back.

extension Command {
  /// Everything about it, for the store.
  public var stored: JSON {
    var percent: Int?
    if case .running(let known) = state { percent = known }
    return .members([
      "device": .string(device.text), "name": .string(name.text), "arguments": arguments,
      "at": .integer(createdAt.milliseconds), "by": .string(createdBy),
      "expires": .integer(expiresAt.milliseconds), "job": job.map { .integer(Int64($0.number)) },
      "disruptive": isDisruptive ? true : nil, "forced": isForced ? true : nil,
      "state": .string(state.word), "percent": percent.map { JSON($0) },
      "shown": wasShown ? true : nil, "attempts": JSON(attempts), "reports": JSON(reports),
      "heard": heardAt.map { .integer($0.milliseconds) },
      "ended": endedAt.map { .integer($0.milliseconds) }, "result": result,
      "text": text.map { .string($0) }, "late": isLate ? true : nil,
      "logs": logs.isEmpty ? nil : .array(logs.map { .string($0) }),
    ])
  }

  /// Reads what was stored; nil when it is not complete.
  public init?(id: CommandID, stored: JSON) {
    func time(_ key: String) -> Instant? {
      stored[key]?.integer.map(Instant.init(milliseconds:))
    }
    // Ids and names were checked before they were stored.
    guard let device = stored["device"]?.string.flatMap({ try? DeviceID($0) }),
      let name = stored["name"]?.string.flatMap({ try? Name($0) }),
      let arguments = stored["arguments"], let createdAt = time("at"),
      let createdBy = stored["by"]?.string, let expiresAt = time("expires"),
      let state = State(stored["state"]?.string, percent: stored["percent"]?.integer)
    else { return nil }
    self.init(
      id: id, device: device, name: name, arguments: arguments, createdAt: createdAt,
      createdBy: createdBy, expiresAt: expiresAt,
      job: stored["job"]?.integer.flatMap(UInt32.init(exactly:)).map { JobID($0) },
      isDisruptive: stored["disruptive"]?.bool ?? false, isForced: stored["forced"]?.bool ?? false)
    self.state = state
    wasShown = stored["shown"]?.bool ?? false
    attempts = stored["attempts"]?.integer.flatMap { Int(exactly: $0) } ?? 0
    reports = stored["reports"]?.integer.flatMap { Int(exactly: $0) } ?? 0
    heardAt = time("heard")
    endedAt = time("ended")
    result = stored["result"]
    text = stored["text"]?.string
    isLate = stored["late"]?.bool ?? false
    logs = (stored["logs"]?.array ?? []).compactMap(\.string)
  }
}

extension Command.State {
  fileprivate init?(_ word: String?, percent: Int64?) {
    switch word {
    case "queued": self = .queued
    case "sent": self = .sent
    case "accepted": self = .accepted
    case "running": self = .running(percent: percent.flatMap { Int(exactly: $0) })
    default:
      guard let ending = word.flatMap(Command.Ending.init(rawValue:)) else { return nil }
      self = .ended(ending)
    }
  }
}
