// LocalFile: files of the person who runs the command, with errors that name them.

import Glibc

/// Reading and creating files.
enum LocalFile {
  /// Whether there is something at a path.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The last part of a path.
  static func name(of path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  /// The size of a regular file.
  static func size(_ path: String) throws(Failure) -> Int {
    var facts = stat()
    guard stat(path, &facts) == 0 else { throw failure("cannot read", path) }
    guard facts.st_mode & S_IFMT == S_IFREG else { throw .failed("\(path) is not a file") }
    return Int(facts.st_size)
  }

  /// The whole of a small file; `-` is standard input.
  static func read(_ path: String, atMost limit: Int) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    try pieces(of: path) { piece in
      bytes += piece
      return bytes.count <= limit
    }
    guard bytes.count <= limit else {
      throw .failed("\(path) is larger than \(Wording.size(limit)), more than is expected here")
    }
    return bytes
  }

  /// The bytes of a file, piece by piece, until `take` answers false; `-` is standard input.
  static func pieces(
    of path: String, _ take: (UnsafeRawBufferPointer) -> Bool
  ) throws(Failure) {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("cannot read", path) }
    defer { if descriptor != STDIN_FILENO { close(descriptor) } }
    var chunk = [UInt8](repeating: 0, count: 262_144)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot read", path) }
      if count == 0 { return }
      let goesOn = chunk.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      if !goesOn { return }
    }
  }

  /// A new file that is being written; it must not exist yet.
  struct Creation: ~Copyable {
    let path: String
    private let descriptor: Int32

    /// Creates the file; `isPrivate` keeps it from everybody but its owner.
    init(_ path: String, isPrivate: Bool) throws(Failure) {
      self.path = path
      descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isPrivate ? 0o600 : 0o644)
      guard descriptor >= 0 else {
        let hint = errno == EEXIST ? "another name, or remove \(path) first" : nil
        throw failure("cannot create", path, hint: hint)
      }
    }

    deinit { close(descriptor) }

    /// Writes all bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
      var done = 0
      while done < bytes.count {
        let count = Glibc.write(
          descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw failure("cannot write", path) }
        done += count
      }
    }

    /// Writes a text.
    func append(_ text: String) throws(Failure) { try append(Array(text.utf8)) }

    /// Writes all bytes.
    func append(_ bytes: [UInt8]) throws(Failure) {
      // Typed throws do not pass through withUnsafeBytes of Array.
      var trouble: Failure?
      bytes.withUnsafeBytes { bytes in
        do throws(Failure) { try append(bytes) } catch { trouble = error }
      }
      if let trouble { throw trouble }
    }

    /// Makes sure that the bytes are on the disk.
    func sync() throws(Failure) {
      guard fsync(descriptor) == 0 else { throw failure("cannot write", path) }
    }

    /// Takes the file away again.
    func remove() { unlink(path) }
  }
}

/// A failure of the last system call on a path.
private func failure(_ what: String, _ path: String, hint: String? = nil) -> Failure {
  .failed("\(what) \(path): \(String(cString: strerror(errno)))", hint: hint)
}
