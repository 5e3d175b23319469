// SimulatedSurroundings: the clock and the chance that the service is given in a simulation.

import Crypto
import FleetSimulator
import Orchestrator
import Synchronization
import UpdateModel

/// The clock of the simulated machine; set before every step.
final class SimulatedClock: Clock {
  private let milliseconds = Atomic<Int64>(0)

  var now: Instant { Instant(milliseconds: milliseconds.load(ordering: .relaxed)) }

  func set(_ now: Instant) { milliseconds.store(now.milliseconds, ordering: .relaxed) }
}

/// Random bytes that follow from a seed.
final class SimulatedRandomness: Randomness {
  private let random: Mutex<SeededRandom>

  init(seed: UInt64) { random = Mutex(SeededRandom(seed: seed, stream: 0x6279_7465)) }

  func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
    random.withLock { random in
      (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
    }
  }
}

/// A fingerprint of everything that happened, in order.
struct Fingerprint {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func mix(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    value ^= value >> 29
  }

  mutating func mix(_ number: Int) { mix(UInt64(bitPattern: Int64(number))) }

  mutating func mix(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    mix(0)
  }
}
