// DirectoryLock: keeps two servers from using one data directory.

internal import Glibc

/// Holds the file `lock` of a directory; given back when this goes, also by a crash.
final class DirectoryLock: Sendable {
  private let descriptor: Int32

  /// Makes the directory when it is missing and takes the lock.
  init(_ directory: String) throws(StoreError) {
    // Only the server's own user may read tokens' digests and devices' names.
    if mkdir(directory, 0o700) != 0, errno != EEXIST {
      throw .directory(path: directory, reason: "cannot be made: \(DirectoryLock.reason)")
    }
    let descriptor = open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .directory(path: directory, reason: "no lock file: \(DirectoryLock.reason)")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let isHeld = errno == EWOULDBLOCK
      let reason = DirectoryLock.reason
      close(descriptor)
      throw isHeld
        ? .inUse(directory: directory)
        : .directory(path: directory, reason: "cannot be locked: \(reason)")
    }
    self.descriptor = descriptor
  }

  deinit {
    // Said in so many words: a child process that is just being started holds the descriptor too,
    // until it executes its program, and closing ours would not give the lock back.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  private static var reason: String { String(cString: strerror(errno)) }
}
