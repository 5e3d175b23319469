// An open file that closes itself, and reading it in bounded pieces at given offsets.
import Glibc

/// The owner of a file descriptor.
final class Descriptor: Sendable {
  let number: Int32

  init(owning number: Int32) { self.number = number }

  deinit { close(number) }
}

/// An image that is open for reading: stays readable though its name changes or goes.
public struct ImageFile: Sendable {
  private let owner: Descriptor
  /// The name it was opened under, for messages only.
  let path: String
  /// Length in bytes when it was opened.
  public let size: Int64

  init(_ owner: Descriptor, path: String, size: Int64) {
    self.owner = owner
    self.path = path
    self.size = size
  }

  /// Opens a regular file; symbolic links are refused.
  public init(path: String) throws(ImageError) {
    let number = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard number >= 0 else { throw .fromErrno("open", path) }
    let owner = Descriptor(owning: number)
    var status = stat()
    guard fstat(number, &status) == 0 else { throw .fromErrno("inspect", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .fromCode(EINVAL, "open", path) }
    self.init(owner, path: path, size: Int64(status.st_size))
  }

  /// Lends the file descriptor, to be sent to a socket; it closes with the last copy of this value.
  public func withDescriptor<Result, Failure>(
    _ body: (Int32) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // The value, and with it the owner, outlives the call.
    defer { withExtendedLifetime(owner) {} }
    return try body(owner.number)
  }

  /// Fills the buffer from `offset`; returns how many bytes there were, fewer only at the end.
  public func read(
    at offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws(ImageError) -> Int {
    try withDescriptor { (number) throws(ImageError) -> Int in
      var filled = 0
      while filled < buffer.count {
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
        let count = pread(number, rest.baseAddress, rest.count, off_t(offset) + off_t(filled))
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw .fromErrno("read", path) }
        if count == 0 { break }
        filled += count
      }
      return filled
    }
  }

  /// Fills the array from `offset`; returns how many bytes there were, fewer only at the end.
  func read(at offset: Int64, into bytes: inout [UInt8]) throws(ImageError) -> Int {
    let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, ImageError> in
      do throws(ImageError) {
        return .success(try read(at: offset, into: buffer))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// Hands `count` bytes from `offset` to the body in pieces of up to 256 KiB.
  ///
  /// Throws `shrunk` when the file no longer has them.
  func forEachPiece(
    from offset: Int64 = 0, count: Int64,
    _ body: (UnsafeRawBufferPointer) throws(ImageError) -> Void
  ) throws(ImageError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var done: Int64 = 0
    while done < count {
      let wanted = Int(min(Int64(buffer.count), count - done))
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
      let got = try read(at: offset + done, into: piece)
      guard got == wanted else { throw .shrunk(at: offset + done + Int64(got)) }
      try body(UnsafeRawBufferPointer(piece))
      done += Int64(wanted)
    }
  }
}

/// Makes the names in a folder durable.
func syncDirectory(_ path: String) throws(ImageError) {
  let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard number >= 0 else { throw .fromErrno("open", path) }
  defer { close(number) }
  guard fsync(number) == 0 else { throw .fromErrno("sync", path) }
}
