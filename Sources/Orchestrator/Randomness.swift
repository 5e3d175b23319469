// Randomness: where the shell gets what nobody may guess: tokens, salts, the first action number.

public import Crypto

/// A source of random bytes; simulations bring one that repeats itself.
public protocol Randomness: Sendable {
  /// So many bytes; throws when there are none to be had.
  func bytes(_ count: Int) throws(CryptoError) -> [UInt8]
}

/// The generator of the machine.
public struct SystemRandomness: Randomness {
  /// A source without state.
  public init() {}

  /// Unpredictable bytes of OpenSSL's generator.
  public func bytes(_ count: Int) throws(CryptoError) -> [UInt8] { try SecureRandom.bytes(count) }
}
