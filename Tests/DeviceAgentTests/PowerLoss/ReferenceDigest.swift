// ReferenceDigest: checksums computed beside the agent's own code, to judge what it writes.

import Crypto

enum ReferenceDigest {
  static func hex(_ bytes: [UInt8]) -> String { SHA256.value(of: bytes).hex }

  /// Bit by bit, as ISO 3309 describes it.
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum = UInt32.max
    for byte in bytes {
      for bit in 0..<8 {
        let feedback = (sum ^ UInt32(byte >> bit)) & 1
        sum >>= 1
        if feedback == 1 { sum ^= 0xEDB8_8320 }
      }
    }
    return ~sum
  }
}
