// Fates: what happens to each device of a what-if run, as a function of seed and device number.
//
// Nothing here depends on a policy, so different policies meet the same devices, the same bricks,
// the same drop-outs and the same outage.

import UpdateModel

/// The fates of one seed. Times are ticks since the start of the rollout.
struct Fates: Sendable {
  /// What the release does to a device.
  enum Ending: Equatable, Sendable {
    /// Runs it well.
    case good
    /// Says that it failed, at every attempt.
    case failure
    /// Falls silent for good while it installs.
    case brick
    /// Runs it well at first, then says that it failed.
    case lateFailure
    /// Runs it well at first, then falls silent for good.
    case lateBrick

    var isLate: Bool { self == .lateFailure || self == .lateBrick }
    var isSilent: Bool { self == .brick || self == .lateBrick }
  }

  let scenario: WhatIfScenario
  let clock: Ticks
  /// When nobody can be heard; nil without outage.
  let outage: Range<Int>?
  /// One past the last device number of each model.
  private let ends: [Int]
  private let key: UInt64

  private enum Purpose: UInt64 { case reach = 1, phase, ending, silence, day, outage, order }

  init(_ scenario: WhatIfScenario, clock: Ticks, seed: UInt64) {
    self.scenario = scenario
    self.clock = clock
    key = Fates.mix(seed &+ 0x9e37_79b9_7f4a_7c15)
    var end = 0
    ends = scenario.modelSizes.map { size in
      end += size
      return end
    }
    if scenario.outage > .zero {
      let hour = max(1, clock.count(.hours(1)))
      let draw = Fates.mix(key ^ Purpose.outage.rawValue)
      let start = hour + Int(draw.multipliedFullWidth(by: UInt64(11 * hour)).high)
      outage = start..<start + clock.count(scenario.outage)
    } else {
      outage = nil
    }
  }

  /// The key of the rollout's own random order.
  var salt: UInt64 { Fates.mix(key ^ Purpose.order.rawValue) }

  /// Which model a device is.
  func model(_ device: Int) -> Int {
    var index = 0
    while index < ends.count - 1, device >= ends[index] { index += 1 }
    return index
  }

  /// Whether a device calls at all.
  func isReachable(_ device: Int) -> Bool { !isDrawn(scenario.unreachable, .reach, device) }

  /// When a device calls: at this tick of each poll interval.
  func phase(_ device: Int) -> Int {
    Int(draw(.phase, device).multipliedFullWidth(by: UInt64(clock.poll)).high)
  }

  /// What the release does to a device.
  func ending(_ device: Int) -> Ending {
    let model = scenario.models[model(device)]
    let sure = model.failing.basisPoints
    let late = model.failingLate.basisPoints
    guard sure + late > 0 else { return .good }
    let place = Int(draw(.ending, device).multipliedFullWidth(by: 10_000).high)
    guard place < sure + late else { return .good }
    let isSilent = isDrawn(model.unreported, .silence, device)
    if place < sure { return isSilent ? .brick : .failure }
    return isSilent ? .lateBrick : .lateFailure
  }

  /// When a device drops out on a day, days counted from the start; nil when it does not.
  func dropOut(_ device: Int, day: Int) -> Int? {
    let share = scenario.dropOuts.basisPoints
    guard share > 0 else { return nil }
    let salted = Fates.mix(key ^ Purpose.day.rawValue &+ UInt64(bitPattern: Int64(day)) << 8)
    let word = Fates.mix(salted ^ UInt64(device) &* 0xd134_2543_de82_ef95)
    let product = word.multipliedFullWidth(by: 10_000)
    guard product.high < UInt64(share) else { return nil }
    // What is left of the word after the first draw is uniform again.
    return day * clock.day + Int(product.low.multipliedFullWidth(by: UInt64(clock.day)).high)
  }

  private func isDrawn(_ share: Share, _ purpose: Purpose, _ device: Int) -> Bool {
    draw(purpose, device).multipliedFullWidth(by: 10_000).high < UInt64(share.basisPoints)
  }

  private func draw(_ purpose: Purpose, _ device: Int) -> UInt64 {
    let word = key &+ UInt64(device) &* 0xd134_2543_de82_ef95
    return Fates.mix(word ^ purpose.rawValue << 56)
  }

  // The finaliser of splitmix64 (Steele, Lea and Flood, 2014), as in `SeededRandom`.
  private static func mix(_ word: UInt64) -> UInt64 {
    var mixed = word &+ 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

extension Fates {
  /// The first call of a device after a tick, when nothing but an outage keeps it from calling.
  func nextPoll(_ device: Int, after tick: Int) -> Int {
    let next = poll(phase(device), notBefore: tick + 1)
    guard let outage, outage.contains(next) else { return next }
    return poll(phase(device), notBefore: outage.upperBound)
  }

  /// When a message that is sent at a tick arrives; devices try again when an outage is over.
  func arrival(_ tick: Int) -> Int {
    guard let outage, outage.contains(tick) else { return tick }
    return outage.upperBound
  }

  /// The last call of a device at or before a tick, `away` being when it could not call; a device
  /// that comes back calls at once.
  func lastPoll(phase: Int, upTo tick: Int, away: Range<Int>?) -> Int {
    var last = tick - modulo(tick - phase)
    if let away, last < away.upperBound, away.upperBound <= tick { last = away.upperBound }
    // Twice: a device may be away when an outage begins, or in an outage when it drops out.
    for _ in 0..<2 {
      if let away, away.contains(last) {
        last = away.lowerBound - 1 - modulo(away.lowerBound - 1 - phase)
      }
      if let outage, outage.contains(last) {
        last = outage.lowerBound - 1 - modulo(outage.lowerBound - 1 - phase)
      }
    }
    return last
  }

  /// The first call at or after a tick for a device that calls at this phase.
  func poll(_ phase: Int, notBefore tick: Int) -> Int { tick + modulo(phase - tick) }

  private func modulo(_ ticks: Int) -> Int {
    let rest = ticks % clock.poll
    return rest < 0 ? rest + clock.poll : rest
  }
}
