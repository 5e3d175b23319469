// HelpText: what `--help` prints for the program, for a noun and for a command.

/// Texts for people who ask.
enum HelpText {
  /// For `groundswell help`.
  static var program: String {
    var text = """
      groundswell \(Program.version): sends firmware to fleets of devices, stage by stage.

      Usage: groundswell COMMAND [options]


      """
    text += section("Commands", CommandTable.nouns.map { ($0.word, $0.meaning) })
    text += section("Options for every command that talks to a server", rows(Session.options))
    text += exitCodes
    text += """
      Help for a command: groundswell COMMAND --help, for example groundswell rollout create --help

      """
    return text
  }

  /// For a noun such as `groundswell rollout --help`.
  static func noun(_ word: String) -> String {
    let meaning = CommandTable.nouns.first { $0.word == word }?.meaning ?? ""
    let rows = CommandTable.commands(of: word).map { ($0.words[1], $0.summary) }
    return "Usage: groundswell \(word) COMMAND [options]\n\n\(meaning)\n\n"
      + section("Commands", rows)
      + "Help for a command: groundswell \(word) COMMAND --help\n"
  }

  /// For one command.
  static func command(_ command: Command) -> String {
    let required = command.options.filter(\.isRequired).map(\.usage)
    let words =
      ["groundswell", command.name] + command.operands.map(\.usage) + required
      + (command.allOptions.count > required.count ? ["[options]"] : [])
    var text = "Usage: \(words.joined(separator: " "))\n\n"
    text += wrap(command.summary, width: width, indent: 0) + "\n\n"
    text += section("Operands", command.operands.map { ($0.name, $0.meaning) })
    text += section("Options", rows(command.options))
    if command.isRemote { text += section("Connection and output", rows(Session.options)) }
    text += "Examples:\n" + command.examples.map { "  \($0)\n" }.joined() + "\n"
    return text + exitCodes
  }

  private static let width = 92

  private static var exitCodes: String {
    section("Exit codes", ExitCode.allCases.map { ("\($0.rawValue)", $0.meaning) })
  }

  private static func rows(_ options: [Option]) -> [(String, String)] {
    options.map { option in
      var notes: [String] = []
      if option.isRequired { notes.append("required") }
      if option.repeats { notes.append("may be repeated") }
      if let fallback = option.fallback { notes.append("default: \(fallback)") }
      let note = notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
      return (option.usage, option.meaning + note)
    }
  }

  private static func section(_ title: String, _ rows: [(String, String)]) -> String {
    guard !rows.isEmpty else { return "" }
    let column = min(28, (rows.map { $0.0.count }.max() ?? 0)) + 4
    let lines = rows.map { name, meaning in
      let text = wrap(meaning, width: width, indent: column)
      let isLong = name.count + 4 > column
      let padding = isLong ? "\n" + spaces(column) : spaces(column - name.count - 2)
      return "  \(name)\(padding)\(text)\n"
    }
    return "\(title):\n\(lines.joined())\n"
  }

  /// Breaks text into lines; all but the first are indented.
  static func wrap(_ text: String, width: Int, indent: Int) -> String {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    lines.append(line)
    return lines.joined(separator: "\n" + spaces(indent))
  }

  private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
}
