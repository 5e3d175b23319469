// AgentArguments: the words of a command line, sorted into options and operands and checked.

import DeviceAgent
import UpdateModel

/// An option of a command.
struct AgentOption {
  /// The name without `--`.
  let name: String
  /// What help calls the value; nil for a flag.
  let placeholder: String?
  /// One clause for help.
  let meaning: String

  static let config = AgentOption(
    name: "config", placeholder: "FILE",
    meaning: "the configuration (default \(AgentConfiguration.usualPath))")
  static let state = AgentOption(
    name: "state", placeholder: "DIR",
    meaning: "the state directory, for when the configuration cannot be read "
      + "(default \(AgentArguments.usualState))")
}

/// The words after the command.
struct AgentArguments {
  static let usualState = "/var/lib/groundswell-agent"

  private(set) var operands: [String] = []
  private var given: [String: String] = [:]

  init(_ words: [String], for command: AgentCommand) throws(AgentFailure) {
    var rest = words[...]
    let options = command.options + [.config, .state]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        break
      }
      guard word.hasPrefix("--") else {
        operands.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0].dropFirst(2))
      guard let option = options.first(where: { $0.name == name }) else {
        throw .usage("unknown option --\(name)")
      }
      guard given[name] == nil else { throw .usage("option --\(name) is given twice") }
      let inline = parts.count == 2 ? String(parts[1]) : nil
      if option.placeholder == nil {
        guard inline == nil else { throw .usage("option --\(name) takes no value") }
        given[name] = ""
      } else {
        guard let value = inline ?? rest.popFirst() else {
          throw .usage("option --\(name) needs a value")
        }
        given[name] = value
      }
    }
    guard command.operands.contains(operands.count) else {
      throw .usage(
        operands.count > command.operands.upperBound
          ? "'\(operands[command.operands.upperBound])' is one word too many"
          : "\(command.operandName ?? "a word") is missing")
    }
  }

  /// Whether an option is there.
  func has(_ name: String) -> Bool { given[name] != nil }

  /// The value of an option.
  func value(_ name: String) -> String? { given[name] }

  /// The configuration file.
  var config: String { given["config"] ?? AgentConfiguration.usualPath }

  /// The state directory for a configuration that cannot be read.
  var state: String { given["state"] ?? AgentArguments.usualState }

  /// A length of time such as `2h`.
  func interval(_ name: String) throws(AgentFailure) -> Interval? {
    guard let text = value(name) else { return nil }
    guard let interval = Interval(text: text), interval > .zero else {
      throw .usage("option --\(name): '\(text)' is no length of time such as 30m, 2h or 1d")
    }
    return interval
  }
}
