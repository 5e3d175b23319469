// AgentDocumentLists: the lists in the configuration file: capabilities, logs, checks, actions.

import UpdateModel

/// Lists of the configuration file.
enum AgentDocumentLists {
  /// `capabilities`: what a server may command.
  static func capabilities(_ reader: DocumentReader) -> [AgentConfiguration.Capability] {
    let standard = StandardCommand.allCases.map(\.rawValue)
    var capabilities: [AgentConfiguration.Capability] = []
    for entry in entries(reader, "capabilities") {
      entry.allowOnly(["name", "title", "arguments", "disruptive", "run", "timeout"])
      let title = entry.has("title") ? entry.text("title") : nil
      let schema =
        entry.has("arguments")
        ? entry.read("arguments", default: nil, allowed: "a JSON schema, an object") {
          $0.members == nil ? nil : $0
        } : nil
      let program = AgentDocument.program(entry, words: "run", timeout: entry)
      guard let name = entry.name("name"), let program,
        let isDisruptive = entry.flag("disruptive", default: false)
      else { continue }
      if standard.contains(name.text) {
        entry.refuse("name", "\(name) is a standard command and cannot be replaced")
      }
      if capabilities.contains(where: { $0.name == name }) {
        entry.refuse("name", "\(name) is there twice")
      }
      capabilities.append(
        AgentConfiguration.Capability(
          name: name, title: title, arguments: schema, isDisruptive: isDisruptive,
          program: program))
    }
    return capabilities
  }

  /// `logs`: what `collect-logs` collects.
  static func logs(_ reader: DocumentReader) -> [AgentConfiguration.LogSource] {
    entries(reader, "logs").compactMap { entry in
      entry.allowOnly(["name", "run", "timeout", "file"])
      let name = entry.name("name")
      guard entry.has("run") != entry.has("file") else {
        entry.refuse("run", "give either run or file")
        return nil
      }
      let origin: AgentConfiguration.LogSource.Origin? =
        entry.has("run")
        ? AgentDocument.program(entry, words: "run", timeout: entry).map { .program($0) }
        : AgentDocument.path(entry, "file").map { .file($0) }
      guard let name, let origin else { return nil }
      return AgentConfiguration.LogSource(name: name, origin: origin)
    }
  }

  /// `health.checks`: what a new system must pass.
  static func checks(_ reader: DocumentReader) -> [HealthSetup.Check] {
    entries(reader, "checks").compactMap { entry in
      entry.allowOnly(["name", "run", "timeout", "attempts"])
      let program = AgentDocument.program(entry, words: "run", timeout: entry)
      guard let name = entry.name("name"), let program,
        let attempts = entry.integer("attempts", default: 3, in: 1...100)
      else { return nil }
      var check = HealthSetup.Check(name: name, call: program)
      check.attempts = attempts
      return check
    }
  }

  /// `actions`: what a server may have called before and after an installation.
  static func actions(_ reader: DocumentReader) -> [Name: ProgramCall] {
    var actions: [Name: ProgramCall] = [:]
    guard let value = reader.value("actions") else { return actions }
    guard let members = value.members, members.count <= AgentDocument.listMax else {
      reader.refuse("actions", "expected is an object of at most \(AgentDocument.listMax) actions")
      return actions
    }
    let object = reader.object("actions")
    for member in members {
      guard let name = try? Name(member.key) else {  // the fault says it
        object.refuse(member.key, "the name of an action is 1 to 64 of A-Z a-z 0-9 . _ -")
        continue
      }
      actions[name] = AgentDocument.program(object, member.key)
    }
    return actions
  }

  private static func entries(_ reader: DocumentReader, _ key: String) -> [DocumentReader] {
    guard reader.has(key) else { return [] }
    guard let entries = reader.objects(key), entries.count <= AgentDocument.listMax else {
      reader.refuse(key, "expected is a list of at most \(AgentDocument.listMax) objects")
      return []
    }
    return entries
  }
}
