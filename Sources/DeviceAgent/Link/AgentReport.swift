// AgentReport: what the device says of itself, to the server and to a person beside it.

import Crypto
import UpdateModel

extension Agent {
  /// The reported state as it is now: the configuration's properties, over them those that the
  /// product writes, over them what the agent knows itself.
  func present() -> JSON {
    var members = Properties(configuration.reportedProperties)
    productFault = nil
    if let file = configuration.reportedFile {
      do throws(LinkError) {
        members.merge(try ReportedState.product(file))
      } catch {
        productFault = error.description
      }
    }
    let own = updater.state
    members.set("hardware", .string(configuration.setup.hardware.text))
    if let slot = own.running { members.set("slot", .string(slot.rawValue)) }
    // What a trial runs is not proven: the version counts once it is confirmed.
    if let slot = own.confirmed, let content = own.contents[slot] {
      members.set("version", .string(content.version.text))
      members.set("image_sha256", .string("\(content.sha256)"))
    }
    members.set("boot", boot())
    members.set("safeMode", .bool(own.safeMode != nil))
    if members["autoUpdate"] == nil {
      members.set("autoUpdate", .string(configuration.conditions.autoUpdate.description))
    }
    members.set("capabilities", .array(capabilities()))
    members.set(
      "agent",
      .members([
        "version": .string(Agent.version),
        "configuration": configurationFault.map { .string(String($0.prefix(1000))) },
        "reportedFile": productFault.map { .string(String($0.prefix(500))) },
      ]))
    return members.document
  }

  /// What a server may command here, standard commands with a hook included.
  private func capabilities() -> [JSON] {
    func standard(_ command: StandardCommand) -> JSON {
      ["name": .string(command.rawValue), "disruptive": .bool(command.isDisruptive)]
    }
    var list: [JSON] = []
    let hooks = configuration.setup.hooks
    if configuration.rebootEndsAgent || hooks.reboot != nil {
      list.append(standard(.reboot))
    }
    if configuration.factoryReset != nil { list.append(standard(.factoryReset)) }
    if configuration.identify != nil { list.append(standard(.identify)) }
    if !configuration.logs.isEmpty { list.append(standard(.collectLogs)) }
    list.append(standard(.safeMode))
    for name in hooks.actions.keys.sorted() {
      list.append(["name": .string(name.text), "disruptive": true])
    }
    return list + configuration.capabilities.map(\.document)
  }

  private func boot() -> JSON {
    let own = updater.state
    var attempts: Int?
    if case .onTrial(_, _, _, let attempt) = own.phase { attempts = attempt }
    return .members([
      "slot": own.running.map { .string($0.rawValue) }, "trial": .bool(attempts != nil),
      "attempts": attempts.map { JSON($0) },
      "lastFailure": own.latestFallback.map { .string($0.text) },
    ])
  }

  // MARK: What the conditions need

  /// The device's own conditions, with the wish that the product's own interface may have changed.
  var conditions: LocalConditions {
    var conditions = configuration.conditions
    if let text = present()["autoUpdate"]?.string, let wish = AutoUpdate(text) {
      conditions.autoUpdate = wish
    }
    return conditions
  }

  /// What the conditions look at, out of the reported state.
  func localFacts(_ reported: JSON) throws(LinkError) -> LocalFacts {
    let battery = reported["battery"]
    let isFed = battery?["charging"]?.bool == true || reported["power"]?.string == "mains"
    let free = try Agent.device { () throws(AgentError) in
      try updater.disk.freeBytes(at: configuration.setup.stateDirectory)
    }
    return LocalFacts(
      isInUse: reported["inUse"]?.bool,
      batteryPercent: battery?["percent"]?.integer.map { Int(clamping: $0) }, isCharging: isFed,
      freeBytes: free, minuteOfDay: Agent.minuteOfDay(wall()))
  }

  // MARK: Status

  /// Shows the present status.
  func showStatus() { board.show(status()) }

  /// The status for people and programs on the device.
  func status() -> JSON {
    let own = updater.state
    let told = present()
    let enrolment =
      isPending
      ? "waits for approval" : identity?.place == configuration.place ? "enrolled" : "not enrolled"
    return .members([
      "agent": .string(Agent.version), "time": .string(wall().description),
      "device": identity.map { .string($0.device.text) },
      "server": .string(configuration.server), "tenant": .string(configuration.tenant.text),
      "enrolment": .string(enrolment), "version": told["version"],
      "boot": told["boot"], "update": update(own.phase), "waiting": waitingDocument,
      "postponed": postponement, "lastUpdate": own.latestEnd.map(Agent.end),
      "safeMode": own.safeMode.map { .string($0.rawValue) },
      "configurationFault": configurationFault.map { .string($0) },
      "reportedFault": productFault.map { .string($0) },
      "lastAnswer": lastAnswer.map { .string($0.description) },
      "nextPoll": nextPoll.map { .string($0.description) },
      "trouble": trouble.map { .string($0) }, "reportsWaiting": JSON(own.outbox.count),
      "desiredVersion": .integer(desired.version), "reported": told,
    ])
  }

  private func update(_ phase: UpdatePhase) -> JSON? {
    guard let update = phase.update else { return nil }
    return .members([
      "phase": .string(phase.word), "action": .string(update.action.text),
      "attempt": JSON(update.attempt), "release": .string(update.release.text),
      "version": .string(update.version.text), "percent": percent.map { JSON($0) },
    ])
  }

  private var waitingDocument: JSON? {
    waiting.map { waiting in
      .members([
        "action": .string(waiting.action.text), "step": .string(waiting.step),
        "reason": .string(waiting.reason),
        "until": waiting.until.map { .string($0.description) },
      ])
    }
  }

  private var postponement: JSON? {
    // A file that cannot be read postpones nothing.
    guard let postponed = try? Postponement.load(from: state, at: wall()) else { return nil }
    return [
      "until": .string(postponed.until.description), "reason": .string(postponed.reason),
    ]
  }

  private static func end(_ end: UpdateEnd) -> JSON {
    .members([
      "action": .string(end.action.text), "attempt": JSON(end.attempt),
      "phase": .string(end.phase.rawValue), "failure": end.failure.map { .string($0.text) },
    ])
  }
}

/// The members of an object under construction.
private struct Properties {
  private var members: [JSON.Member]

  init(_ document: JSON) { members = document.members ?? [] }

  var document: JSON { .object(members) }

  subscript(key: String) -> JSON? { document[key] }

  mutating func set(_ key: String, _ value: JSON) {
    let member = JSON.Member(key, value)
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index] = member
    } else {
      members.append(member)
    }
  }

  mutating func merge(_ other: JSON) {
    for member in other.members ?? [] { set(member.key, member.value) }
  }
}
