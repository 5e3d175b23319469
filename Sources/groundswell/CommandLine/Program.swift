// Program: from the words of the command line to an exit code.

import Gateways
import UpdateModel

/// The program as a whole.
enum Program {
  /// The version of the program and of the server in it.
  static let version = ManagementGateway.version

  /// Runs the command that `words` (without the program's name) ask for.
  static func run(_ words: [String]) -> ExitCode {
    var name: String?
    do {
      let words = commandFirst(words)
      if let text = try help(words) {
        Terminal.write(text)
        return .success
      }
      let (command, rest) = try CommandTable.find(words)
      name = command.name
      return try command.run(try Arguments(rest, for: command))
    } catch {
      var failure = error
      failure.hint = failure.hint ?? Hints.suggestion(for: failure, command: name)
      Terminal.complain(failure.lines)
      return failure.code
    }
  }

  /// Options of the connection may stand before the command; they are moved behind it.
  private static func commandFirst(_ words: [String]) -> [String] {
    var leading: [String] = []
    var rest = words[...]
    while let word = rest.first, word.hasPrefix("--"), word != "--" {
      let name = word.dropFirst(2).prefix { $0 != "=" }
      guard let option = Session.options.first(where: { $0.name == name }) else { break }
      leading.append(rest.removeFirst())
      if option.placeholder != nil, !word.contains("="), let value = rest.popFirst() {
        leading.append(value)
      }
    }
    let command = rest.prefix { !$0.hasPrefix("-") }.prefix(2)
    return command + leading + rest.dropFirst(command.count)
  }

  /// The text that somebody asks for with `help`, `--help`, `-h` or `--version`.
  private static func help(_ words: [String]) throws(Failure) -> String? {
    guard let first = words.first else {
      throw .usage("a command is missing", hint: "groundswell help")
    }
    let asks = words.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    switch first {
    case "--version", "version": return "groundswell \(version)\n"
    case "--help", "-h": return HelpText.program
    case "help" where words.count == 1 || asks: return HelpText.program
    case "help": return try help(topic: Array(words.dropFirst()))
    default: return asks ? try help(topic: words.filter { $0 != "--help" && $0 != "-h" }) : nil
    }
  }

  private static func help(topic: [String]) throws(Failure) -> String {
    guard let noun = topic.first else { return HelpText.program }
    let family = CommandTable.commands(of: noun)
    if topic.count == 1 || topic[1].hasPrefix("-"), family.contains(where: { $0.words.count > 1 }) {
      return HelpText.noun(noun)
    }
    return HelpText.command(try CommandTable.find(topic).command)
  }
}
