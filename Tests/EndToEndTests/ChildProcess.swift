// ChildProcess: programs of this package as real processes, with output in files and real signals.

import Glibc

/// A program that was started and can be killed.
final class ChildProcess {
  let pid: pid_t
  private var isReaped = false
  private var code: Int32?

  /// The folder with the built programs: the one that the test bundle runs from.
  static var products: String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    // swift test may run the bundle through a helper of the toolchain.
    if text.contains("/.build") { return text.parent }
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") }
    return bundle?.parent ?? ".build/debug"
  }

  /// Starts a program with arguments; standard output and error go to a file.
  init(_ arguments: [String], program: String = "groundswell", output: String) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    let words = ["\(ChildProcess.products)/\(program)"] + arguments
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    argv.append(nil)
    defer { for word in argv { free(word) } }
    var child: pid_t = 0
    let code = posix_spawn(&child, words[0], &actions, nil, argv, environ)
    guard code == 0 else {
      throw EndToEndFault("cannot start \(words[0]): \(String(cString: strerror(code)))")
    }
    pid = child
  }

  /// Sends a signal and waits for the end; returns the exit status, or nil if the signal ended it.
  @discardableResult
  func end(_ signal: Int32) -> Int32? {
    kill(pid, signal)
    return wait()
  }

  /// Waits for the end; returns the exit status, or nil if a signal ended it.
  @discardableResult
  func wait() -> Int32? {
    guard !isReaped else { return code }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    note(status)
    return code
  }

  /// Whether the process is still there.
  var isRunning: Bool {
    guard !isReaped else { return false }
    var status: Int32 = 0
    guard waitpid(pid, &status, WNOHANG) == pid else { return true }
    note(status)
    return false
  }

  private func note(_ status: Int32) {
    isReaped = true
    code = status & 0x7F == 0 ? status >> 8 & 0xFF : nil
  }

  deinit { if !isReaped { end(SIGKILL) } }
}

/// Why an end-to-end test cannot go on.
struct EndToEndFault: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension String {
  var parent: String { split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } }
}

/// Reads a small file.
func contents(of path: String) -> String {
  guard let file = fopen(path, "r") else { return "" }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 20)
  let count = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes.prefix(count), as: UTF8.self)
}

/// Sleeps for milliseconds.
func pause(_ milliseconds: Int) { usleep(UInt32(milliseconds) * 1000) }
