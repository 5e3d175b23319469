// Terminal: writes to standard output and error, and knows whether a person looks at them.

import Glibc

/// The two outputs of the program.
enum Terminal {
  /// Whether standard output is a terminal.
  static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Whether standard error is a terminal; progress goes there.
  static var showsProgress: Bool { isatty(STDERR_FILENO) == 1 }

  /// Whether colours are wanted: on a terminal, unless NO_COLOR says otherwise (no-color.org).
  static var hasColours: Bool {
    if let value = getenv("NO_COLOR"), value.pointee != 0 { return false }
    if let name = getenv("TERM"), String(cString: name) == "dumb" { return false }
    return isInteractive
  }

  /// Columns and rows of the terminal; 80 by 24 when it does not say.
  static func size(of descriptor: Int32 = STDOUT_FILENO) -> (columns: Int, rows: Int) {
    var size = winsize()
    let isKnown = withUnsafeMutablePointer(to: &size) {
      ioctl(descriptor, UInt(TIOCGWINSZ), UnsafeMutableRawPointer($0)) == 0
    }
    guard isKnown, size.ws_col > 0 else { return (80, 24) }
    return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  /// Writes text to standard output at once.
  static func write(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }

  /// Writes bytes to standard output as they are.
  static func write(bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

  /// Writes text to standard error, for progress and notes.
  static func note(_ text: String) { write(Array(text.utf8), to: STDERR_FILENO) }

  /// Writes lines to standard error.
  static func complain(_ lines: [String]) {
    note(lines.map { $0 + "\n" }.joined())
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
      }
      if count >= 0 {
        done += count
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
      } else if errno != EINTR {
        // The reader went away, as in `| head`: nobody is left to be told, so end like a signal.
        _exit(128 + SIGPIPE)
      }
    }
  }
}
