// Randomness for keys, tokens and names that nobody may guess.
import COpenSSL

/// OpenSSL's random generator, seeded by the kernel.
public enum SecureRandom {
  /// Returns `count` unpredictable bytes; throws when the generator cannot be seeded.
  public static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
    guard let length = Int32(exactly: count), length >= 0 else {
      preconditionFailure("a random request holds 0 to 2^31 - 1 bytes")
    }
    var bytes = [UInt8](repeating: 0, count: count)
    guard RAND_bytes(&bytes, length) == 1 else { throw .fromQueue("draw random bytes") }
    return bytes
  }
}
