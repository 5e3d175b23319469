// CohortTests: the order of devices never changes; a second SipHash, proven by the official vector,
// vouches for the first.

import RolloutEngine
import Testing
import UpdateModel

@Suite struct CohortTests {
  /// SipHash-2-4 written from the paper, over bytes, for comparison.
  private static func sipHash(_ message: [UInt8], _ key: (UInt64, UInt64)) -> UInt64 {
    var v: [UInt64] = [
      key.0 ^ 0x736f_6d65_7073_6575, key.1 ^ 0x646f_7261_6e64_6f6d,
      key.0 ^ 0x6c79_6765_6e65_7261, key.1 ^ 0x7465_6462_7974_6573,
    ]
    func turned(_ word: UInt64, by bits: UInt64) -> UInt64 { word << bits | word >> (64 - bits) }
    func rounds(_ count: Int) {
      for _ in 0..<count {
        v[0] &+= v[1]
        v[1] = turned(v[1], by: 13) ^ v[0]
        v[0] = turned(v[0], by: 32)
        v[2] &+= v[3]
        v[3] = turned(v[3], by: 16) ^ v[2]
        v[0] &+= v[3]
        v[3] = turned(v[3], by: 21) ^ v[0]
        v[2] &+= v[1]
        v[1] = turned(v[1], by: 17) ^ v[2]
        v[2] = turned(v[2], by: 32)
      }
    }
    let padding = [UInt8](repeating: 0, count: 7 - message.count % 8)
    let padded = message + padding + [UInt8(truncatingIfNeeded: message.count)]
    for start in stride(from: 0, to: padded.count, by: 8) {
      let word = (0..<8).reduce(0 as UInt64) { $0 | UInt64(padded[start + $1]) << (8 * UInt64($1)) }
      v[3] ^= word
      rounds(2)
      v[0] ^= word
    }
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]
  }

  @Test func `the comparison gives the official test vector`() {
    let hash = CohortTests.sipHash(
      Array(0...14), (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
    #expect(hash == 0xa129_ca61_49be_45e5)
  }

  @Test func `ranks and spreads are SipHash-2-4 for ids of every length`() throws {
    for length in 1...40 {
      let text = String(repeating: "gerät-", count: 10).prefix(length)
      let device = try DeviceID(String(text))
      let salt = 0x9e37_79b9_7f4a_7c15 &* UInt64(length)
      let bytes = Array(text.utf8)
      #expect(Cohort.rank(of: device, salt: salt) == CohortTests.sipHash(bytes, (salt, 0)))
      for attempt in 1...3 {
        #expect(
          Cohort.spread(of: device, attempt: attempt, salt: salt)
            == CohortTests.sipHash(bytes, (salt, UInt64(attempt) + 1)))
      }
    }
  }

  @Test func `golden ranks stay as they are`() throws {
    #expect(Cohort.rank(of: try DeviceID("device-1"), salt: 0) == 0xe4af_d778_8dfd_c889)
    #expect(Cohort.rank(of: try DeviceID("device-1"), salt: 42) == 0xc7f8_e391_e283_8e8d)
    #expect(Cohort.rank(of: try DeviceID("device-2"), salt: 42) == 0x69ec_7a9f_933c_97e7)
  }

  @Test func `ranks are spread evenly over sixteen parts`() throws {
    var counts = [Int](repeating: 0, count: 16)
    for number in 0..<8000 {
      counts[Int(Cohort.rank(of: try DeviceID("d\(number)"), salt: 5) >> 60)] += 1
    }
    #expect(counts.allSatisfy { (400...600).contains($0) }, "\(counts)")
  }
}
