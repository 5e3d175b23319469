// CompetitionTests: rollouts that compete for devices which do as they please; what must hold after
// every step, and after every restart.

import Orchestrator
import RolloutEngine
import Testing
import UpdateModel

@Suite struct CompetitionTests {
  /// SplitMix64 (Steele, Lea and Flood 2014).
  private struct Dice {
    var state: UInt64
    mutating func roll(_ count: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return Int((mixed ^ mixed >> 31) % UInt64(count))
    }
  }

  private static let devices = (1...6).map { "d\($0)" }
  private static let rollouts = ["first", "second", "third", "app"]

  private func workshop(_ dice: inout Dice) throws -> Workshop {
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    try shop.release("os", "3", floors: ReleaseFloors(rollbackFloor: "os:2"))
    try shop.release("os", "4", floors: ReleaseFloors(floor: "os:3"))
    try shop.release("app", "a2", component: "app")
    for device in CompetitionTests.devices { try shop.register(device, version: "1") }
    for (name, release) in zip(CompetitionTests.rollouts, ["os:2", "os:3", "os:4", "app:a2"]) {
      var overrides = [("retry.backoff", "1s"), ("limits.concurrent", "\(2 + dice.roll(4))")]
      if dice.roll(2) == 0 {
        overrides += [("postpone.atMost", "10m"), ("postpone.then", "fail")]
      }
      let end = dice.roll(3) == 0 ? shop.clock.now + .minutes(Int64(5 + dice.roll(60))) : nil
      try shop.create(
        name, release, overrides: overrides,
        terms: try RolloutTerms(priority: 100 * dice.roll(11), endAt: end))
    }
    return shop
  }

  private func step(_ shop: Workshop, _ dice: inout Dice) throws {
    let device = CompetitionTests.devices[dice.roll(CompetitionTests.devices.count)]
    switch dice.roll(20) {
    case 0:
      let commands = [SteeringCommand.start, .start, .start, .pause, .resume, .abort, .rollback]
      let name = CompetitionTests.rollouts[dice.roll(CompetitionTests.rollouts.count)]
      // What is not allowed now is refused.
      try? shop.steer(commands[dice.roll(commands.count)], name)
    case 1:
      shop.clock.advance(.seconds(Int64(1 + dice.roll(1200))))
      shop.plane.advance()
    case 2: try shop.describe(device, ["version": ["1", "2", "3", "4", "a2", "x"][dice.roll(6)]])
    default: try visit(device, shop, &dice)
    }
    shop.clock.advance(.seconds(1))
  }

  private func visit(_ device: String, _ shop: Workshop, _ dice: inout Dice) throws {
    switch try shop.poll(device) {
    case .deployment(let id, _):
      guard let version = try shop.fetch(id, device)?.release.version.text else { return }
      switch dice.roll(8) {
      case 0: try shop.report(.failed, id, device)
      case 1: try shop.report(.rejected, id, device, text: "busy")
      case 2: try shop.report(.downloaded, id, device)
      case 3: break
      default:
        try shop.report(.installed, id, device)
        if dice.roll(6) > 0 { try shop.describe(device, ["version": version]) }
      }
    case .cancel(let id, _):
      let answers = [DeviceReport.Meaning.cancelAccepted, .cancelAccepted, .cancelRefused]
      let answer = answers[dice.roll(answers.count)]
      try shop.report(answer, id, device, answersCancel: true)
      // Some say so again, or that they installed all the same.
      if dice.roll(4) == 0 { try shop.report(.installed, id, device) }
    case .idle, .refused: break
    }
  }

  private func parts(_ shop: Workshop) throws -> [String: [Action]] {
    var parts: [String: [Action]] = [:]
    for name in CompetitionTests.rollouts {
      parts[name] = try shop.plane.participants(
        of: name, in: shop.room, standing: nil, after: nil, limit: 100
      ).map(\.part.action)
    }
    return parts
  }

  private func check(_ shop: Workshop, _ place: String) throws {
    // Closed rollouts are read from the store, which refuses what must not be.
    try shop.flush()
    let parts = try parts(shop)
    let leased = parts.values.flatMap { $0 }.filter(\.isLeased).map(\.device)
    #expect(Set(leased).count == leased.count, "a device holds two leases, \(place)")
    for name in CompetitionTests.rollouts {
      let rollout = try shop.rollout(name)
      var recount = Tally()
      if rollout.status != .closed {
        for part in parts[name] ?? [] { recount.move(from: nil, to: part.standing) }
        #expect(rollout.tally == recount, "\(name), \(place)")
      }
      for part in parts[name] ?? [] where part.standing == .superseded {
        #expect(part.aside != nil, "\(place)")
      }
    }
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func `competing rollouts keep their books, one lease a device, over restarts`(
    seed: UInt64
  ) throws {
    var dice = Dice(state: seed)
    let shop = try workshop(&dice)
    try shop.steer(.start, CompetitionTests.rollouts[dice.roll(4)])
    for number in 0..<160 {
      try step(shop, &dice)
      if number.isMultiple(of: 10) { try check(shop, "seed \(seed), step \(number)") }
      guard number.isMultiple(of: 53), number > 0 else { continue }
      let before = try parts(shop)
      let statuses = try CompetitionTests.rollouts.map { try shop.rollout($0).status }
      try shop.restart()
      try check(shop, "seed \(seed), after the restart at \(number)")
      #expect(try CompetitionTests.rollouts.map { try shop.rollout($0).status } == statuses)
      let after = try parts(shop)
      for name in CompetitionTests.rollouts {
        #expect(before[name]?.map(\.standing) == after[name]?.map(\.standing), "seed \(seed)")
        #expect(before[name]?.map(\.aside) == after[name]?.map(\.aside), "seed \(seed)")
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `when devices do as they are told, every one ends on what the rollouts want`(
    seed: UInt64
  ) throws {
    var dice = Dice(state: seed &* 7919)
    let shop = try Workshop()
    try shop.release("os", "1")
    try shop.release("os", "2")
    try shop.release("os", "3", floors: ReleaseFloors(floor: "os:2"))
    for device in CompetitionTests.devices { try shop.register(device, version: "1") }
    try shop.create("low", "os:2", terms: try RolloutTerms(priority: 100 * dice.roll(11)))
    try shop.create("high", "os:3", terms: try RolloutTerms(priority: 100 * dice.roll(11)))
    let late = dice.roll(60)
    try shop.steer(.start, "low")
    for number in 0..<400 {
      if number == late { try shop.steer(.start, "high") }
      let device = CompetitionTests.devices[dice.roll(CompetitionTests.devices.count)]
      switch try shop.poll(device) {
      case .deployment(let id, _):
        guard let version = try shop.fetch(id, device)?.release.version.text else { break }
        if dice.roll(3) == 0 { break }
        try shop.report(.installed, id, device)
        try shop.describe(device, ["version": version])
      case .cancel(let id, _):
        try shop.report(.cancelAccepted, id, device, answersCancel: true)
      case .idle, .refused: break
      }
      shop.clock.advance(.seconds(2))
    }
    for device in CompetitionTests.devices {
      #expect(try shop.standing(device, "high") == .succeeded, "seed \(seed), \(device)")
      #expect(try shop.standing(device, "low") != .failed, "seed \(seed), \(device)")
    }
    #expect(try shop.rollout("low").tally.failures == 0, "seed \(seed)")
  }
}
