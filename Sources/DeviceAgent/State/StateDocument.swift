// StateDocument: the state as JSON and back. What cannot be read is no state at all: one that is
// half understood could lead to a wrong slot.

internal import UpdateModel

enum StateDocument {
  /// Grows when an older agent must not read what a newer one wrote.
  private static let version: Int64 = 1

  static func write(_ state: AgentState) -> JSON {
    .members([
      "version": .integer(version),
      "phase": PhaseDocument.write(state.phase),
      "contents": .object(
        Slot.allCases.compactMap { slot in
          state.contents[slot].map { JSON.Member(slot.rawValue, write($0)) }
        }),
      "confirmed": state.confirmed.map { .string($0.rawValue) },
      "confirmedAgent": state.confirmedAgent.map { .string("\($0)") },
      "running": state.running.map { .string($0.rawValue) },
      "runningAgent": state.runningAgent.map { .string("\($0)") },
      "outbox": .array(state.outbox.map(write)),
      "latestReport": JSON(state.latestReport),
      "latestEnd": state.latestEnd.map(write),
      "owedResume": state.owedResume.map { .string($0.text) },
      "safeMode": state.safeMode.map { .string($0.rawValue) },
      "bootIdentifier": .string(state.bootIdentifier),
      "latestFallback": state.latestFallback.map(write),
      "trialFailure": state.trialFailure.map(write),
      "imagesLost": JSON(state.imagesLost),
      "rebootsAsked": JSON(state.rebootsAsked),
    ])
  }

  static func read(_ text: [UInt8]) -> AgentState? {
    // Its checksum was right, so what is no JSON was written by something else.
    guard let document = try? JSON.parse(text), document["version"]?.integer == version,
      let phase = document["phase"].flatMap(PhaseDocument.read),
      let contents = document["contents"]?.members, let outbox = document["outbox"]?.array,
      let latestReport = document["latestReport"]?.integer,
      let bootIdentifier = document["bootIdentifier"]?.string,
      let imagesLost = document["imagesLost"]?.integer
    else { return nil }
    var state = AgentState()
    state.phase = phase
    state.latestReport = Int(latestReport)
    state.bootIdentifier = bootIdentifier
    state.imagesLost = Int(imagesLost)
    // Agents before 0.2 did not count them.
    state.rebootsAsked = Int(clamping: max(0, document["rebootsAsked"]?.integer ?? 0))
    for member in contents {
      guard let slot = Slot(rawValue: member.key), let content = content(member.value) else {
        return nil
      }
      state.contents[slot] = content
    }
    for element in outbox {
      guard let report = report(element) else { return nil }
      state.outbox.append(report)
    }
    var isWhole = true
    func optional<Value>(_ key: String, _ convert: (JSON) -> Value?) -> Value? {
      guard let value = document[key] else { return nil }
      let converted = convert(value)
      if converted == nil { isWhole = false }
      return converted
    }
    state.confirmed = optional("confirmed", slot)
    state.confirmedAgent = optional("confirmedAgent", digest)
    state.running = optional("running", slot)
    state.runningAgent = optional("runningAgent", digest)
    state.latestEnd = optional("latestEnd", end)
    state.owedResume = optional("owedResume", name)
    state.safeMode = optional("safeMode") { $0.string.flatMap(SafeModeReason.init) }
    state.latestFallback = optional("latestFallback", failure)
    state.trialFailure = optional("trialFailure", failure)
    return isWhole ? state : nil
  }

  // MARK: Parts

  static func slot(_ value: JSON) -> Slot? { value.string.flatMap(Slot.init) }

  static func digest(_ value: JSON) -> Digest? { value.string.flatMap(Digest.init(hex:)) }

  static func name(_ value: JSON) -> Name? {
    // A name that is refused makes the document unreadable, which the caller sees.
    value.string.flatMap { try? Name($0) }
  }

  static func version(_ value: JSON) -> FirmwareVersion? {
    // As for names.
    value.string.flatMap { try? FirmwareVersion($0) }
  }

  private static func write(_ content: SlotContent) -> JSON {
    .members([
      "version": .string(content.version.text), "sha256": .string("\(content.sha256)"),
      "size": .integer(content.size),
    ])
  }

  private static func content(_ value: JSON) -> SlotContent? {
    guard let version = value["version"].flatMap(version), let size = value["size"]?.integer,
      size >= 1, let sha256 = value["sha256"].flatMap(digest)
    else { return nil }
    return SlotContent(version: version, sha256: sha256, size: size)
  }

  static func write(_ failure: UpdateFailure) -> JSON {
    .members([
      "class": .string(failure.failureClass.rawValue), "text": .string(failure.text),
    ])
  }

  static func failure(_ value: JSON) -> UpdateFailure? {
    guard let kind = value["class"]?.string.flatMap(FailureClass.init),
      let text = value["text"]?.string
    else { return nil }
    return UpdateFailure(kind, text)
  }

  private static func write(_ report: UpdateReport) -> JSON {
    .members([
      "number": JSON(report.number), "action": .string(report.action.text),
      "phase": .string(report.phase.rawValue), "failure": report.failure.map(write),
    ])
  }

  private static func report(_ value: JSON) -> UpdateReport? {
    guard let number = value["number"]?.integer, let action = value["action"].flatMap(name),
      let phase = value["phase"]?.string.flatMap(UpdateReport.Phase.init)
    else { return nil }
    return UpdateReport(
      number: Int(number), action: action, phase: phase,
      failure: value["failure"].flatMap(failure))
  }

  private static func write(_ end: UpdateEnd) -> JSON {
    .members([
      "action": .string(end.action.text), "attempt": JSON(end.attempt),
      "phase": .string(end.phase.rawValue), "failure": end.failure.map(write),
    ])
  }

  private static func end(_ value: JSON) -> UpdateEnd? {
    guard let action = value["action"].flatMap(name), let attempt = value["attempt"]?.integer,
      let phase = value["phase"]?.string.flatMap(UpdateReport.Phase.init)
    else { return nil }
    return UpdateEnd(
      action: action, attempt: Int(attempt), phase: phase,
      failure: value["failure"].flatMap(failure))
  }
}
