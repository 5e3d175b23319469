// OpenSSLTool: the real `openssl` command in a folder of its own, and mutations by seed.

import Crypto
import Glibc
import Testing

/// A temporary folder in which `openssl` runs.
final class OpenSSLTool {
  let folder: String

  init() throws {
    var template = Array("/tmp/groundswell-openssl-XXXXXX".utf8CString)
    folder = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    if let stream = opendir(folder) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        unlink("\(folder)/\(name)")
      }
      closedir(stream)
    }
    rmdir(folder)
  }

  /// Runs `openssl` with words separated by single spaces; files are named relative to the folder.
  ///
  /// - Returns: the exit status and everything it printed.
  @discardableResult
  func run(_ line: String) throws -> (status: Int32, output: String) {
    let output = "\(folder)/output.txt"
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(
      &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    let words =
      ["env", "--chdir=\(folder)", "openssl"] + line.split(separator: " ").map(String.init)
    var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    argv.append(nil)
    defer { for word in argv { free(word) } }
    var child: pid_t = 0
    try #require(posix_spawnp(&child, "env", &actions, nil, argv, environ) == 0)
    var status: Int32 = 0
    waitpid(child, &status, 0)
    let text = String(decoding: try read("output.txt"), as: UTF8.self)
    return (status & 0x7F == 0 ? status >> 8 & 0xFF : -1, text)
  }

  /// Runs `openssl` and requires success; returns the file that it wrote, as text.
  func make(_ name: String, _ line: String) throws -> String {
    let (status, output) = try run("\(line) -out \(name)")
    try #require(status == 0, "openssl \(line): \(output)")
    return String(decoding: try read(name), as: UTF8.self)
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func read(_ name: String) throws -> [UInt8] {
    let file = open(path(name), O_RDONLY)
    try #require(file >= 0, "no file \(name)")
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(file, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = open(path(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
  }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }
}

/// splitmix64 (Steele, Lea, Flood 2014), enough to damage inputs in a way that can be repeated.
struct Damage {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    return Int(mixed % UInt64(bound))
  }

  /// Bytes with one to four changes: bits, bytes, cuts, repetitions.
  mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...below(4) where !bytes.isEmpty {
      let position = below(bytes.count)
      switch below(5) {
      case 0: bytes[position] ^= 1 << UInt8(below(8))
      case 1: bytes[position] = UInt8(below(256))
      case 2: bytes.removeSubrange(position..<min(bytes.count, position + 1 + below(8)))
      case 3: bytes.insert(contentsOf: bytes[position...].prefix(1 + below(8)), at: position)
      default: bytes = Array(bytes.prefix(position))
      }
    }
    return bytes
  }
}
