// The one error of this target: what can go wrong between an upload and a stored image.
public import Crypto
import Glibc

/// Why an image could not be received, stored, read, packed or unpacked.
public enum ImageError: Error, Hashable, Sendable {
  /// More bytes arrived than the limit allows.
  case tooLarge(byteCountMax: Int64)
  /// An upload without a single byte.
  case empty
  /// The file system of `directory` has no room, or the quota is used up.
  case diskFull(directory: String)
  /// A system call failed with `code` (errno).
  case system(operation: String, path: String, code: Int32)
  /// The upload ended early or ran on.
  case sizeMismatch(expected: Int64, actual: Int64)
  /// The bytes are not the promised ones.
  case digestMismatch(expected: SHA256.Value, actual: SHA256.Value)
  /// The upload was already finished, aborted or failed.
  case closed
  /// The temporary file is no longer the one that was hashed.
  case exchanged(path: String)
  /// No stored image has this digest.
  case missing(SHA256.Value)
  /// The file became shorter while it was being read.
  case shrunk(at: Int64)
  /// A compression option outside its range.
  case option(name: String, value: Int, range: ClosedRange<Int>)
  /// The caller's progress callback asked to stop.
  case cancelled
  /// The compressed stream is damaged; `reason` is the library's text.
  case corruptFrame(reason: String)
  /// The compressed stream ends inside a frame.
  case truncatedFrame
  /// The compressed stream wants more memory than allowed.
  case windowTooLarge(byteCountMax: Int64)
  /// The compressed stream unpacks to more than allowed.
  case outputTooLarge(byteCountMax: Int64)
  /// The compression library failed for lack of memory or a bug.
  case compressor(reason: String)
  /// A digest or random name could not be computed.
  case crypto(CryptoError)

  static func fromErrno(_ operation: String, _ path: String) -> ImageError {
    .fromCode(errno, operation, path)
  }

  static func fromCode(_ code: Int32, _ operation: String, _ path: String) -> ImageError {
    switch code {
    case ENOSPC, EDQUOT: .diskFull(directory: parent(of: path))
    default: .system(operation: operation, path: path, code: code)
    }
  }
}

extension ImageError: CustomStringConvertible {
  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .tooLarge(let max): "the image is larger than \(max) bytes; raise the limit or shrink it"
    case .empty: "the image has no bytes; check the upload command"
    case .diskFull(let directory):
      "no room left for the image in \(directory); free space or delete unused images"
    case .system(let operation, let path, let code):
      "could not \(operation) \(path): \(String(cString: strerror(code)))"
    case .sizeMismatch(let expected, let actual):
      "\(actual) bytes arrived where \(expected) were announced; upload again"
    case .digestMismatch(let expected, let actual):
      "SHA-256 is \(actual) where \(expected) was expected; upload again"
    case .closed: "the upload is already over; start a new one"
    case .exchanged(let path): "\(path) was exchanged by somebody else; upload again"
    case .missing(let digest): "no stored image has SHA-256 \(digest)"
    case .shrunk(let offset): "the file became shorter than \(offset) bytes while being read"
    case .option(let name, let value, let range):
      "\(name) \(value) is outside \(range.lowerBound) to \(range.upperBound)"
    case .cancelled: "cancelled"
    case .corruptFrame(let reason): "the compressed image is damaged: \(reason)"
    case .truncatedFrame: "the compressed image ends too early"
    case .windowTooLarge(let max): "the compressed image needs a window over \(max) bytes"
    case .outputTooLarge(let max): "the compressed image unpacks to more than \(max) bytes"
    case .compressor(let reason): "compression failed: \(reason)"
    case .crypto(let error): error.description
    }
  }
}

/// The folder part of a path, as dirname(3) sees it.
func parent(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
