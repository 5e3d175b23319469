// A file as the body of a response: an open descriptor and what the caches need to know about it.
import Glibc

/// An open file, closed when the last user lets go.
public final class OpenFile: Sendable {
  let descriptor: Int32
  /// Size in bytes when it was opened.
  public let size: Int
  /// Last modification when it was opened, in seconds since 1970.
  public let modifiedSeconds: Int

  /// Opens a regular file for reading; blocks for the disk as `open(2)` does.
  ///
  /// - Returns: `nil` if there is no such regular file or it may not be read; `errno` says why.
  public init?(path: String) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      return nil
    }
    self.descriptor = descriptor
    size = Int(status.st_size)
    modifiedSeconds = Int(status.st_mtim.tv_sec)
  }

  deinit { close(descriptor) }
}

/// A file as a response body.
///
/// The engine answers ranges, conditions and HEAD from it.
///
/// The file must not change while it is served: what is read past a truncation cuts the connection.
public struct FileBody: Sendable {
  /// The open file.
  public var file: OpenFile
  /// Bytes to serve from the start of the file; at most its size.
  public var length: Int
  /// The media type.
  public var contentType: String
  /// The entity tag with its quotes, as in `"abc"`; `nil` for none (RFC 9110 section 8.8.3).
  public var etag: String?
  /// Seconds since 1970 for Last-Modified; `nil` to leave it out.
  public var lastModified: Int?
  /// The Content-Encoding of the stored bytes, such as `zstd`; `nil` for none.
  public var contentEncoding: String?
  /// The Content-Disposition, such as `attachment; filename="image.bin"`; `nil` for none.
  public var disposition: String?
  /// Called on the loop's thread once the last byte of the file was handed to the system, also at
  /// the end of a range; must not block.
  public var onSent: (@Sendable () -> Void)?
  /// Asked on the loop's thread before each portion; false cuts the connection. Must not block; nil
  /// lets everything through.
  public var mayGoOn: (@Sendable () -> Bool)?

  /// Describes a file; everything but the media type has a sensible default.
  public init(
    file: OpenFile, contentType: String, etag: String? = nil, lastModified: Int? = nil,
    contentEncoding: String? = nil, disposition: String? = nil,
    onSent: (@Sendable () -> Void)? = nil, mayGoOn: (@Sendable () -> Bool)? = nil
  ) {
    self.onSent = onSent
    self.mayGoOn = mayGoOn
    self.file = file
    self.length = file.size
    self.contentType = contentType
    self.etag = etag
    self.lastModified = lastModified ?? file.modifiedSeconds
    self.contentEncoding = contentEncoding
    self.disposition = disposition
  }
}
