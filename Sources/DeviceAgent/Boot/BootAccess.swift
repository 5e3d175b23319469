// BootAccess: reads and writes the boot record, wherever the boot loader keeps it.

internal import UpdateModel

/// The record behind its three forms.
struct BootAccess {
  /// Name of the durable file of the first form: `boot.0` and `boot.1`.
  static let fileName = "boot"

  let disk: any AgentDisk
  let programs: any ProgramRunner
  let control: BootControl

  func read() throws(AgentError) -> BootStatus { try variables().status() }

  /// Stores a record and reads it again: what the boot loader will find is what was meant.
  func write(_ status: BootStatus) throws(AgentError) {
    switch control {
    case .file(let directory):
      var variables = BootVariables()
      variables.store(status)
      let text = variables.entries.map { "\($0)\n" }.joined()
      try record(directory).save(Array(text.utf8))
    case .uboot(let setup):
      let file = UBootFile(disk: disk, setup: setup)
      var variables = try file.read()
      variables.store(status)
      try file.write(variables)
    case .commands(let commands):
      let words = BootVariables.pairs(status).map { "\($0)=\($1)" }
      let result = programs.run(words.reduce(commands.set) { $0.adding($1) })
      guard result.isSuccess else {
        throw .program(path: commands.set.path, ending: result.text)
      }
    }
    let stored = try read()
    guard stored == status else {
      throw .malformed(subject: "the boot record", reason: "is another one than was stored")
    }
  }

  private func record(_ directory: String) -> DurableFile {
    DurableFile(disk: disk, directory: directory, name: BootAccess.fileName)
  }

  private func variables() throws(AgentError) -> BootVariables {
    switch control {
    case .file(let directory):
      guard case .text(let text) = try record(directory).load() else {
        throw .malformed(subject: "the boot record in \(directory)", reason: "is missing or spoilt")
      }
      return try BootAccess.lines(text)
    case .uboot(let setup): return try UBootFile(disk: disk, setup: setup).read()
    case .commands(let commands):
      let result = programs.run(commands.get)
      guard result.isSuccess else {
        throw .program(path: commands.get.path, ending: result.text)
      }
      return try BootAccess.lines(result.output)
    }
  }

  private static func lines(_ text: [UInt8]) throws(AgentError) -> BootVariables {
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    guard let variables = BootVariables(entries: lines) else {
      throw .malformed(subject: "the boot record", reason: "has a line that is not name=value")
    }
    return variables
  }
}
