// Crypto's digests with this target's error.
import Crypto

extension StreamDigest {
  static func sha256() throws(ImageError) -> StreamDigest {
    do throws(CryptoError) { return try StreamDigest(.sha256) } catch { throw .crypto(error) }
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
    do throws(CryptoError) { try update(bytes) } catch { throw .crypto(error) }
  }

  consuming func value() throws(ImageError) -> SHA256.Value {
    let bytes: [UInt8]
    do throws(CryptoError) { bytes = try finish() } catch { throw .crypto(error) }
    guard let value = SHA256.Value(bytes) else {
      preconditionFailure("only SHA-256 digests have a value")
    }
    return value
  }
}
