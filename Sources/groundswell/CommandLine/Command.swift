// Command: one thing the program can do, with everything that help and the argument reader need.

/// One command of the program.
struct Command: Sendable {
  /// The words that name it: `["artifact", "upload"]`.
  let words: [String]
  /// One sentence for people.
  let summary: String
  /// Words after the command, in order.
  let operands: [Operand]
  /// Its own options, without those of the connection.
  let options: [Option]
  /// Whether it talks to a server, and so takes the options of the connection.
  let isRemote: Bool
  /// Whole command lines to copy.
  let examples: [String]
  /// Does it.
  let run: @Sendable (Arguments) throws(Failure) -> ExitCode

  /// A command that works on this machine.
  static func local(
    _ name: String, _ summary: String, operands: [Operand] = [], options: [Option] = [],
    examples: [String], run: @escaping @Sendable (Arguments) throws(Failure) -> ExitCode
  ) -> Command {
    Command(
      words: name.split(separator: " ").map(String.init), summary: summary, operands: operands,
      options: options, isRemote: false, examples: examples, run: run)
  }

  /// A command that talks to the server.
  static func remote(
    _ name: String, _ summary: String, operands: [Operand] = [], options: [Option] = [],
    examples: [String],
    run: @escaping @Sendable (Arguments, Session) throws(Failure) -> Void
  ) -> Command {
    Command(
      words: name.split(separator: " ").map(String.init), summary: summary, operands: operands,
      options: options, isRemote: true, examples: examples,
      run: { (arguments) throws(Failure) in
        try run(arguments, try Session(arguments))
        return .success
      })
  }

  /// The words as one text.
  var name: String { words.joined(separator: " ") }

  /// Every option it takes.
  var allOptions: [Option] { isRemote ? options + Session.options : options }
}
