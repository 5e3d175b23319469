// StateDirectory: what the agent remembers, as small files that are whole or absent.

import Crypto
import Glibc
public import UpdateModel

/// The folder with the agent's memory. Every write survives a power cut once it returned.
public struct StateDirectory: Sendable {
  /// Larger documents are not ours: the largest holds 64 reports or the answers of 128 commands.
  static let documentBytesMax = 1 << 20

  /// The folder, without a slash at its end.
  public let path: String

  /// Opens the folder and makes it, with mode 0700, when it is missing.
  ///
  /// - Throws: `LinkError.file` if it cannot be made or is no folder.
  public init(_ path: String) throws(LinkError) {
    self.path = path
    try StateDirectory.makeFolder(path)
  }

  /// The path of a file in it.
  public func file(_ name: String) -> String { path + "/" + name }

  /// Makes a folder inside.
  func makeFolder(_ name: String) throws(LinkError) { try StateDirectory.makeFolder(file(name)) }

  private static func makeFolder(_ path: String) throws(LinkError) {
    if mkdir(path, 0o700) == 0 { return }
    guard errno == EEXIST else { throw .system("create", path) }
    var facts = stat()
    guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
      throw .file(action: "use", path: path, reason: "it is not a folder")
    }
  }

  // MARK: Documents

  /// Reads a document; nil when there is none.
  ///
  /// - Throws: `LinkError.damaged` if it is no JSON, `.file` if it cannot be read.
  public func document(_ name: String) throws(LinkError) -> JSON? {
    guard let bytes = try read(name, atMost: StateDirectory.documentBytesMax) else { return nil }
    do throws(JSONError) {
      return try JSON.parse(bytes)
    } catch {
      throw .damaged(path: file(name), reason: error.description)
    }
  }

  /// Replaces a document.
  public func write(_ document: JSON, to name: String) throws(LinkError) {
    try write(document.prettyText, to: name)
  }

  /// Reads a file; nil when there is none.
  func read(_ name: String, atMost limit: Int) throws(LinkError) -> [UInt8]? {
    try StateDirectory.read(file(name), atMost: limit)
  }

  /// Reads any file of at most `limit` bytes; nil when there is none.
  static func read(_ path: String, atMost limit: Int) throws(LinkError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .system("read", path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system("read", path) }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= limit else {
        throw .file(action: "read", path: path, reason: "it has more than \(limit) bytes")
      }
    }
  }

  /// Replaces a file, readable by its owner only: a temporary file, fsync, rename, fsync.
  func write(_ bytes: [UInt8], to name: String) throws(LinkError) {
    let temporary = file(name) + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw .system("create", temporary) }
    defer { close(descriptor) }
    try StateDirectory.append(bytes, to: descriptor, named: temporary)
    guard fsync(descriptor) == 0 else { throw .system("write", temporary) }
    guard Glibc.rename(temporary, file(name)) == 0 else { throw .system("replace", file(name)) }
    try syncFolder()
  }

  /// Removes a file; none is fine.
  func remove(_ name: String) throws(LinkError) {
    guard unlink(file(name)) == 0 || errno == ENOENT else { throw .system("remove", file(name)) }
    try syncFolder()
  }

  /// Renames a file inside, replacing what has the new name.
  func rename(_ old: String, to new: String) throws(LinkError) {
    guard Glibc.rename(file(old), file(new)) == 0 else { throw .system("rename", file(old)) }
    try syncFolder()
  }

  /// The names of the files inside, sorted.
  var names: [String] {
    guard let handle = opendir(path) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private func syncFolder() throws(LinkError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system("sync", path) }
  }

  /// Writes all bytes at the end of an open file.
  static func append(
    _ bytes: [UInt8], to descriptor: Int32, named path: String
  ) throws(LinkError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress?.advanced(by: done), bytes.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .system("write", path) }
      done += count
    }
  }
}

extension LinkError {
  /// The failure of the last system call on a path.
  static func system(_ action: String, _ path: String) -> LinkError {
    .file(action: action, path: path, reason: String(cString: strerror(errno)))
  }
}
