// Challenges: texts that a device signs to open a session; nothing is kept of those given out.

import Crypto
import Synchronization
import UpdateModel

/// Makes challenges and knows them again.
final class Challenges: Sendable {
  /// How long one is good.
  static let lifetime = Interval.seconds(120)

  private let randomness: any Randomness
  // Drawn at the first use, and gone with the process: so are all challenges.
  private let secret = Lock<[UInt8]?>(nil)
  private let counter = Atomic<UInt64>(0)

  init(_ randomness: any Randomness) { self.randomness = randomness }

  /// A new challenge for a device: its end, its number, and a code over both and the device.
  func next(for device: DeviceID, of tenant: Name, at now: Instant) throws(Problem) -> String {
    let number = counter.add(1, ordering: .relaxed).newValue
    let head =
      Challenges.bytes(UInt64(bitPattern: (now + Challenges.lifetime).milliseconds))
      + Challenges.bytes(number)
    return Base64.url.encode(head + (try code(head, device, tenant)).bytes)
  }

  /// The number of a challenge of ours that is still good; nil for all others.
  func number(
    of text: String, for device: DeviceID, of tenant: Name, at now: Instant
  ) throws(Problem) -> UInt64? {
    guard text.utf8.count <= 100, let bytes = Base64.url.decode(text), bytes.count == 48 else {
      return nil
    }
    let head = Array(bytes[..<16])
    guard constantTimeEquals(try code(head, device, tenant).bytes, Array(bytes[16...])) else {
      return nil
    }
    let end = Int64(bitPattern: Challenges.number(head[..<8]))
    return now.milliseconds < end ? Challenges.number(head[8...]) : nil
  }

  private func code(
    _ head: [UInt8], _ device: DeviceID, _ tenant: Name
  ) throws(Problem) -> SHA256.Value {
    // Neither name holds a line feed, so no two pairs read the same.
    let message = head + Array("\(tenant)\n\(device)".utf8)
    return HMAC.sha256(message, key: try key())
  }

  private func key() throws(Problem) -> [UInt8] {
    try secret.withLock { secret throws(Problem) in
      if let secret { return secret }
      do throws(CryptoError) {
        let drawn = try randomness.bytes(32)
        secret = drawn
        return drawn
      } catch { throw Problem(.internalError, "no randomness for challenges: \(error)") }
    }
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
