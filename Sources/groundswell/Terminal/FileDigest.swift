// FileDigest: the SHA-256 of what is sent and received, so that both ends mean the same bytes.

import Crypto
import Glibc

/// The SHA-256 of bytes that arrive in pieces.
final class FileDigest {
  private var digest: StreamDigest?
  private var failure: CryptoError?

  /// Starts with no bytes.
  init() throws(Failure) {
    do throws(CryptoError) {
      digest = try StreamDigest(.sha256)
    } catch {
      throw .failed("cannot compute SHA-256: \(error)")
    }
  }

  /// The digest of a file, in hexadecimal digits.
  static func sha256(of path: String) throws(Failure) -> String {
    let digest = try FileDigest()
    try LocalFile.pieces(of: path) { piece in
      digest.update(piece)
      return true
    }
    return try digest.finish()
  }

  /// Adds bytes; a failure is told by `finish`.
  func update(_ bytes: UnsafeRawBufferPointer) {
    guard failure == nil else { return }
    do throws(CryptoError) {
      try digest?.update(bytes)
    } catch {
      failure = error
    }
  }

  /// The digest in hexadecimal digits; once.
  func finish() throws(Failure) -> String {
    do throws(CryptoError) {
      if let failure { throw failure }
      guard let whole = digest.take() else {
        preconditionFailure("a digest is finished once")
      }
      return Hex.encode(try whole.finish())
    } catch {
      throw .failed("cannot compute SHA-256: \(error)")
    }
  }
}
