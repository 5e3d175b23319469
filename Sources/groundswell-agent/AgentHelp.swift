// AgentHelp: what `--help` prints for the program and for a command.

import DeviceAgent

/// Texts for people who ask.
enum AgentHelp {
  /// For a command, or for the program when there is none of that name.
  static func text(_ topic: String?) -> String {
    if let command = AgentCommand.all.first(where: { $0.name == topic }) { return text(command) }
    let rows = AgentCommand.all.map { ($0.name, $0.summary) } + [("version", "Tell the version.")]
    return """
      groundswell-agent \(Agent.version): keeps this device up to date, and lets it be reached.

      Usage: groundswell-agent COMMAND [options]

      Commands:
      \(table(rows))
      Options for every command:
      \(table(options([.config, .state])))
      \(exitCodes)
      Help for a command: groundswell-agent COMMAND --help

      """
  }

  private static func text(_ command: AgentCommand) -> String {
    let operand = command.operandName.map {
      command.operands.lowerBound == 0 ? " [\($0)]" : " \($0)"
    }
    return """
      Usage: groundswell-agent \(command.name)\(operand ?? "") [options]

      \(command.summary)

      Options:
      \(table(options(command.options + [.config, .state])))
      Examples:
      \(command.examples.map { "  \($0)\n" }.joined())
      \(exitCodes)
      """
  }

  private static func options(_ options: [AgentOption]) -> [(String, String)] {
    options.map { option in
      ("--\(option.name)" + (option.placeholder.map { " \($0)" } ?? ""), option.meaning)
    }
  }

  private static var exitCodes: String {
    "Exit codes:\n"
      + table(AgentExit.allCases.map { ("\($0.rawValue)", meaning($0)) })
  }

  private static func meaning(_ code: AgentExit) -> String {
    switch code {
    case .done: "done"
    case .failed: "failed, or the server does not answer"
    case .usage: "wrong command line"
    case .nothing: "nothing to do"
    case .rebooting: "the device is to be started again (with rebootEndsAgent)"
    }
  }

  private static func table(_ rows: [(String, String)]) -> String {
    let width = (rows.map(\.0.count).max() ?? 0) + 2
    return rows.map { name, meaning in
      "  \(name)\(String(repeating: " ", count: width - name.count))\(meaning)\n"
    }.joined()
  }
}
