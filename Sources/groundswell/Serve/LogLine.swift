// LogLine: one line per fact on standard error: time, level, a constant message, key=value facts.

import Glibc
import Orchestrator
import UpdateModel

/// Writes log lines. Messages are constants; what varies is in the facts. Never a token or a key.
enum LogLine {
  /// How much a line matters.
  enum Level: String {
    /// Somebody has to act.
    case error
    /// Something changed.
    case notice
  }

  /// Writes one line.
  static func write(_ level: Level, _ message: StaticString, _ facts: KeyValuePairs<String, String>)
  {
    var line = "\(SystemClock().now) \(level.rawValue) \(message)"
    for (key, value) in facts {
      var quoted: [UInt8] = []
      quoted.append(jsonString: value)
      line += " \(key)=\(String(decoding: quoted, as: UTF8.self))"
    }
    emit(line + "\n", to: STDERR_FILENO)
  }

  /// Prints lines for a person on standard output.
  static func printLines(_ lines: [String]) {
    emit(lines.map { $0 + "\n" }.joined(), to: STDOUT_FILENO)
  }

  private static func emit(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    // A reader that went away must not end the server; nothing is left to tell it.
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }
}
