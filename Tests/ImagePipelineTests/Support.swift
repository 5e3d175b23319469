// A folder that goes with the test, seeded bytes, and running a tool when it is there.
import Crypto
import Glibc
import ImagePipeline
import Testing

/// A fresh folder; emptied and removed with the last reference.
final class Folder {
  let path: String

  init() {
    var template = Array("/tmp/groundswell-images-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "the tests need a writable /tmp")
    path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit { run("/bin/rm", ["-rf", path]) }

  /// Every file below, as a path relative to the folder.
  func files(below relative: String = "") -> [String] {
    guard let stream = opendir("\(path)/\(relative)") else { return [] }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name == "." || name == ".." { continue }
      let child = relative.isEmpty ? name : "\(relative)/\(name)"
      if entry.pointee.d_type == UInt8(DT_DIR) {
        found += files(below: child)
      } else {
        found.append(child)
      }
    }
    return found.sorted()
  }

  /// Writes a file and opens it as an image.
  func image(_ bytes: [UInt8], named name: String = "image") throws -> ImageFile {
    let file = "\(path)/\(name)"
    let number = open(file, O_CREAT | O_TRUNC | O_WRONLY, 0o600)
    try #require(number >= 0)
    defer { close(number) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(number, $0.baseAddress, $0.count) }
      try #require(count > 0)
      rest = rest.dropFirst(count)
    }
    return try ImageFile(path: file)
  }

  func upload(_ bytes: [UInt8]) throws -> UploadedImage {
    let writer = try ImageWriter(directory: path, byteCountMax: .max)
    try writer.write(bytes)
    return try writer.finish()
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same bytes for the same seed everywhere.
struct SeededBytes: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// Bytes with repetitions, as firmware has them.
  mutating func firmware(_ count: Int) -> [UInt8] {
    let words = (0..<64).map { _ in bytes(Int(next() % 24) + 4) }
    var result: [UInt8] = []
    result.reserveCapacity(count + 32)
    while result.count < count { result += words[Int(next() % 64)] }
    return Array(result.prefix(count))
  }
}

/// Runs a program without a shell; returns its exit status, or nil when it is not there.
@discardableResult
func run(_ program: String, _ arguments: [String]) -> Int32? {
  guard access(program, X_OK) == 0 else { return nil }
  var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
  words.append(nil)
  defer { for word in words { free(word) } }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  for number: Int32 in 0...2 {
    posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
  }
  var process: pid_t = 0
  guard posix_spawn(&process, program, &actions, nil, words, environ) == 0 else { return nil }
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0 && errno == EINTR {}
  return status & 0x7F == 0 ? status >> 8 & 0xFF : -1
}

/// True when a program can be run.
func isInstalled(_ program: String) -> Bool { access(program, X_OK) == 0 }
