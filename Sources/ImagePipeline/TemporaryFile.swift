// A file that deletes itself unless it is published under its final name.
import Crypto
import Glibc
import Synchronization

/// A file under construction; its name goes with the last reference.
final class TemporaryFile: Sendable {
  /// Every name carries both, so that a sweep never touches anything else.
  static let prefix = ".groundswell-"
  static let suffix = ".tmp"

  let descriptor: Descriptor
  let path: String
  private let isGone = Atomic(false)

  init(in directory: String) throws(ImageError) {
    let random: [UInt8]
    do throws(CryptoError) { random = try SecureRandom.bytes(16) } catch { throw .crypto(error) }
    path = "\(directory)/\(Self.prefix)\(Hex.encode(random))\(Self.suffix)"
    let number = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard number >= 0 else { throw .fromErrno("create", path) }
    descriptor = Descriptor(owning: number)
  }

  deinit { discard() }

  /// Deletes the name now; the open file stays readable.
  func discard() {
    if claim() { unlink(path) }
  }

  /// Appends all bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let count = Glibc.write(descriptor.number, piece.baseAddress, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .fromErrno("write", path) }
      rest = rest.dropFirst(count)
    }
  }

  /// Makes the bytes durable; a full disk may show only here.
  func sync() throws(ImageError) {
    guard fsync(descriptor.number) == 0 else { throw .fromErrno("sync", path) }
  }

  /// Renames the file to `target` and makes it read-only; works once.
  ///
  /// The name is checked against the open file first: what was hashed is what is published. Whoever
  /// can still exchange it between check and rename can write to the folder and needs no such
  /// trick.
  func publish(as target: String) throws(ImageError) {
    guard claim() else { throw .closed }
    do throws(ImageError) {
      var opened = stat()
      var named = stat()
      guard fstat(descriptor.number, &opened) == 0, lstat(path, &named) == 0,
        opened.st_ino == named.st_ino, opened.st_dev == named.st_dev
      else { throw .exchanged(path: path) }
      guard fchmod(descriptor.number, 0o440) == 0 else { throw .fromErrno("protect", path) }
      guard rename(path, target) == 0 else { throw .fromErrno("publish", target) }
    } catch {
      unlink(path)
      throw error
    }
  }

  /// True for the one caller that may decide the name's fate.
  private func claim() -> Bool {
    !isGone.exchange(true, ordering: .acquiringAndReleasing)
  }
}
