// ActionNumbers: hands out action ids that were never used before, also after a crash.

import FleetStore
import UpdateModel

/// The next action id. Numbers are reserved in blocks: the store learns the end of a block before a
/// number from it is used, so a crash skips numbers and never repeats one.
struct ActionNumbers {
  private static let block: UInt32 = 1000
  private var next: ActionID?
  private var reservedEnd: UInt32 = 0

  /// Continues after the highest reserved number; a new server starts at a random offset, because
  /// devices that change servers remember ids (zephyr pull 90648).
  mutating func restore(reserved: UInt32?, _ randomness: any Randomness) {
    let start = reserved ?? ActionNumbers.randomStart(randomness)
    next = (ActionID(start) ?? ActionID(start &+ 1) ?? ActionID(11))?.following
    reservedEnd = start
  }

  /// A fresh id, and the reservation to store with it when one is due.
  mutating func take() -> (id: ActionID, reservation: Change?) {
    guard let id = next else { preconditionFailure("ids are restored before they are taken") }
    next = id.following
    guard id.number > reservedEnd || reservedEnd - id.number > ActionNumbers.block else {
      return (id, nil)
    }
    reservedEnd = min(id.number &+ ActionNumbers.block, UInt32(Int32.max))
    return (id, .actionCounter(reservedEnd))
  }

  private static func randomStart(_ randomness: any Randomness) -> UInt32 {
    // Without randomness ids start at 11; uniqueness does not depend on it.
    guard let bytes = try? randomness.bytes(4) else { return 11 }
    let number = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    return 1000 + number % 100_000_000
  }
}
