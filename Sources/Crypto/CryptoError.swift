// The one error of this target, and the way OpenSSL's error queue becomes part of it.
import COpenSSL
import Glibc

/// Why a cryptographic operation did not happen.
public enum CryptoError: Error, Hashable, Sendable {
  /// OpenSSL refused; `reasons` is its error queue, oldest first.
  case library(operation: String, reasons: [String])
  /// Input that is not what it claims to be.
  case malformed(subject: String, reason: String)
  /// A system call on a key file failed with `code` (errno).
  case file(operation: String, path: String, code: Int32)
  /// A private key that people other than its owner can reach; `mode` holds the permission bits.
  case exposedKey(path: String, mode: UInt32)
  /// A private key that belongs to neither this process nor root.
  case foreignKey(path: String, owner: UInt32)

  /// Takes everything OpenSSL queued on this thread, so that nothing old is blamed later.
  static func fromQueue(_ operation: String) -> CryptoError {
    var reasons: [String] = []
    while case let code = ERR_get_error(), code != 0 {
      // The queue holds 16 entries; each text fits 256 bytes (ERR_error_string_n).
      let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        buffer.initialize(repeating: 0)
        ERR_error_string_n(code, buffer.baseAddress, buffer.count)
        let characters = buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        return String(decoding: characters, as: UTF8.self)
      }
      reasons.append(text)
    }
    return .library(operation: operation, reasons: reasons)
  }

  static func fromErrno(_ operation: String, _ path: String) -> CryptoError {
    .file(operation: operation, path: path, code: errno)
  }
}

extension CryptoError: CustomStringConvertible {
  /// What happened, with which value, and what to do next.
  public var description: String {
    switch self {
    case .library(let operation, let reasons):
      let cause = reasons.isEmpty ? "no reason given" : reasons.joined(separator: "; ")
      return "OpenSSL could not \(operation): \(cause)"
    case .malformed(let subject, let reason):
      return "\(subject): \(reason)"
    case .file(let operation, let path, let code):
      return "could not \(operation) \(path): \(String(cString: strerror(code)))"
    case .exposedKey(let path, let mode):
      return "private key \(path) has mode \(String(mode, radix: 8)), so others can reach it; "
        + "run chmod 600 and consider the key compromised"
    case .foreignKey(let path, let owner):
      return "private key \(path) belongs to user \(owner); make the server's user its owner"
    }
  }
}
