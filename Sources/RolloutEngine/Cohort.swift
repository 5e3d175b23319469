// Cohort: the fixed random order of devices in a rollout, as a keyed hash of the device id.

public import UpdateModel

/// Ranks devices by SipHash-2-4 (Aumasson and Bernstein, 2012) of their id under the rollout's
/// salt.
///
/// A stage is open up to a rank, so nothing is stored per device, a device that joins later falls
/// into its place by itself, and a device cannot choose its place without knowing the salt.
public enum Cohort {
  /// The rank of a device in a rollout: uniform over all 64-bit values.
  public static func rank(of device: DeviceID, salt: UInt64) -> UInt64 {
    hash(device.text.utf8, salt: salt, purpose: 0)
  }

  /// A number that spreads devices in time: uniform, different for each attempt.
  public static func spread(of device: DeviceID, attempt: Int, salt: UInt64) -> UInt64 {
    hash(device.text.utf8, salt: salt, purpose: UInt64(attempt) &+ 1)
  }

  private static func hash(
    _ bytes: some Sequence<UInt8>, salt: UInt64, purpose: UInt64
  ) -> UInt64 {
    var state = SipState(salt, purpose)
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) << (8 * (count & 7))
      count += 1
      if count & 7 == 0 {
        state.absorb(word)
        word = 0
      }
    }
    state.absorb(word | count << 56)
    return state.finish()
  }
}

private struct SipState {
  var v0: UInt64
  var v1: UInt64
  var v2: UInt64
  var v3: UInt64

  init(_ key0: UInt64, _ key1: UInt64) {
    v0 = key0 ^ 0x736f_6d65_7073_6575
    v1 = key1 ^ 0x646f_7261_6e64_6f6d
    v2 = key0 ^ 0x6c79_6765_6e65_7261
    v3 = key1 ^ 0x7465_6462_7974_6573
  }

  mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  mutating func finish() -> UInt64 {
    v2 ^= 0xff
    for _ in 0..<4 { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  private mutating func round() {
    v0 &+= v1
    v1 = rotate(v1, 13) ^ v0
    v0 = rotate(v0, 32)
    v2 &+= v3
    v3 = rotate(v3, 16) ^ v2
    v0 &+= v3
    v3 = rotate(v3, 21) ^ v0
    v2 &+= v1
    v1 = rotate(v1, 17) ^ v2
    v2 = rotate(v2, 32)
  }

  private func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 {
    word << bits | word >> (64 - bits)
  }
}
