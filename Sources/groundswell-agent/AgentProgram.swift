// AgentProgram: from the words of the command line to an exit code.

import DeviceAgent
import Glibc
import UpdateModel

/// Why the program did not do what it was asked.
struct AgentFailure: Error {
  let code: AgentExit
  let text: String

  /// The command line is wrong.
  static func usage(_ text: String) -> AgentFailure { AgentFailure(code: .usage, text: text) }
  /// It could not be done.
  static func failed(_ text: String) -> AgentFailure { AgentFailure(code: .failed, text: text) }
}

/// The program as a whole.
enum AgentProgram {
  /// Runs what `words` (without the program's name) ask for.
  static func run(_ words: [String]) -> AgentExit {
    guard let first = words.first else {
      complain("a command is missing")
      return .usage
    }
    let asks = words.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    if first == "version" || first == "--version" {
      write("groundswell-agent \(Agent.version)\n")
      return .done
    }
    if asks || first == "help" {
      let topic = words.first { !$0.hasPrefix("-") && $0 != "help" }
      write(AgentHelp.text(topic))
      return .done
    }
    guard let command = AgentCommand.all.first(where: { $0.name == first }) else {
      complain("unknown command '\(first)'")
      return .usage
    }
    AgentLock.ignoreWaking()
    do throws(AgentFailure) {
      return try command.run(try AgentArguments(Array(words.dropFirst()), for: command))
    } catch {
      complain(error.text, help: error.code == .usage ? command.name : nil)
      return error.code
    }
  }

  /// Writes to standard output.
  static func write(_ text: String) { put(text, to: STDOUT_FILENO) }

  /// Writes a line of the log to standard error, where the service's journal takes it.
  static func logLine(_ line: String) {
    put("\(Agent.wallTime()) \(line)\n", to: STDERR_FILENO)
  }

  private static func complain(_ text: String, help: String? = "") {
    let hint = help.map { "Try: groundswell-agent \($0.isEmpty ? "" : "\($0) ")--help\n" }
    put("groundswell-agent: \(text)\n\(hint ?? "")", to: STDERR_FILENO)
  }

  private static func put(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      // A reader that went away must not end the agent.
      guard count > 0 else { return }
      done += count
    }
  }
}
