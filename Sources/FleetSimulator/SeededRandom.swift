// SeededRandom: the simulator's own random numbers; the sequence of a seed is fixed for ever.

public import UpdateModel

/// xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64 from the seed.
///
/// Written out here because the algorithms of the standard library may change between versions,
/// and a seed in a bug report must mean the same run in ten years.
public struct SeededRandom: Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// Starts the sequence of a seed; each `stream` of a seed is a sequence of its own.
  public init(seed: UInt64, stream: UInt64 = 0) {
    var mixer = SplitMix(seed)
    mixer.state = mixer.next() ^ (stream &* 0x9e37_79b9_7f4a_7c15)
    state = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    let result = rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotate(state.3, 45)
    return result
  }

  /// A number from 0 to `bound` - 1, uniform but for an error below `bound` / 2^64.
  public mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "there is a number below the bound")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A number of a closed range.
  public mutating func within(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + below(range.count)
  }

  /// True for this share of the calls.
  public mutating func chance(_ share: Share) -> Bool { below(10_000) < share.basisPoints }

  /// A length of time from zero to just below `bound`; zero when that is zero.
  public mutating func interval(below bound: Interval) -> Interval {
    bound.milliseconds <= 0
      ? .zero : Interval(milliseconds: Int64(below(Int(bound.milliseconds))))
  }
}

private struct SplitMix {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

private func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 {
  word << bits | word >> (64 - bits)
}
