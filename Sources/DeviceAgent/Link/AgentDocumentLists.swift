// AgentDocumentLists: the lists in the configuration file: capabilities and logs.

import UpdateModel

/// Lists of the configuration file.
enum AgentDocumentLists {
  /// `capabilities`: what a server may command.
  static func capabilities(_ reader: DocumentReader) -> [AgentConfiguration.Capability] {
    let standard = StandardCommand.allCases.map(\.rawValue)
    var capabilities: [AgentConfiguration.Capability] = []
    for entry in entries(reader, "capabilities") {
      entry.allowOnly(["name", "title", "arguments", "disruptive", "command", "timeout"])
      let title = entry.has("title") ? entry.text("title") : nil
      let schema =
        entry.has("arguments")
        ? entry.read("arguments", default: nil, allowed: "a JSON schema, an object") {
          $0.members == nil ? nil : $0
        } : nil
      let program = AgentDocument.program(entry, words: "command", timeout: entry)
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
      entry.allowOnly(["name", "command", "timeout", "file"])
      let name = entry.name("name")
      guard entry.has("command") != entry.has("file") else {
        entry.refuse("command", "give either command or file")
        return nil
      }
      let origin: AgentConfiguration.LogSource.Origin? =
        entry.has("command")
        ? AgentDocument.program(entry, words: "command", timeout: entry).map { .program($0) }
        : AgentDocument.path(entry, "file").map { .file($0) }
      guard let name, let origin else { return nil }
      return AgentConfiguration.LogSource(name: name, origin: origin)
    }
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
