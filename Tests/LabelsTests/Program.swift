// Program: other people's tools that look at our labels, where they are installed.

import Glibc
import Testing

enum Program {
  /// Whether a program is in the usual places.
  static func exists(_ name: String) -> Bool {
    ["/usr/bin", "/usr/local/bin", "/bin"].contains { access("\($0)/\(name)", X_OK) == 0 }
  }

  /// Runs a program that has to succeed; returns what it wrote to standard output.
  static func run(_ words: [String]) throws -> [UInt8] {
    // A file and no pipe: tests run side by side, and another child would inherit its end.
    let folder = try Folder()
    let output = "\(folder.path)/output"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    argv.append(nil)
    defer { for word in argv { free(word) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, words[0], &actions, nil, argv, environ)
    try #require(code == 0, "cannot start \(words[0])")
    var status: Int32 = 0
    waitpid(child, &status, 0)
    try #require(status == 0, "\(words.joined(separator: " ")) ended with \(status)")
    return try folder.read("output")
  }
}

/// A folder that is removed with its files.
final class Folder {
  let path: String

  init() throws {
    var template = Array("/tmp/groundswell-labels-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    if let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        unlink("\(path)/\(name)")
      }
      closedir(stream)
    }
    rmdir(path)
  }

  func read(_ name: String) throws -> [UInt8] {
    let file = open("\(path)/\(name)", O_RDONLY)
    try #require(file >= 0)
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = Glibc.read(file, &chunk, chunk.count), count > 0 {
      bytes += chunk.prefix(count)
    }
    return bytes
  }

  /// Writes a file and returns its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.write(file, buffer.baseAddress?.advanced(by: done), buffer.count - done)
      }
      try #require(count > 0)
      done += count
    }
    return "\(path)/\(name)"
  }
}
