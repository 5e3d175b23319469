// HMAC with SHA-256 (RFC 2104), for texts that we hand out and want to know again.

/// Message authentication.
public enum HMAC {
  private static let blockByteCount = 64

  /// HMAC-SHA-256 of a message under a key of at most 64 bytes.
  public static func sha256(_ message: [UInt8], key: [UInt8]) -> SHA256.Value {
    precondition(key.count <= blockByteCount, "a key fits one block")
    let padded = key + [UInt8](repeating: 0, count: blockByteCount - key.count)
    let inner = SHA256.value(of: padded.map { $0 ^ 0x36 } + message)
    return SHA256.value(of: padded.map { $0 ^ 0x5C } + inner.bytes)
  }
}
