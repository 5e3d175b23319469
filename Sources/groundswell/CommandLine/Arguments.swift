// Arguments: the words of a command line, sorted into options and operands and checked.

import UpdateModel

/// The words after the command.
struct Arguments: Sendable {
  /// Words that belong to no option, in order.
  private(set) var operands: [String] = []
  private var given: [String: [String]] = [:]
  private let command: Command

  /// Sorts words by what the command declares.
  init(_ words: [String], for command: Command) throws(Failure) {
    self.command = command
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      try take(option: word, from: &rest)
    }
    try checkCounts()
  }

  private mutating func take(
    option word: String, from rest: inout ArraySlice<String>
  ) throws(Failure) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let spelling = parts.first.map(String.init) ?? word
    guard let option = command.allOptions.first(where: { "--\($0.name)" == spelling }) else {
      throw unknown(spelling)
    }
    let inline = parts.count == 2 ? String(parts[1]) : nil
    if option.placeholder == nil {
      guard inline == nil else {
        throw refuse("option \(spelling) takes no value, found '\(inline ?? "")'")
      }
      given[option.name] = []
      return
    }
    guard let value = inline ?? rest.popFirst() else {
      throw refuse("option \(option.usage) needs a value")
    }
    // A forgotten value would swallow the next option without a word.
    if inline == nil, value.hasPrefix("--") {
      throw refuse(
        "option \(option.usage) needs a value, found \(value); "
          + "write --\(option.name)=\(value) if that is the value")
    }
    if given[option.name] != nil, !option.repeats {
      throw refuse("option \(spelling) is given twice")
    }
    given[option.name, default: []].append(value)
  }

  private func checkCounts() throws(Failure) {
    let least = command.operands.reduce(0) { $0 + $1.least }
    if operands.count < least {
      let missing = command.operands.filter { $0.least > 0 }.dropFirst(operands.count).first
      throw refuse("\(missing?.name ?? "an operand") is missing")
    }
    let isBounded = command.operands.allSatisfy { $0.most == 1 }
    if isBounded, operands.count > command.operands.count {
      throw refuse("'\(operands[command.operands.count])' is one word too many")
    }
    if let missing = command.options.first(where: { $0.isRequired && given[$0.name] == nil }) {
      throw refuse("option \(missing.usage) is missing")
    }
  }

  private func unknown(_ spelling: String) -> Failure {
    let known = command.allOptions.map { "--\($0.name)" } + ["--help"]
    guard let near = nearest(to: spelling, among: known) else {
      return refuse("unknown option \(spelling)")
    }
    return refuse("unknown option \(spelling); did you mean \(near)?")
  }

  /// A usage failure that points at the help of this command.
  func refuse(_ detail: String) -> Failure {
    .usage(detail, hint: "groundswell \(command.name) --help")
  }

  /// The operand at a position that the command requires.
  subscript(position: Int) -> String {
    precondition(operands.indices.contains(position), "required operands were counted")
    return operands[position]
  }

  /// Whether a flag or option is there.
  func has(_ name: String) -> Bool { given[name] != nil }

  /// The value of an option.
  func value(_ name: String) -> String? { given[name]?.last }

  /// The values of an option that repeats, in order.
  func values(_ name: String) -> [String] { given[name] ?? [] }

  /// The value of a required option.
  func required(_ name: String) -> String {
    guard let value = value(name) else {
      preconditionFailure("option --\(name) is declared as required")
    }
    return value
  }

  /// A whole number inside a range.
  func integer(
    _ name: String, default fallback: Int, in range: ClosedRange<Int>
  ) throws(Failure) -> Int {
    guard let text = value(name) else { return fallback }
    guard let number = Int(text), range.contains(number) else {
      throw refuse(
        "option --\(name): '\(text)' is no whole number from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  /// A length of time such as `30m`.
  func interval(_ name: String) throws(Failure) -> Interval? {
    guard let text = value(name) else { return nil }
    guard let interval = Interval(text: text) else {
      throw refuse("option --\(name): '\(text)' is no length of time such as 90s, 15m, 12h or 7d")
    }
    return interval
  }

  /// `on` or `off`.
  func choice(_ name: String) throws(Failure) -> Bool? {
    switch value(name) {
    case nil: return nil
    case "on": return true
    case "off": return false
    case .some(let other): throw refuse("option --\(name): '\(other)' is neither on nor off")
    }
  }

  /// A repeated option of the form `key=value`.
  func pairs(_ name: String) throws(Failure) -> [(key: String, value: String)] {
    try pairs(values(name), what: "option --\(name)")
  }

  /// Words of the form `key=value`.
  func pairs(
    _ words: [String], what: String
  ) throws(Failure) -> [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    for word in words {
      guard let sign = word.firstIndex(of: "="), sign > word.startIndex else {
        throw refuse("\(what): '\(word)' is not of the form key=value")
      }
      pairs.append((String(word[..<sign]), String(word[word.index(after: sign)...])))
    }
    return pairs
  }
}
